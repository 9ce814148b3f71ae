/**
 * Runs workflows durably. Owns the order of record and effect; knows nothing of what steps do or where records lie.
 *
 * Invariants (tests cite them):
 * - W1 Intent before effect: a step's code runs only after a stored record says `Running` with that attempt's number.
 * - W2 A step whose success is stored never runs again, except after a person's resume from the first step.
 * - W3 Steps run one after the other, in the recorded order; the success of one and the intent of the next are one write.
 * - W4 A step sees the stored context only: the input and the outputs of completed steps. Nothing lives in memory alone.
 * - W5 After a crash at any point a new run goes on with the first step not done; a crash costs an attempt, no failure.
 * - W6 An error that says `never` interrupts at once; any other is retried with back-off until the step's limit, or that
 *   of the run, is spent, then interrupts. The code, message and remedy of the last error are stored.
 * - W7 One writer: whoever finds that another process wrote the record stops without a further effect. A write of
 *   one's own whose answer was lost is recognised; a change beside the record (steering) is no conflict.
 * - W8 What a step does wrong (throw, panic, hang) ends that attempt and nothing else; attempts never overlap.
 * - W9 A finished record (`Succeeded`, `Cancelled`) never changes.
 * - W10 Cancel stops the running step, waits for its end, and is stored; no later step begins.
 * - W11 A waiting step holds no timer and no memory: the run returns, and the caller wakes it. Waking is no failure. A
 *   deadline is stored; a step that still waits after it interrupts.
 * - W12 Undo: once a cancel is stored, each step that was begun and has an undo is taken back, the last first, each before
 *   the one before it, whatever crashes; the run ends `Cancelled`. An undo that fails for good interrupts, and a resume
 *   goes on undoing. To abandon a run ends it without undoing.
 * - W13 Pause takes effect between attempts, is stored, and nothing runs until a resume.
 * - W14 A repair belongs to a code: between two resumes it is begun at most as often as its limit says, crashes aside,
 *   stored before its effect; after it the failed step is run again. A guide replaces the remedy that people read.
 * - W15 Hooks are waited for, and nothing that they do or throw changes what is run or recorded.
 */
import { isStackError, StackError, systemClock, toStackError } from '@polarstack/base';
import { createHookRunner } from './hooks.ts';
import { createJournal, persistently } from './journal.ts';
import type { Outcome, RunOptions, WorkflowEvent } from './options.ts';
import * as record from './record.ts';
import { runStep } from './run-step.ts';
import { beginUndo, cancel as cancelRecord } from './steer.ts';

const DEFAULT_HOOK_MS = 5_000;

/** Runs or resumes the run `id` until it is finished, interrupted, paused, waits, or the signal aborts. */
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
  const { id, store, signal, cancel, abandon, pause, logger, writer, clock = systemClock } = options;
  const now = (): string => clock.now().toISOString();
  const stored = await persistently(() => store.load(id, signal), signal, clock);
  if (!stored) return { type: 'gone' };
  if (record.isFinished(stored.record)) return { type: 'finished', record: stored.record };
  const workflow = options.workflows.get(stored.record.workflow);
  const journal = createJournal({ id, store, stored, writer, signal, clock });
  const { hooks = {}, hookTimeoutMs: timeoutMs = DEFAULT_HOOK_MS } = options;
  const around = createHookRunner({ hooks, clock, logger, signal, timeoutMs });

  const tell = (type: WorkflowEvent['type'], step?: string): void => {
    try {
      options.observe?.({ type, id, record: journal.current(), ...(step !== undefined && { step }) });
    } catch (error) {
      logger.error({ err: toStackError(error), id }, 'an observer of the workflow failed');
    }
  };
  const leave = async (outcome: Extract<Outcome, { record: unknown }>): Promise<Outcome> => {
    await around.afterRun({ id, record: outcome.record });
    return outcome;
  };
  const cancelled = async (state: record.WorkflowRecord, reason: record.Failure): Promise<Outcome> => {
    const kept = await journal.write(cancelRecord(state, now(), reason));
    tell('cancelled');
    return await leave({ type: 'finished', record: kept });
  };
  const canUndo = (entry: record.StepRecord): boolean => {
    const definition = workflow && record.definitionOf(workflow, entry);
    // One that is not known may have an undo: that is for a person to decide.
    return definition === undefined || definition.undo !== undefined;
  };

  let state = stored.record;
  let entered = false;
  for (;;) {
    signal.throwIfAborted();
    if (abandon?.aborted) return await cancelled(state, reasonOf(abandon));
    if (cancel?.aborted && !state.undoing) {
      const undoing = beginUndo(state, now(), reasonOf(cancel), canUndo);
      if (record.nextUndo(undoing, canUndo) < 0) return await cancelled(state, reasonOf(cancel));
      state = await journal.write(undoing);
      tell('cancelling');
      continue;
    }
    if (state.phase === 'Interrupted') return { type: 'interrupted', record: state };
    if (state.phase === 'Paused') return { type: 'paused', record: state };
    const index = state.undoing ? record.nextUndo(state, canUndo) : record.nextStep(state);
    const entry = state.steps[index];
    if (!entry) {
      if (state.undoing) return await cancelled(state, state.reason ?? reasonOf(undefined));
      state = await journal.write(record.finish(state, now()));
      tell('finished');
      return await leave({ type: 'finished', record: state });
    }
    if (pause?.aborted) {
      state = await journal.write(record.pause(state, now()));
      tell('paused');
      return await leave({ type: 'paused', record: state });
    }
    const step = workflow && record.definitionOf(workflow, entry);
    if (!step) {
      const text = `step ${entry.name} of workflow ${state.workflow} is not known`;
      state = await journal.write(record.interrupt(state, now(), failureOf(new StackError('UnknownStep', text))));
      tell('interrupted', entry.name);
      return await leave({ type: 'interrupted', record: state });
    }
    if (!entered) {
      entered = true;
      tell(state.startedAt === undefined ? 'started' : 'resumed');
      await around.beforeRun({ id, record: state });
    }
    const made = await runStep({ options, clock, workflow, journal, around, tell, step, index, state });
    state = made.state;
    if (made.outcome) return await leave(made.outcome);
  }
}

const reasonOf = (wish: AbortSignal | undefined): record.Failure =>
  failureOf(
    wish?.reason instanceof StackError ? wish.reason : new StackError('Cancelled', 'the operation was cancelled'),
  );

const failureOf = ({ code, message, remedy }: StackError): record.Failure => ({ code, message, remedy });
