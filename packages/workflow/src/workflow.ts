import type { Json, Logger } from '@polarstack/base';

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
  /** Aborted by time-out, cancel and shutdown: whatever the step started must end with it. */
  readonly signal: AbortSignal;
  readonly logger: Logger;
  /** A sentence for the person who watches; recorded with the next write. */
  readonly progress: (message: string) => void;
}

/** `wait`: leave memory until an event or, at the latest, `untilMs` (milliseconds from now) wakes the workflow. */
export type StepResult =
  | { readonly type: 'done'; readonly output?: Context; readonly message?: string }
  | { readonly type: 'wait'; readonly reason: string; readonly untilMs?: number };

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
  run(step: StepContext<S>): Promise<StepResult | undefined>;
}

export interface Workflow<S> {
  /** Stored with each run: a run is resumed by the workflow of the same name. */
  readonly name: string;
  readonly steps: readonly Step<S>[];
}

/** Checks that a workflow can be run at all: unique step names, positive limits. */
export function defineWorkflow<S>(workflow: Workflow<S>): Workflow<S> {
  const seen = new Set<string>();
  for (const { name, timeoutMs, retry } of workflow.steps) {
    if (seen.has(name)) throw new TypeError(`workflow ${workflow.name}: two steps are called ${name}`);
    if (!(timeoutMs > 0)) throw new TypeError(`workflow ${workflow.name}: step ${name} has no time-out`);
    if (retry?.limit !== undefined && !(retry.limit >= 1)) {
      throw new TypeError(`workflow ${workflow.name}: step ${name} has a retry limit below 1`);
    }
    seen.add(name);
  }
  return workflow;
}
