import type { ErrorCode, Json, Logger } from '@polarstack/base';
import type { StepGroup } from './groups.ts';

/** What steps hand to later steps: plain JSON, because it is stored. Never secrets. */
export type Context = Readonly<Record<string, Json>>;

/** How failed attempts of a step are repeated. */
export interface RetryPolicy {
  /** Failed attempts after which the workflow is interrupted; at least 1. */
  readonly limit: number;
  /** Pause after the first failure, in milliseconds; doubles each time, with jitter. */
  readonly baseMs: number;
  readonly maxMs: number;
}

export const defaultRetry: RetryPolicy = { limit: 10, baseMs: 100, maxMs: 10_000 };

export interface StepContext<S> {
  /** What the application gives its steps: clients, clock, logger. */
  readonly services: S;
  /** The workflow's input merged with the output of every completed step. */
  readonly context: Context;
  /** This step's own name and input, as the run was planned. */
  readonly step: string;
  readonly input: Context;
  readonly workflowId: string;
  /** Number of this attempt over the whole life of the workflow, from 1; differs from all recorded before. */
  readonly attempt: number;
  /** Attempts of this step that ended with an error since the last resume; a crash or a restart adds none. */
  readonly failures: number;
  /** The deadline of its waiting has passed: this is the last look, and waiting on would interrupt the run. */
  readonly deadlinePassed: boolean;
  /** Aborted by time-out, cancel and shutdown: whatever the step started must end with it. */
  readonly signal: AbortSignal;
  readonly logger: Logger;
  /** A sentence for the person who watches; recorded with the next write. */
  readonly progress: (message: string) => void;
}

/**
 * `wait`: leave memory until an event or, at the latest, `untilMs` (milliseconds from now) wakes the workflow.
 * `deadlineMs`: how long the step may wait altogether, from the first time it said so; the moment is stored. When it
 * has passed the step is run once more with `deadlinePassed`, and interrupts with `WaitTimeout` if it still waits.
 */
export type StepResult =
  | { readonly type: 'done'; readonly output?: Context; readonly message?: string }
  | { readonly type: 'wait'; readonly reason: string; readonly untilMs?: number; readonly deadlineMs?: number };

export const done = (output?: Context, message?: string): StepResult => ({
  type: 'done',
  ...(output && { output }),
  ...(message !== undefined && { message }),
});

/**
 * One step. `run` may be repeated after any crash, also after it succeeded without that being recorded, so it compares
 * before it acts. A `StackError` whose code says `never` interrupts the workflow at once; all others are retried.
 */
export interface Step<S> {
  readonly name: string;
  /** Longest time of one attempt, in milliseconds. */
  readonly timeoutMs: number;
  readonly retry?: Partial<RetryPolicy>;
  /** What else to do about an error of this code; goes before the workflow's own. */
  readonly onError?: ErrorActions<S>;
  run(step: StepContext<S>): Promise<StepResult | undefined>;
  /**
   * Takes back what `run` did, or began to do: called on cancel for every step that was begun, the last first. Repeated
   * like `run`, with the same time-out and policy, so it compares before it acts. Its output is not kept.
   */
  undo?(step: StepContext<S>): Promise<StepResult | undefined>;
}

/**
 * What is done about an error that would interrupt: `guide` tells the person what helps here, instead of the remedy of
 * the error table; `repair` mends the cause, and the failed step is run again.
 */
export type ErrorAction<S> =
  | { readonly type: 'guide'; readonly text: string }
  | {
      readonly type: 'repair';
      /** Repeated after a crash like any step. It sees the context, name and input of the failed step. */
      readonly repair: Omit<Step<S>, 'undo' | 'onError' | 'retry'>;
      /** Attempts to repair one step in a run until a person resumes it; at least 1. */
      readonly limit: number;
    };

export type ErrorActions<S> = { readonly [code in ErrorCode]?: ErrorAction<S> };

export interface Workflow<S> {
  /** Stored with each run: a run is resumed by the workflow of the same name. */
  readonly name: string;
  readonly steps: readonly Step<S>[];
  /** Sequences that a plan may name like a step. */
  readonly groups?: readonly StepGroup[];
  readonly onError?: ErrorActions<S>;
}

/** Checks that a workflow can be run at all: unique names, positive limits, groups of steps that exist. */
export function defineWorkflow<S>(workflow: Workflow<S>): Workflow<S> {
  const { name: own, steps, groups = [] } = workflow;
  const seen = new Set<string>();
  for (const step of steps) {
    const { name, timeoutMs, retry } = step;
    if (seen.has(name)) throw new TypeError(`workflow ${own}: two steps are called ${name}`);
    if (!(timeoutMs > 0)) throw new TypeError(`workflow ${own}: step ${name} has no time-out`);
    if (retry?.limit !== undefined && !(retry.limit >= 1)) {
      throw new TypeError(`workflow ${own}: step ${name} has a retry limit below 1`);
    }
    checkActions(own, step.onError);
    seen.add(name);
  }
  checkActions(own, workflow.onError);
  for (const { name } of groups) {
    if (seen.has(name)) throw new TypeError(`workflow ${own}: a group is called ${name} like a step or a group`);
    seen.add(name);
  }
  for (const group of groups) {
    for (const { name, use = name } of group.steps) {
      if (!seen.has(use)) throw new TypeError(`workflow ${own}: group ${group.name} names ${use}, which is not known`);
    }
  }
  return workflow;
}

function checkActions<S>(workflow: string, actions: ErrorActions<S> = {}): void {
  for (const [code, action] of Object.entries(actions)) {
    if (action.type !== 'repair') continue;
    if (!(action.limit >= 1)) throw new TypeError(`workflow ${workflow}: the repair of ${code} has a limit below 1`);
    if (!(action.repair.timeoutMs > 0))
      throw new TypeError(`workflow ${workflow}: the repair of ${code} has no time-out`);
  }
}
