/**
 * The state machine of a switch: what an event makes of the record. Pure; the record is written before any effect of the state
 * that it then shows is begun.
 *
 * Invariants (tests cite them):
 * - M1 Epoch and primary change only by the commit, in one write, and only with process proof against the primary before.
 * - M2 A switch is taken back only while nothing with its epoch was sent: in S1, and in S2 by resuming the old primary.
 * - M3 From S3 on a switch ends in its epoch or a higher one, whoever is primary then; what it waits for is in the record.
 * - M4 A replica is elected only where it has replayed everything that the stopped primary wrote; else the primary goes on itself,
 *      in the new epoch.
 * - M5 An event of another state, switch or epoch than the record shows changes nothing.
 * - M6 Where nothing can be decided safely nothing is decided, and the record says what is waited for.
 */
import { type ErrorCode, errorTable } from '@polarstack/base';
import type { HaRecord, Switch, SwitchRequest, SwitchStep, Trouble } from '../record/record.ts';
import { resultOf, without, withResult } from '../record/record.ts';
import { withdrawRequest } from '../record/request.ts';
import { chooseTarget, failing, primaryGuards, type Reason, requestGuards, targetGuards } from './checks.ts';
import { commit, elect } from './elect.ts';
import type { SwitchAction, SwitchEvent, SwitchTag } from './events.ts';
import type { ClusterLook } from './look.ts';

export interface Decision {
  /** The very same object where nothing changes. */
  readonly record: HaRecord;
  /** What is to be done once the record is written. */
  readonly action: SwitchAction | undefined;
  /** The guards that were decided by, with what they found. */
  readonly reasons: readonly Reason[];
}

/** How long the one that was elected may fail, though its agent answers, before another one is elected. */
export const PROMOTION_PATIENCE_MS = 20_000;

export const troubleOf = (code: ErrorCode, message: string): Trouble => ({
  code,
  message,
  remedy: errorTable[code].remedy,
});

const tagOf = ({ id, step, epoch }: Switch): SwitchTag => ({ id, step, epoch });

/** What the state of the record asks for; undefined where nothing is under way. */
export function nextAction(record: HaRecord): SwitchAction | undefined {
  const { switch: running, request } = record;
  if (running === undefined) return request && { kind: 'look', request: request.id };
  const { from, to } = running;
  const of = tagOf(running);
  switch (running.step) {
    case 'S1':
      return { kind: 'prepare', of, from, to };
    case 'S2':
      return running.withdrawn ? { kind: 'resume', of, from } : { kind: 'stop', of, from, to };
    case 'S3':
      return { kind: 'fence', of, from, to };
    case 'S5':
      return { kind: 'promote', of, to };
    case 'S6':
      return { kind: 'verify', of, to };
    case 'S7':
      return { kind: 'route', of, to };
    case 'S8':
      return { kind: 'follow', of };
    case 'S9':
      return { kind: 'rejoin', of };
  }
}

export function advance(record: HaRecord, event: SwitchEvent, now: Date): Decision {
  const { record: next, reasons } = decide(record, event, now);
  return { record: next, reasons, action: nextAction(next) };
}

type Outcome = Pick<Decision, 'record' | 'reasons'>;

const stay = (record: HaRecord): Outcome => ({ record, reasons: [] });

function decide(record: HaRecord, event: SwitchEvent, now: Date): Outcome {
  const { request, switch: running } = record;
  if (event.kind === 'looked') {
    if (running || request?.id !== event.request) return stay(record);
    return propose(record, request, event.look, now);
  }
  const { of } = event;
  if (!running || running.id !== of.id || running.step !== of.step || running.epoch !== of.epoch) return stay(record);
  if (event.kind === 'failed') return failed(record, running, event.trouble, event.answered, now);
  // A state that is over waits for nothing.
  const free = without(running, 'trouble');
  const to = (step: SwitchStep): Outcome => stay(moved(record, free, step, now));
  switch (event.kind) {
    case 'prepared':
      return to('S2');
    case 'stopped':
      return running.withdrawn ? stay(record) : to('S3');
    case 'resumed':
      return running.withdrawn ? stay(end(record, free, 'failed', running.withdrawn, now)) : stay(record);
    case 'fenced': {
      const elected = elect(record, free, event.evidence, event.look);
      if (elected.to === undefined) return waiting(record, running, elected.trouble, now, elected.reasons);
      return { record: commit(record, free, elected, event.evidence, now), reasons: elected.reasons };
    }
    case 'promoted':
      return to('S6');
    case 'verified':
      return to('S7');
    case 'routed':
      return to('S8');
    case 'followed':
      return to('S9');
    case 'rejoined': {
      const left = Object.keys(event.left).length === 0 ? {} : { left: event.left };
      const outcome = free.to === free.chosen ? 'done' : 'failed';
      return stay(end(record, free, outcome, free.turned, now, left));
    }
  }
}

const stamped = (running: Switch, step: Switch['step'] | 'S0' | 'S10', now: Date): Switch => ({
  ...running,
  times: { ...running.times, [step]: now.toISOString() },
});

function moved(record: HaRecord, running: Switch, step: SwitchStep, now: Date): HaRecord {
  return { ...record, switch: { ...stamped(running, step, now), step } };
}

function propose(record: HaRecord, request: SwitchRequest, look: ClusterLook, now: Date): Outcome {
  const at = now.toISOString();
  const { id, target, reason, requester, deadline, kind } = request;
  const refuse = (code: ErrorCode, reasons: readonly Reason[]): Outcome => {
    const message = failing(reasons)?.text ?? '';
    const { remedy } = errorTable[code];
    return { record: withResult(record, { id, outcome: 'refused', code, message, remedy, at }), reasons };
  };
  if (resultOf(record, id)) return stay(withdrawRequest(record, id));
  const asked = requestGuards(request, now);
  if (failing(asked)) return refuse('SwitchDeadline', asked);
  if (target === record.primary) {
    const { epoch, primary } = record;
    const reasons = [{ guard: 'C6-already-primary', holds: true, text: `${target} is the primary already` }];
    return {
      record: withResult(record, { id, outcome: 'done', epoch, from: primary, to: primary, pauseMs: 0, at }),
      reasons,
    };
  }
  if (target !== undefined && !Object.hasOwn(record.members, target)) {
    return refuse('InstanceUnknown', [
      { guard: 'C7-target-known', holds: false, text: `the cluster has no instance ${target}` },
    ]);
  }
  const ofPrimary = [...asked, ...primaryGuards(record, look)];
  if (failing(ofPrimary)) return refuse('PrimaryUnfit', ofPrimary);
  const choice =
    target === undefined ? chooseTarget(record, look) : { target, reasons: targetGuards(record, look, target) };
  const reasons = [...ofPrimary, ...choice.reasons];
  if (choice.target === undefined) return refuse('NoSwitchTarget', reasons);
  if (failing(reasons)) return refuse('SwitchTargetUnfit', reasons);
  const { request: _, ...rest } = record;
  const proposed: Switch = {
    id,
    kind,
    step: 'S1',
    from: record.primary,
    to: choice.target,
    epoch: record.epoch + 1,
    origin: record.primary,
    chosen: choice.target,
    reason,
    requester,
    deadline,
    evidence: [],
    times: { S0: at, S1: at },
  };
  return { record: { ...rest, switch: proposed }, reasons };
}

function failed(record: HaRecord, running: Switch, trouble: Trouble, answered: boolean, now: Date): Outcome {
  switch (running.step) {
    case 'S1':
      return stay(end(record, running, 'refused', trouble, now));
    case 'S2': {
      if (running.withdrawn) return waiting(record, running, trouble, now);
      const withdrawn: Trouble = { ...troubleOf('SwitchWithdrawn', trouble.message) };
      return stay({ ...record, switch: { ...without(running, 'trouble'), withdrawn } });
    }
    case 'S5':
    case 'S6': {
      const since = Date.parse(running.times.S5 ?? running.times.S3 ?? '');
      if (answered && now.getTime() - since >= PROMOTION_PATIENCE_MS) return next(record, running, trouble, now);
      return waiting(record, running, trouble, now);
    }
    case 'S3':
    case 'S7':
    case 'S8':
    case 'S9':
      return waiting(record, running, trouble, now);
  }
}

/** S8': the one that was elected cannot do it. It is the old primary of a further epoch, and needs evidence like any other. */
function next(record: HaRecord, running: Switch, trouble: Trouble, now: Date): Outcome {
  const epoch = record.epoch + 1;
  const turned = running.turned ?? troubleOf('SwitchReturned', trouble.message);
  const to = running.to === running.origin ? running.chosen : running.origin;
  const again: Switch = { ...without(running, 'trouble'), from: running.to, to, epoch, turned };
  const text = `${running.to} was elected and fails: ${trouble.message}`;
  const reasons = [{ guard: 'P1-elected-one-works', holds: false, text }];
  return { record: moved(record, again, 'S3', now), reasons };
}

/** Says in the record what is waited for; the same again is no change. */
function waiting(
  record: HaRecord,
  running: Switch,
  trouble: Trouble,
  now: Date,
  reasons: readonly Reason[] = [],
): Outcome {
  const { trouble: known } = running;
  if (known && known.code === trouble.code) return { record, reasons };
  return {
    record: { ...record, switch: { ...running, trouble: { ...trouble, since: now.toISOString() } } },
    reasons,
  };
}

/** Takes the switch out of the record and says what came of it (S10). */
function end(
  record: HaRecord,
  running: Switch,
  outcome: 'done' | 'refused' | 'failed',
  trouble: Trouble | undefined,
  now: Date,
  more: { readonly left?: Readonly<Record<string, string>> } = {},
): HaRecord {
  const { id, origin, times } = stamped(running, 'S10', now);
  const [stop, routed] = [Date.parse(times.S2 ?? ''), Date.parse(times.S8 ?? '')];
  const changed = record.primary !== origin || running.epoch === record.epoch;
  return withResult(record, {
    id,
    outcome,
    ...(trouble && { ...trouble }),
    ...(changed ? { epoch: record.epoch, from: origin, to: record.primary } : {}),
    ...(Number.isFinite(routed - stop) ? { pauseMs: Math.max(0, routed - stop) } : {}),
    ...more,
    times,
    at: now.toISOString(),
  });
}
