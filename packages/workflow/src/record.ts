/**
 * The stored state of one run and the only ways in which it changes: pure functions of the record and the time.
 * Times are ISO strings for people; nothing is ever decided by them.
 */
import type { Context, Step, Workflow } from './workflow.ts';

export type WorkflowPhase = 'Pending' | 'Running' | 'Waiting' | 'Interrupted' | 'Succeeded' | 'Cancelled';
export type StepState = 'Pending' | 'Running' | 'Waiting' | 'Failed' | 'Succeeded' | 'Skipped';

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
  /** Attempts begun, crashed ones included. */
  readonly attempts: number;
  /** Attempts that ended with an error since the last resume; what the retry limit counts. */
  readonly failures: number;
  readonly startedAt?: string;
  readonly finishedAt?: string;
  readonly message?: string;
  readonly error?: Failure;
}

export interface WorkflowRecord {
  readonly workflow: string;
  readonly phase: WorkflowPhase;
  readonly context: Context;
  readonly steps: readonly StepRecord[];
  /** Grows by one with each write; with `writer` it tells a write of one's own from that of another process. */
  readonly revision: number;
  readonly writer: string;
  readonly startedAt?: string;
  readonly finishedAt?: string;
  /** Why the phase is Interrupted, Cancelled or Waiting. */
  readonly reason?: Failure;
}

/** A step of a run as it is planned: a name of its own, and the definition that carries it out. */
export interface PlannedStep {
  readonly name: string;
  /** Default: the definition of the same name. */
  readonly use?: string;
  readonly input?: Context;
}

/**
 * A run that has not begun. The steps are fixed here, those of `plan` or else all of the workflow in their order: a
 * later version of the program follows the record. Throws a TypeError where a plan names a step twice, or a
 * definition that the workflow does not have.
 */
export function newRecord(
  workflow: Workflow<never>,
  context: Context = {},
  plan: readonly PlannedStep[] = workflow.steps.map(({ name }) => ({ name })),
): WorkflowRecord {
  const known = new Set(workflow.steps.map(({ name }) => name));
  const names = new Set<string>();
  for (const { name, use = name } of plan) {
    if (names.has(name)) throw new TypeError(`workflow ${workflow.name}: two planned steps are called ${name}`);
    if (!known.has(use)) throw new TypeError(`workflow ${workflow.name}: no step ${use} is known for ${name}`);
    names.add(name);
  }
  return {
    workflow: workflow.name,
    phase: 'Pending',
    context,
    steps: plan.map((step) => ({ ...step, state: 'Pending', attempts: 0, failures: 0 })),
    revision: 0,
    writer: '',
  };
}

export const isFinished = ({ phase }: WorkflowRecord): boolean => phase === 'Succeeded' || phase === 'Cancelled';

/** Index of the step to run next, or -1 when all are done. */
export const nextStep = ({ steps }: WorkflowRecord): number =>
  steps.findIndex(({ state }) => state !== 'Succeeded' && state !== 'Skipped');

const without = <T extends object, K extends keyof T>(value: T, ...keys: readonly K[]): Omit<T, K> => {
  const copy = { ...value };
  for (const key of keys) delete copy[key];
  return copy;
};

function withStep(record: WorkflowRecord, index: number, change: (step: StepRecord) => StepRecord): WorkflowRecord {
  return { ...record, steps: record.steps.map((step, i) => (i === index ? change(step) : step)) };
}

/** What a running step says it is doing. */
export function note(record: WorkflowRecord, index: number, message: string): WorkflowRecord {
  return withStep(record, index, (step) => ({ ...step, message }));
}

/** The intent to run the step: recorded before its effect. */
export function begin(record: WorkflowRecord, index: number, now: string): WorkflowRecord {
  const running = withStep(without(record, 'reason', 'finishedAt'), index, (step) => ({
    ...without(step, 'finishedAt', 'message'),
    state: 'Running',
    attempts: step.attempts + 1,
    startedAt: step.startedAt ?? now,
  }));
  return { ...running, phase: 'Running', startedAt: record.startedAt ?? now };
}

export function succeed(record: WorkflowRecord, index: number, now: string, output: Context = {}, message?: string) {
  const next = withStep(record, index, (step) => ({
    ...without(step, 'error', 'message'),
    state: 'Succeeded',
    finishedAt: now,
    ...(message !== undefined && { message }),
  }));
  return { ...next, context: { ...record.context, ...output } };
}

export function finish(record: WorkflowRecord, now: string): WorkflowRecord {
  return { ...without(record, 'reason'), phase: 'Succeeded', finishedAt: now };
}

export function wait(record: WorkflowRecord, index: number, reason: string): WorkflowRecord {
  const next = withStep(record, index, (step) => ({ ...step, state: 'Waiting', message: reason }));
  return { ...next, phase: 'Waiting' };
}

export function fail(record: WorkflowRecord, index: number, now: string, error: Failure): WorkflowRecord {
  return withStep(record, index, (step) => ({
    ...step,
    state: 'Failed',
    failures: step.failures + 1,
    finishedAt: now,
    error,
  }));
}

export function interrupt(record: WorkflowRecord, reason: Failure): WorkflowRecord {
  return { ...record, phase: 'Interrupted', reason };
}

export function cancel(record: WorkflowRecord, now: string, reason: Failure): WorkflowRecord {
  const index = nextStep(record);
  const next =
    record.steps[index]?.state === 'Pending' || index < 0
      ? record
      : withStep(record, index, (step) => ({ ...step, state: 'Failed', finishedAt: now, error: reason }));
  return { ...next, phase: 'Cancelled', finishedAt: now, reason };
}

/**
 * What a person's `resume` makes of an interrupted run: from the failed step, from the first, or after skipping the
 * failed one. Counters of failures start anew. Any other phase is answered unchanged.
 */
export function resume(record: WorkflowRecord, from: 'failed' | 'first' | 'skip', now: string): WorkflowRecord {
  if (record.phase !== 'Interrupted') return record;
  const failed = nextStep(record);
  const steps = record.steps.map((step, index): StepRecord => {
    if (from === 'first') {
      const planned = { name: step.name, ...(step.use && { use: step.use }), ...(step.input && { input: step.input }) };
      return { ...planned, state: 'Pending', attempts: step.attempts, failures: 0 };
    }
    if (index !== failed) return step;
    if (from === 'skip') return { ...step, state: 'Skipped', finishedAt: now };
    return { ...without(step, 'finishedAt'), state: 'Pending', failures: 0 };
  });
  return { ...without(record, 'reason', 'finishedAt'), phase: 'Pending', steps };
}

/** The definition of a recorded step; undefined where this program does not know it. */
export const definitionOf = <S>(workflow: Workflow<S>, record: StepRecord): Step<S> | undefined =>
  workflow.steps.find(({ name }) => name === (record.use ?? record.name));
