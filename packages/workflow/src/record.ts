/**
 * The stored state of one run and how a running one changes: pure functions of the record and the time; `steer.ts` has
 * what people do to it. Times are ISO strings for people; nothing is decided by them but whether a deadline has passed.
 */
import { type PlannedStep, spliceGroups } from './groups.ts';
import type { Context, RetryPolicy, Step, Workflow } from './workflow.ts';

export type WorkflowPhase = 'Pending' | 'Running' | 'Waiting' | 'Paused' | 'Interrupted' | 'Succeeded' | 'Cancelled';
export type StepState = 'Pending' | 'Running' | 'Waiting' | 'Failed' | 'Succeeded' | 'Skipped' | 'Undone';

/** Why something stopped: a code of the error table, what happened, and what a person can do. */
export interface Failure {
  readonly code: string;
  readonly message: string;
  readonly remedy: string;
}

export interface StepRecord {
  /** Unique within the run. */
  readonly name: string;
  /** Name of the step's definition where that is another: one definition may serve several steps of a run. */
  readonly use?: string;
  /** What this step of the run is for; its definition reads it. */
  readonly input?: Context;
  readonly state: StepState;
  /** Attempts begun, crashed ones and those to undo it included. */
  readonly attempts: number;
  /** Attempts that ended with an error since the last resume; what the retry limit counts. */
  readonly failures: number;
  /** Attempts to repair the cause of its error since the last resume. */
  readonly repairs?: number;
  /** The code whose repair is under way. */
  readonly repairing?: string;
  /** Set from the moment on at which taking it back was begun. */
  readonly undo?: true;
  /** When its waiting ends at the latest. */
  readonly deadline?: string;
  /** When it is run again, as planned. */
  readonly nextAttemptAt?: string;
  readonly startedAt?: string;
  readonly finishedAt?: string;
  readonly message?: string;
  readonly error?: Failure;
}

/** Something that happened to a run. */
export interface HistoryEntry {
  readonly at: string;
  readonly event:
    | 'Started'
    | 'Succeeded'
    | 'Failed'
    | 'Waiting'
    | 'Repaired'
    | 'Skipped'
    | 'Paused'
    | 'Interrupted'
    | 'Resumed'
    | 'Cancelling'
    | 'Undone'
    | 'Cancelled'
    | 'Finished';
  readonly step?: string;
  readonly message?: string;
  /** Who asked for it. */
  readonly by?: string;
}

/** Entries of the history that are kept: the first one, and the latest. */
export const HISTORY_LIMIT = 50;

export interface WorkflowRecord {
  readonly workflow: string;
  readonly phase: WorkflowPhase;
  /** Set from a cancel on: no further step is run, and what was done is taken back. */
  readonly undoing?: true;
  readonly context: Context;
  readonly steps: readonly StepRecord[];
  /** For all steps of this run, before their own. */
  readonly retry?: Partial<RetryPolicy>;
  /** Grows by one with each write; with `writer` it tells a write of one's own from that of another process. */
  readonly revision: number;
  readonly writer: string;
  readonly startedAt?: string;
  readonly finishedAt?: string;
  /** Why the phase is Interrupted or Cancelled, or why it is being undone. */
  readonly reason?: Failure;
  readonly history?: readonly HistoryEntry[];
}

/**
 * A run that has not begun. The steps are fixed here, those of `plan` with its groups spliced in, or else all of the
 * workflow in their order: a later version of the program follows the record. Throws a TypeError where a plan names a
 * step twice, or a definition that the workflow does not have.
 */
export function newRecord(
  workflow: Workflow<never>,
  context: Context = {},
  plan: readonly PlannedStep[] = workflow.steps.map(({ name }) => ({ name })),
): WorkflowRecord {
  const known = new Set(workflow.steps.map(({ name }) => name));
  const names = new Set<string>();
  const steps = spliceGroups(plan, workflow.groups ?? []);
  for (const { name, use = name } of steps) {
    if (names.has(name)) throw new TypeError(`workflow ${workflow.name}: two planned steps are called ${name}`);
    if (!known.has(use)) throw new TypeError(`workflow ${workflow.name}: no step ${use} is known for ${name}`);
    names.add(name);
  }
  return {
    workflow: workflow.name,
    phase: 'Pending',
    context,
    steps: steps.map((step) => ({ ...step, state: 'Pending', attempts: 0, failures: 0 })),
    revision: 0,
    writer: '',
  };
}

export const isFinished = ({ phase }: WorkflowRecord): boolean => phase === 'Succeeded' || phase === 'Cancelled';

/** Whether the run stays as it is until a person does something, or for good. */
export const isStable = (record: WorkflowRecord): boolean =>
  isFinished(record) || record.phase === 'Interrupted' || record.phase === 'Paused';

/** Index of the step to run next, or -1 when all are done. */
export const nextStep = ({ steps }: WorkflowRecord): number =>
  steps.findIndex(({ state }) => state !== 'Succeeded' && state !== 'Skipped');

/** Index of the step to undo next, the last first, or -1. A step that was never begun, or has no undo, is passed over. */
export const nextUndo = ({ steps }: WorkflowRecord, canUndo: (step: StepRecord) => boolean): number =>
  steps.findLastIndex((s) => s.attempts > 0 && s.state !== 'Undone' && s.state !== 'Skipped' && canUndo(s));

export const without = <T extends object, K extends keyof T>(value: T, ...keys: readonly K[]): Omit<T, K> => {
  const copy = { ...value };
  for (const key of keys) delete copy[key];
  return copy;
};

/** The record with one more entry of its history. */
export function remember(record: WorkflowRecord, entry: HistoryEntry): WorkflowRecord {
  const history = [...(record.history ?? []), entry];
  const [first, ...rest] = history;
  const kept = history.length > HISTORY_LIMIT && first ? [first, ...rest.slice(-(HISTORY_LIMIT - 1))] : history;
  return { ...record, history: kept };
}

export function withStep(
  record: WorkflowRecord,
  index: number,
  change: (step: StepRecord) => StepRecord,
): WorkflowRecord {
  return { ...record, steps: record.steps.map((step, i) => (i === index ? change(step) : step)) };
}

const nameOf = ({ steps }: WorkflowRecord, index: number): { step: string } => ({ step: steps[index]?.name ?? '' });

/** What a running step says it is doing. */
export function note(record: WorkflowRecord, index: number, message: string): WorkflowRecord {
  return withStep(record, index, (step) => ({ ...step, message }));
}

/** The intent to run, undo or repair the step: recorded before its effect. */
export function begin(record: WorkflowRecord, index: number, now: string): WorkflowRecord {
  const base = record.undoing ? without(record, 'finishedAt') : without(record, 'reason', 'finishedAt');
  const running = withStep(base, index, (step) => ({
    ...without(step, 'finishedAt', 'message', 'nextAttemptAt'),
    state: 'Running',
    attempts: step.attempts + 1,
    startedAt: step.startedAt ?? now,
    ...(record.undoing && { undo: true as const }),
  }));
  const next: WorkflowRecord = { ...running, phase: 'Running', startedAt: record.startedAt ?? now };
  return record.startedAt ? next : remember(next, { at: now, event: 'Started' });
}

export function succeed(record: WorkflowRecord, index: number, now: string, output: Context = {}, message?: string) {
  const next = withStep(record, index, (step) => ({
    ...without(step, 'error', 'message', 'deadline', 'repairs'),
    state: 'Succeeded',
    finishedAt: now,
    ...(message !== undefined && { message }),
  }));
  const merged = { ...next, context: { ...record.context, ...output } };
  return remember(merged, { at: now, event: 'Succeeded', ...nameOf(record, index), ...(message && { message }) });
}

export function undone(record: WorkflowRecord, index: number, now: string, message?: string): WorkflowRecord {
  const next = withStep(record, index, (step) => ({
    ...without(step, 'error', 'message', 'deadline'),
    state: 'Undone',
    finishedAt: now,
    ...(message !== undefined && { message }),
  }));
  return remember(next, { at: now, event: 'Undone', ...nameOf(record, index), ...(message && { message }) });
}

/** The intent to repair what made the step fail. */
export function beginRepair(record: WorkflowRecord, index: number, code: string): WorkflowRecord {
  const marked = withStep(record, index, (step) => ({
    ...step,
    repairs: (step.repairs ?? 0) + 1,
    repairing: code,
    message: `mending the cause of ${code}`,
  }));
  return { ...marked, phase: 'Running' };
}

export function repaired(record: WorkflowRecord, index: number, now: string): WorkflowRecord {
  const code = record.steps[index]?.repairing ?? '';
  const next = withStep(record, index, (step) => ({
    ...without(step, 'repairing', 'deadline'),
    state: 'Pending',
    failures: 0,
  }));
  return remember(next, { at: now, event: 'Repaired', ...nameOf(record, index), message: code });
}

export function finish(record: WorkflowRecord, now: string): WorkflowRecord {
  const next: WorkflowRecord = { ...without(record, 'reason'), phase: 'Succeeded', finishedAt: now };
  return remember(next, { at: now, event: 'Finished' });
}

export function wait(
  record: WorkflowRecord,
  index: number,
  now: string,
  how: { readonly reason: string; readonly deadline?: string; readonly nextAttemptAt?: string },
): WorkflowRecord {
  const { reason, ...times } = how;
  const next = withStep(record, index, (step) => ({ ...step, ...times, state: 'Waiting', message: reason }));
  const last = record.history?.at(-1);
  const { step } = nameOf(record, index);
  const waiting: WorkflowRecord = { ...next, phase: 'Waiting' };
  if (last?.event === 'Waiting' && last.step === step && last.message === reason) return waiting;
  return remember(waiting, { at: now, event: 'Waiting', step, message: reason });
}

export function fail(
  record: WorkflowRecord,
  index: number,
  now: string,
  error: Failure,
  nextAttemptAt?: string,
): WorkflowRecord {
  const next = withStep(record, index, (step) => ({
    ...step,
    state: 'Failed',
    failures: step.failures + 1,
    finishedAt: now,
    error,
    ...(nextAttemptAt !== undefined && { nextAttemptAt }),
  }));
  const message = `${error.code}: ${error.message}`;
  return remember(next, { at: now, event: 'Failed', ...nameOf(record, index), message });
}

/** An attempt to repair failed: what the step itself failed with stays. */
export function failRepair(record: WorkflowRecord, index: number, now: string, error: Failure, nextAttemptAt?: string) {
  const message = `mending failed: ${error.code}: ${error.message}`;
  const next = withStep(record, index, (step) => ({
    ...step,
    state: 'Failed',
    finishedAt: now,
    message,
    ...(nextAttemptAt !== undefined && { nextAttemptAt }),
  }));
  return remember(next, { at: now, event: 'Failed', ...nameOf(record, index), message });
}

export function interrupt(record: WorkflowRecord, now: string, reason: Failure): WorkflowRecord {
  const message = `${reason.code}: ${reason.message}`;
  const steps = record.steps.map((step) => without(step, 'repairing', 'nextAttemptAt'));
  return remember({ ...record, steps, phase: 'Interrupted', reason }, { at: now, event: 'Interrupted', message });
}

export function pause(record: WorkflowRecord, now: string): WorkflowRecord {
  return remember({ ...record, phase: 'Paused' }, { at: now, event: 'Paused' });
}

/** The definition of a recorded step; undefined where this program does not know it. */
export const definitionOf = <S>(workflow: Workflow<S>, record: StepRecord): Step<S> | undefined =>
  workflow.steps.find(({ name }) => name === (record.use ?? record.name));
