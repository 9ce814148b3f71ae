/**
 * Decides for one process whether it leads, from what it sees of a Lease. Pure: time, requests and their answers come
 * in as arguments; `elect-leader.ts` carries the decisions out.
 *
 * What it owns: when to read and to write the Lease, and when the process may act. What it does not: fencing. A
 * process that looked (`mayAct`) and is paused before it acts is late; what must not happen late needs a condition of
 * its own, such as the resource version of what it writes.
 *
 * Invariants (tests cite them):
 * - L1 Never more than one process may act. All it takes is that clocks run at rates whose ratio is below
 *   leaseDuration / renewDeadline, that no two processes have the same identity, and that nobody forges a release.
 * - L2 A leader may act until `renewDeadline` after it *sent* the last write that the server confirmed, by its own
 *   monotonic clock; what the Lease says of time is never read.
 * - L3 A Lease of somebody else is taken when its very version was seen unchanged for the longer of its duration and
 *   our own, by our own monotonic clock, and by a write that fails unless it is still that version.
 * - L4 A Lease that its holder released by its own mark is taken at once. One that merely lost its holder (edited,
 *   restored) counts as held by somebody.
 * - L5 Who creates a Lease acts a whole duration later: the one that was deleted may have had a leader.
 * - L6 A write without an answer may have happened, and may happen later: it makes nobody a leader until the Lease was
 *   read and written once more, and a whole duration has passed: somebody else may have put our name there meanwhile.
 * - L7 Released is only what this process holds for certain, and after it stopped acting; it acts no more then.
 */

/** Durations in milliseconds; `leaseDurationMs` in whole seconds, since the Lease carries it so. */
export interface ElectionTimes {
  /** How long a Lease must be seen unchanged before another may take it. */
  readonly leaseDurationMs: number;
  /** How long a leader acts after it sent its last confirmed renewal; below `leaseDurationMs`. */
  readonly renewDeadlineMs: number;
  /** Pause between attempts; below half of `renewDeadlineMs`. */
  readonly retryPeriodMs: number;
}

/** What the decision needs to know of a Lease; `T` is what a write starts from. */
export interface SeenLease<T> {
  readonly version: string;
  readonly holder: string;
  readonly durationMs: number;
  /** It has no holder and the mark of one that left. */
  readonly isReleased: boolean;
  readonly object: T;
}

export type ElectionRequest<T> =
  | { readonly verb: 'read' }
  | { readonly verb: 'create' }
  /** Succeeds only while the Lease has the version of `base`. */
  | { readonly verb: 'acquire' | 'renew' | 'release'; readonly base: SeenLease<T> };

export type ElectionEvent<T> =
  | { readonly type: 'tick' }
  | { readonly type: 'answer'; readonly id: number; readonly result: ElectionResult<T> }
  /** Leads no more, for good. */
  | { readonly type: 'stop' };

export type ElectionResult<T> =
  | { readonly kind: 'lease'; readonly lease: SeenLease<T> }
  | { readonly kind: 'absent' }
  /** A write that certainly did not happen: the Lease is another than it started from. */
  | { readonly kind: 'conflict' }
  /** Anything else: a write may have happened or not. */
  | { readonly kind: 'failed' };

export type ElectionAction<T> =
  | { readonly type: 'send'; readonly id: number; readonly request: ElectionRequest<T> }
  | { readonly type: 'begin' }
  | { readonly type: 'end' }
  /** After a stop: nothing is left to do. */
  | { readonly type: 'done' };

interface Pending<T> {
  readonly id: number;
  readonly request: ElectionRequest<T>;
  readonly sentAt: number;
  /** Where the write is confirmed: from when on the process may act. */
  readonly from: number;
}

export interface ElectionState<T> {
  readonly identity: string;
  readonly times: ElectionTimes;
  readonly stage: 'contending' | 'stopping' | 'stopped';
  readonly count: number;
  readonly pending: Pending<T> | undefined;
  /** No request before this time. */
  readonly nextAt: number;
  /** The Lease as last seen and since when; `absent`, or undefined where it must be read first. */
  readonly seen: { readonly lease: SeenLease<T>; readonly since: number } | 'absent' | undefined;
  /** `seen` may be outdated: read before writing. */
  readonly mustRead: boolean;
  /** Confirmed: may act from `from` until `until`. */
  readonly lead: { readonly from: number; readonly until: number } | undefined;
  /** Unconfirmed (L6): a write without an answer that would make us the holder. */
  readonly claim: { readonly since: number; readonly from?: number } | undefined;
  readonly hasBegun: boolean;
  readonly stoppedAt: number;
}

export type ElectionStep<T> = readonly [ElectionState<T>, readonly ElectionAction<T>[]];

export function newElection<T>(identity: string, times: ElectionTimes, now: number): ElectionState<T> {
  return {
    identity,
    times,
    stage: 'contending',
    count: 0,
    pending: undefined,
    nextAt: now,
    seen: undefined,
    mustRead: true,
    lead: undefined,
    claim: undefined,
    hasBegun: false,
    stoppedAt: Number.POSITIVE_INFINITY,
  };
}

/** L2: to be asked right before each act, because a pause is noticed by nobody. */
export function mayAct<T>({ stage, lead }: ElectionState<T>, now: number): boolean {
  return stage === 'contending' && lead !== undefined && now >= lead.from && now < lead.until;
}

/** A request without an answer for this long counts as failed. */
const requestTimeout = ({ renewDeadlineMs, retryPeriodMs }: ElectionTimes): number =>
  (renewDeadlineMs - retryPeriodMs) / 2;

/** When the next `tick` is due, where nothing else happens. */
export function nextTick<T>({ stage, pending, nextAt, lead, times, hasBegun, stoppedAt }: ElectionState<T>): number {
  if (stage === 'stopped') return Number.POSITIVE_INFINITY;
  return Math.min(
    pending ? pending.sentAt + requestTimeout(times) : nextAt,
    lead?.until ?? Number.POSITIVE_INFINITY,
    lead && !hasBegun && stage === 'contending' ? lead.from : Number.POSITIVE_INFINITY,
    stoppedAt + times.renewDeadlineMs,
  );
}

export function decideElection<T>(before: ElectionState<T>, event: ElectionEvent<T>, now: number): ElectionStep<T> {
  const heard = settleTimeout(hear(expire(before, now), event, now), now);
  const [announced, actions] = announce(expire(heard, now), now);
  const [sent, sends] = send(announced, now);
  return [sent, [...actions, ...sends]];
}

function hear<T>(state: ElectionState<T>, event: ElectionEvent<T>, now: number): ElectionState<T> {
  switch (event.type) {
    case 'tick':
      return state;
    case 'stop':
      return state.stage === 'contending' ? { ...state, stage: 'stopping', stoppedAt: now, nextAt: now } : state;
    case 'answer':
      // An answer that comes after its time tells nothing that a read does not tell better (L6).
      return state.pending?.id === event.id
        ? answered({ ...state, pending: undefined }, state.pending, event.result, now)
        : state;
  }
}

function settleTimeout<T>(state: ElectionState<T>, now: number): ElectionState<T> {
  const { pending } = state;
  if (!pending || now < pending.sentAt + requestTimeout(state.times)) return state;
  return answered({ ...state, pending: undefined }, pending, { kind: 'failed' }, now);
}

function answered<T>(
  state: ElectionState<T>,
  { request, sentAt, from }: Pending<T>,
  result: ElectionResult<T>,
  now: number,
): ElectionState<T> {
  const { renewDeadlineMs, leaseDurationMs, retryPeriodMs } = state.times;
  switch (result.kind) {
    case 'conflict':
      return { ...state, mustRead: true, nextAt: now };
    case 'failed': {
      const later = { ...state, mustRead: true, nextAt: Math.max(now, sentAt + retryPeriodMs) };
      if (request.verb !== 'create' && request.verb !== 'acquire') return later;
      return { ...later, claim: { since: sentAt } };
    }
    case 'absent':
      return { ...state, seen: 'absent', mustRead: false, lead: undefined, claim: undefined, nextAt: now };
    case 'lease':
      break;
  }
  const { lease } = result;
  if (request.verb === 'read') return readLease(state, lease, now);
  const written = { ...state, seen: { lease, since: now }, mustRead: false, claim: undefined };
  if (request.verb === 'release') return { ...written, lead: undefined };
  const lead = {
    from: request.verb === 'create' ? now + leaseDurationMs : from, // L5
    until: sentAt + renewDeadlineMs, // L2
  };
  return { ...written, lead, nextAt: state.stage === 'stopping' ? now : now + retryPeriodMs };
}

function readLease<T>(state: ElectionState<T>, lease: SeenLease<T>, now: number): ElectionState<T> {
  const { seen, claim, lead, identity, times } = state;
  const isSame = typeof seen === 'object' && seen.lease.version === lease.version;
  const known = { ...state, seen: { lease, since: isSame ? seen.since : now }, mustRead: false };
  if (lease.holder === identity && lead) return { ...known, nextAt: now };
  if (lease.holder === identity && isFresh(state, now) && claim) {
    const from = claim.from ?? now + times.leaseDurationMs;
    return { ...known, claim: { ...claim, from }, nextAt: now };
  }
  // Somebody else's, or one of ours that is too old to tell what happened since (it may have been restored).
  const next = { ...known, lead: undefined, claim: undefined };
  return { ...next, nextAt: Math.min(now + times.retryPeriodMs, takeableAt(next)) };
}

/** Our unconfirmed write is younger than anybody's patience: a Lease that names us is by us. */
function isFresh<T>({ claim, times }: ElectionState<T>, now: number): boolean {
  return claim !== undefined && now < claim.since + times.renewDeadlineMs;
}

/** L3, L4. */
function takeableAt<T>({ seen, times }: ElectionState<T>): number {
  if (typeof seen !== 'object') return Number.POSITIVE_INFINITY;
  const { lease, since } = seen;
  return lease.isReleased ? since : since + Math.max(lease.durationMs, times.leaseDurationMs);
}

function expire<T>(state: ElectionState<T>, now: number): ElectionState<T> {
  return state.lead && now >= state.lead.until ? { ...state, lead: undefined } : state;
}

function announce<T>(state: ElectionState<T>, now: number): ElectionStep<T> {
  const acts = mayAct(state, now);
  if (acts === state.hasBegun) return [state, []];
  return [{ ...state, hasBegun: acts }, [{ type: acts ? 'begin' : 'end' }]];
}

function send<T>(state: ElectionState<T>, now: number): ElectionStep<T> {
  if (state.stage === 'stopped') return [state, []];
  const isOver = state.stage === 'stopping' && (now >= state.stoppedAt + state.times.renewDeadlineMs || !holds(state));
  if (isOver) return [{ ...state, stage: 'stopped', pending: undefined }, [{ type: 'done' }]];
  if (state.pending || now < state.nextAt) return [state, []];
  const { request, from } = state.stage === 'stopping' ? leave(state, now) : contend(state, now);
  if (!request) return [{ ...state, stage: 'stopped' }, [{ type: 'done' }]];
  const id = state.count + 1;
  return [{ ...state, count: id, pending: { id, request, from, sentAt: now } }, [{ type: 'send', id, request }]];
}

interface Wish<T> {
  readonly request?: ElectionRequest<T>;
  readonly from: number;
}

function contend<T>(state: ElectionState<T>, now: number): Wish<T> {
  const { seen, mustRead, lead, claim } = state;
  if (seen === undefined || mustRead) return { request: { verb: 'read' }, from: 0 };
  if (seen === 'absent') return { request: { verb: 'create' }, from: 0 };
  if (lead) return { request: { verb: 'renew', base: seen.lease }, from: lead.from };
  if (claim?.from !== undefined && isFresh(state, now)) {
    return { request: { verb: 'renew', base: seen.lease }, from: claim.from };
  }
  if (now < takeableAt(state)) return { request: { verb: 'read' }, from: 0 };
  return { request: { verb: 'acquire', base: seen.lease }, from: now };
}

/** Something of ours may be in the Lease, or on its way there. */
function holds<T>({ lead, claim, pending }: ElectionState<T>): boolean {
  return lead !== undefined || claim !== undefined || (pending !== undefined && pending.request.verb !== 'read');
}

/** L7: a Lease that we created a moment ago vouches for nobody before us, so it is left to run out. */
function leave<T>(state: ElectionState<T>, now: number): Wish<T> {
  const { seen, mustRead, lead, claim } = state;
  const from = lead ? lead.from : claim?.from;
  if (!lead && !isFresh(state, now)) return { from: 0 };
  if (seen === undefined || mustRead) return { request: { verb: 'read' }, from: 0 };
  if (seen === 'absent' || from === undefined || now < from) return { from: 0 };
  return { request: { verb: 'release', base: seen.lease }, from: 0 };
}
