/**
 * Runs workflows durably. Owns the order of record and effect; knows nothing of what steps do or where records lie.
 *
 * Invariants (tests cite them):
 * - W1 Intent before effect: a step's code runs only after a stored record says `Running` with that attempt's number.
 * - W2 A step whose success is stored never runs again, except after a person's resume from the first step.
 * - W3 Steps run one after the other, in the recorded order; the success of one and the intent of the next are one write.
 * - W4 A step sees the stored context only: the input and the outputs of completed steps. Nothing lives in memory alone.
 * - W5 After a crash at any point a new run goes on with the first step not done; a crash costs an attempt, no failure.
 * - W6 An error that says `never` interrupts at once; any other is retried with back-off until the step's limit is
 *   spent, then interrupts. The code, message and remedy of the last error are stored.
 * - W7 One writer: whoever finds that another process wrote the record stops without a further effect. A write of
 *   one's own whose answer was lost is recognised; a change beside the record (steering) is no conflict.
 * - W8 What a step does wrong (throw, panic, hang) ends that attempt and nothing else; attempts never overlap.
 * - W9 A finished record (`Succeeded`, `Cancelled`) never changes.
 * - W10 Cancel stops the running step, waits for its end, and is stored; no later step begins.
 * - W11 A waiting step holds no timer and no memory: the run returns, and the caller wakes it. Waking is no failure.
 */
import {
  backoffDelay,
  type Clock,
  isStackError,
  type Logger,
  StackError,
  systemClock,
  toStackError,
} from '@polarstack/base';
import { runAttempt } from './attempt.ts';
import { createJournal, isOfStore, persistently } from './journal.ts';
import { keepProgress } from './progress.ts';
import * as record from './record.ts';
import type { WorkflowStore } from './store.ts';
import { defaultRetry, type Workflow } from './workflow.ts';

export interface RunOptions<S> {
  /** By name: the record says which one it is. */
  readonly workflows: ReadonlyMap<string, Workflow<S>>;
  readonly id: string;
  readonly store: WorkflowStore;
  readonly services: S;
  readonly logger: Logger;
  /** Shutdown: the run ends at once and stays resumable. Rejects with the signal's reason. */
  readonly signal: AbortSignal;
  /** A wish to cancel; its reason's message is recorded. */
  readonly cancel?: AbortSignal;
  readonly clock?: Clock;
  /** Uniform in [0, 1): jitter. */
  readonly random?: () => number;
  /** Unique to this process and run. */
  readonly writer: string;
  readonly graceMs?: number;
  /** Called after each stored change. What it throws is logged. */
  readonly observe?: (event: WorkflowEvent) => void;
}

export interface WorkflowEvent {
  readonly type: 'begun' | 'succeeded' | 'failed' | 'waiting' | 'interrupted' | 'cancelled' | 'finished';
  readonly id: string;
  readonly step?: string;
  readonly record: record.WorkflowRecord;
}

/** `lost`: another process writes this run; `gone`: the record does not exist any more. */
export type Outcome =
  | { readonly type: 'finished' | 'interrupted'; readonly record: record.WorkflowRecord }
  | { readonly type: 'waiting'; readonly record: record.WorkflowRecord; readonly untilMs?: number }
  | { readonly type: 'lost' | 'gone' };

/** Runs or resumes the run `id` until it is finished, interrupted, waits, or the signal aborts. */
export async function runWorkflow<S>(options: RunOptions<S>): Promise<Outcome> {
  try {
    return await drive(options);
  } catch (error) {
    options.signal.throwIfAborted();
    if (isStackError(error, 'WorkflowConflict')) return { type: 'lost' };
    if (isStackError(error, 'WorkflowGone')) return { type: 'gone' };
    throw error;
  }
}

async function drive<S>(options: RunOptions<S>): Promise<Outcome> {
  const { id, store, signal, cancel, logger, writer, clock = systemClock, random = Math.random } = options;
  const now = (): string => clock.now().toISOString();
  const stored = await persistently(() => store.load(id, signal), signal, clock);
  if (!stored) return { type: 'gone' };
  if (record.isFinished(stored.record)) return { type: 'finished', record: stored.record };
  const workflow = options.workflows.get(stored.record.workflow);
  const journal = createJournal({ id, store, stored, writer, signal, clock });

  const tell = (type: WorkflowEvent['type'], step?: string): void => {
    try {
      options.observe?.({ type, id, record: journal.current(), ...(step !== undefined && { step }) });
    } catch (error) {
      logger.error({ err: toStackError(error), id }, 'an observer of the workflow failed');
    }
  };

  const interrupted = async (state: record.WorkflowRecord, reason: record.Failure): Promise<Outcome> => {
    const kept = await journal.write(record.interrupt(state, reason));
    tell('interrupted', state.steps[record.nextStep(state)]?.name);
    return { type: 'interrupted', record: kept };
  };

  const cancelled = async (state: record.WorkflowRecord): Promise<Outcome> => {
    const kept = await journal.write(record.cancel(state, now(), failureOf(cancelReason(cancel))));
    tell('cancelled');
    return { type: 'finished', record: kept };
  };

  let state = stored.record;
  for (;;) {
    signal.throwIfAborted();
    if (cancel?.aborted) return await cancelled(state);
    if (state.phase === 'Interrupted') return { type: 'interrupted', record: state };
    const index = record.nextStep(state);
    const entry = state.steps[index];
    if (!entry) {
      state = await journal.write(record.finish(state, now()));
      tell('finished');
      return { type: 'finished', record: state };
    }
    const step = workflow && record.definitionOf(workflow, entry);
    if (!step) {
      const text = `step ${entry.name} of workflow ${state.workflow} is not known`;
      return await interrupted(state, failureOf(new StackError('UnknownStep', text)));
    }

    state = await journal.write(record.begin(state, index, now()));
    tell('begun', entry.name);
    const progress = keepProgress(journal, index, clock);
    const context = {
      services: options.services,
      context: state.context,
      step: entry.name,
      input: entry.input ?? {},
      workflowId: id,
      attempt: state.steps[index]?.attempts ?? 1,
      failures: entry.failures,
      logger: logger.child({ workflow: id, step: entry.name }),
      progress: progress.say,
    };
    try {
      const ends = AbortSignal.any([signal, progress.lost, ...(cancel ? [cancel] : [])]);
      const attempt = runAttempt({ step, context, signal: ends, clock, graceMs: options.graceMs ?? 5_000 });
      const result = await progress.until(attempt);
      if (result.type === 'wait') {
        state = await journal.write(record.wait(state, index, result.reason));
        tell('waiting', entry.name);
        return { type: 'waiting', record: state, ...(result.untilMs !== undefined && { untilMs: result.untilMs }) };
      }
      // Stored together with the next step's intent, or with the end.
      state = record.succeed(state, index, now(), result.output, result.message ?? progress.said());
      tell('succeeded', entry.name);
    } catch (thrown) {
      signal.throwIfAborted();
      if (isOfStore(thrown)) throw thrown;
      const error = toStackError(thrown);
      if (cancel?.aborted && error.code !== 'StepStuck') return await cancelled(state);
      state = record.fail(state, index, now(), failureOf(error));
      const policy = { ...defaultRetry, ...step.retry };
      const failures = state.steps[index]?.failures ?? 1;
      logger.warn({ err: error, step: entry.name, failures }, 'a step failed');
      if (error.retry === 'never' || failures >= policy.limit) return await interrupted(state, failureOf(error));
      state = await journal.write(state);
      tell('failed', entry.name);
      const pause = backoffDelay(policy, failures - 1, random);
      await clock.sleep(pause, AbortSignal.any(cancel ? [signal, cancel] : [signal])).catch(() => undefined);
    }
  }
}

const cancelReason = (cancel: AbortSignal | undefined): StackError =>
  cancel?.reason instanceof StackError ? cancel.reason : new StackError('Cancelled', 'the operation was cancelled');

const failureOf = ({ code, message, remedy }: StackError): record.Failure => ({ code, message, remedy });
