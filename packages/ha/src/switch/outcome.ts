/** The writes that every part of the machine makes: the next state, what is waited for, the end. */
import { type ErrorCode, errorTable } from '@polarstack/base';
import { withFailover } from '../failover/flap.ts';
import { AUTOMATIC } from '../failover/suspicion.ts';
import { FAILOVERS_KEPT, type Reason } from '../record/failover.ts';
import type { HaRecord, Switch, SwitchStep, Trouble } from '../record/record.ts';
import { withResult } from '../record/record.ts';

export interface Outcome {
  /** The very same object where nothing changes. */
  readonly record: HaRecord;
  /** The guards that were decided by, with what they found. */
  readonly reasons: readonly Reason[];
}

export const stay = (record: HaRecord): Outcome => ({ record, reasons: [] });

export const troubleOf = (code: ErrorCode, message: string): Trouble => ({
  code,
  message,
  remedy: errorTable[code].remedy,
});

export const stamped = (running: Switch, step: Switch['step'] | 'S0' | 'S10', now: Date): Switch => ({
  ...running,
  times: { ...running.times, [step]: now.toISOString() },
});

export function moved(record: HaRecord, running: Switch, step: SwitchStep, now: Date): HaRecord {
  return { ...record, switch: { ...stamped(running, step, now), step } };
}

/** Says in the record what is waited for; the same again is no change. */
export function waiting(
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

/** The epoch that the members followed when the switch was begun. */
export const baseOf = (record: HaRecord, { base, origin }: Switch): number =>
  base ?? record.epochs.findLast(({ primary }) => primary === origin)?.epoch ?? record.epoch;

/** Takes the switch out of the record and says what came of it (S10). */
export function end(
  record: HaRecord,
  running: Switch,
  outcome: 'done' | 'refused' | 'failed',
  trouble: Trouble | undefined,
  now: Date,
  more: { readonly left?: Readonly<Record<string, string>> } = {},
): HaRecord {
  const { id, kind, origin, times, cause, evidence, candidates, lostBytes } = stamped(running, 'S10', now);
  const begun = times.S2 ?? (kind === 'failover' ? times.S0 : undefined);
  const [stop, routed] = [Date.parse(begun ?? ''), Date.parse(times.S8 ?? '')];
  const committed = running.epoch === record.epoch;
  const changed = record.primary !== origin || committed;
  const ended = withResult(record, {
    id,
    kind,
    outcome,
    ...(trouble && { code: trouble.code, message: trouble.message, remedy: trouble.remedy }),
    ...(changed ? { epoch: record.epoch, from: origin, to: record.primary } : {}),
    ...(Number.isFinite(routed - stop) ? { pauseMs: Math.max(0, routed - stop) } : {}),
    ...more,
    times,
    ...(cause && { cause }),
    ...(evidence.length > 0 && { evidence }),
    ...(candidates && { candidates }),
    ...(lostBytes !== undefined && { lostBytes }),
    at: now.toISOString(),
  });
  if (kind !== 'failover' || !committed) return ended;
  const entry = { at: times.S0 ?? now.toISOString(), from: origin, to: record.primary };
  return { ...ended, failovers: withFailover(record.failovers, entry, FAILOVERS_KEPT) };
}

/** Whether nobody asked for it: then whoever is elected is the right one. */
export const isAutomatic = ({ kind, requester }: Switch): boolean => kind === 'failover' && requester === AUTOMATIC;
