import type { Clock, Logger } from '@polarstack/base';
import type { Hooks } from './hooks.ts';
import type { WorkflowRecord } from './record.ts';
import type { WorkflowStore } from './store.ts';
import type { Workflow } from './workflow.ts';

export interface RunOptions<S> {
  /** By name: the record says which one it is. */
  readonly workflows: ReadonlyMap<string, Workflow<S>>;
  readonly id: string;
  readonly store: WorkflowStore;
  readonly services: S;
  readonly logger: Logger;
  /** Shutdown: the run ends at once and stays resumable. Rejects with the signal's reason. */
  readonly signal: AbortSignal;
  /** A wish to cancel: what was done is undone. Its reason's message is recorded. */
  readonly cancel?: AbortSignal;
  /** A wish to end at once, also a run that is being undone: nothing is taken back. Its reason's message is recorded. */
  readonly abandon?: AbortSignal;
  /** A wish to pause: the attempt under way goes on to its end. */
  readonly pause?: AbortSignal;
  readonly clock?: Clock;
  /** Uniform in [0, 1): jitter. */
  readonly random?: () => number;
  /** Unique to this process and run. */
  readonly writer: string;
  /** How long a step may take to stop after it was told to, in milliseconds. Default 5000. */
  readonly graceMs?: number;
  /** Called after each change. What it throws is logged. */
  readonly observe?: (event: WorkflowEvent) => void;
  readonly hooks?: Hooks;
  /** How long a hook is waited for, in milliseconds. Default 5000. */
  readonly hookTimeoutMs?: number;
}

/** `started` once in a run, `resumed` each time that it goes on; `begun` to `waiting` are of a step. */
export interface WorkflowEvent {
  readonly type:
    | 'started'
    | 'resumed'
    | 'begun'
    | 'succeeded'
    | 'undone'
    | 'repairing'
    | 'failed'
    | 'waiting'
    | 'paused'
    | 'interrupted'
    | 'cancelling'
    | 'cancelled'
    | 'finished';
  readonly id: string;
  readonly step?: string;
  readonly record: WorkflowRecord;
}

/** `lost`: another process writes this run; `gone`: the record does not exist any more. */
export type Outcome =
  | { readonly type: 'finished' | 'interrupted' | 'paused'; readonly record: WorkflowRecord }
  | { readonly type: 'waiting'; readonly record: WorkflowRecord; readonly untilMs?: number }
  | { readonly type: 'lost' | 'gone' };
