/**
 * What a history must show whatever happened, seen from outside: with real times, and with every engine's WAL at hand.
 *
 * I1 no commit begun after the first one acknowledged under a later epoch is acknowledged; I2 epochs never decrease and have one
 * primary each; I3 nothing acknowledged is lost, but for what F4 in async admits; I4 nobody is promoted while an engine of an epoch
 * before may acknowledge, and only with evidence that is true; I6 nothing is acknowledged later than the TTL after the sending of
 * the last answered request; I7 what is acknowledged in sync is held by k of a configuration that is published. I8 and I9 are about
 * whole runs and looked at in `simulate.ts`.
 */
import { MAX_DRIFT } from '../lease/profile.ts';
import type { SyncConfiguration } from '../sync/configuration.ts';
import { contains, type Wal } from './wal.ts';
import type { Evidence, Mode, SimRecord } from './world.ts';

export type InvariantId = 'I1' | 'I2' | 'I3' | 'I4' | 'I6' | 'I7' | 'I8' | 'I9';

export interface Violation {
  readonly invariant: InvariantId;
  readonly text: string;
  readonly atMs: number;
}

export interface Acknowledged {
  readonly instanceId: string;
  readonly epoch: number;
  readonly record: Wal;
  readonly begunMs: number;
  /** In sync: by what it was acknowledged. */
  readonly effective: SyncConfiguration | undefined;
}

export interface CheckerView {
  readonly mode: Mode;
  readonly ttlMs: number;
  readonly now: () => number;
  readonly record: () => SimRecord;
  /** Every instance as it really is. */
  instances(): readonly {
    readonly id: string;
    readonly tip: Wal;
    /** Whether it could acknowledge a commit now or once it is continued. */
    readonly writable: boolean;
    readonly epoch: number;
  }[];
  /** Whether the machine stood still at some time: its grants are no safer than its clocks. */
  readonly stoodStill: (id: string) => boolean;
}

export type Checker = ReturnType<typeof createChecker>;

export function createChecker(view: CheckerView) {
  let violation: Violation | undefined;
  let acked: Acknowledged[] = [];
  let count = 0;
  let lost = 0;
  let lastAckMs = 0;
  const firstAck = new Map<number, number>();
  const primaries = new Map<
    number,
    { readonly id: string; readonly line: ReadonlySet<Wal>; readonly lossless: boolean }
  >();
  const grantSent = new Map<string, number>();
  let highest = 1;

  const violated = (invariant: InvariantId, text: string): void => {
    violation ??= { invariant, text, atMs: Math.round(view.now()) };
  };
  const name = ({ position }: Wal): string => `${position.epoch}:${position.lsn}`;
  const lossless = ({ kind }: Evidence): boolean => view.mode === 'sync' || kind !== 'F4';

  const heldBy = (record: Wal, { k, members }: SyncConfiguration): boolean =>
    view.instances().filter(({ id, tip }) => members.includes(id) && contains(tip, record)).length >= k;

  const lineOf = (tip: Wal): ReadonlySet<Wal> => {
    const line = new Set<Wal>();
    for (let at: Wal | undefined = tip; at; at = at.parent) line.add(at);
    return line;
  };
  const giveUp = (line: ReadonlySet<Wal>): void => {
    const kept = acked.filter(({ record }) => line.has(record));
    lost += acked.length - kept.length;
    acked = kept;
  };

  return {
    violated,
    acknowledged: (one: Acknowledged) => {
      const { instanceId, epoch, record, begunMs, effective } = one;
      const now = view.now();
      count++;
      lastAckMs = now;
      if (!firstAck.has(epoch)) firstAck.set(epoch, now);
      const what = `commit ${name(record)} of ${instanceId} in epoch ${epoch}`;
      for (const [later, at] of firstAck)
        if (later > epoch && begunMs > at)
          violated('I1', `${what} begun ${Math.round(begunMs - at)} ms after epoch ${later} acknowledged one`);
      const sent = grantSent.get(`${instanceId} ${epoch}`) ?? Number.NEGATIVE_INFINITY;
      // Beyond drift, no more than it takes the last process to die.
      if (begunMs > sent + view.ttlMs * (1 + MAX_DRIFT) && !view.stoodStill(instanceId))
        violated('I6', `${what} begun ${Math.round(begunMs - sent)} ms after its last answered request was sent`);
      const newest = primaries.get(highest);
      if (highest > epoch && newest?.lossless && !newest.line.has(record))
        violated('I3', `${what} is not in epoch ${highest}`);
      if (view.mode === 'sync') {
        const { epoch: present, sync } = view.record();
        // Of an epoch that is over, I3 says what matters.
        if (
          present === epoch &&
          !sync.configurations.some((c) => effective?.version === c.version && heldBy(record, c))
        )
          violated(
            'I7',
            `${what} acknowledged by ${effective ? `configuration ${effective.version}` : 'nobody else'}, not as published`,
          );
      }
      acked.push(one);
    },
    granted: (id: string, epoch: number, sentMs: number) => {
      const key = `${id} ${epoch}`;
      grantSent.set(key, Math.max(sentMs, grantSent.get(key) ?? sentMs));
    },
    promoted: (id: string, epoch: number, tip: Wal) => {
      const before = primaries.get(epoch);
      if (before && before.id !== id) violated('I2', `epoch ${epoch} has the primaries ${before.id} and ${id}`);
      const { evidence, epoch: recorded } = view.record();
      if (epoch > recorded) violated('I4', `${id} is promoted in epoch ${epoch}, the record is in ${recorded}`);
      if (before || epoch < highest) {
        if (epoch < highest && !before && view.mode === 'async')
          violated('I4', `${id} is promoted in epoch ${epoch} after one in ${highest}`);
        return;
      }
      if (epoch === recorded && evidence.kind !== 'F5') {
        for (const other of view.instances()) {
          if (other.id === id || !other.writable || other.epoch >= epoch) continue;
          // In sync the one before that may still write for itself: it was sealed off, and acknowledges nothing.
          if (view.mode === 'sync' && other.id !== evidence.against) continue;
          if (evidence.kind === 'F4' && view.stoodStill(other.id)) continue;
          violated(
            'I4',
            `${id} is promoted in epoch ${epoch} on ${evidence.kind}, and ${other.id} still writes in ${other.epoch}`,
          );
        }
      }
      const line = lineOf(tip);
      const safe = lossless(evidence);
      const missing = acked.filter(({ record }) => !line.has(record));
      if (missing[0] && safe)
        violated(
          'I3',
          `${missing.length} acknowledged commits are not in epoch ${epoch} of ${id}, the first ${name(missing[0].record)}`,
        );
      giveUp(line);
      highest = Math.max(highest, epoch);
      primaries.set(epoch, { id, line, lossless: safe });
    },
    recorded: (before: SimRecord, next: SimRecord) => {
      if (next.epoch < before.epoch || next.owner.generation < before.owner.generation)
        violated('I2', `the record fell from epoch ${before.epoch} to ${next.epoch}`);
      if (next.epoch === before.epoch && next.primary !== before.primary)
        violated('I2', `epoch ${next.epoch} changed its primary from ${before.primary} to ${next.primary}`);
      // What F4 in async gives up it gives up here, also where the one elected is never promoted.
      if (next.epoch > before.epoch && !lossless(next.evidence)) giveUp(lineOf(next.began));
    },
    /** At the end: everything acknowledged is in the line of the primary. */
    ended: (tip: Wal) => {
      const line = lineOf(tip);
      const missing = acked.filter(({ record }) => !line.has(record));
      const last = primaries.get(highest);
      if (missing[0] && (last?.lossless ?? true))
        violated('I3', `${missing.length} acknowledged commits are lost at the end`);
    },
    get violation() {
      return violation;
    },
    get acknowledgedCount() {
      return count;
    },
    get lost() {
      return lost;
    },
    get lastAckMs() {
      return lastAckMs;
    },
    get highest() {
      return highest;
    },
  };
}
