/** What people make of a run that does not run: pure functions of its record. */
import {
  type Failure,
  isFinished,
  nextStep,
  remember,
  type StepRecord,
  type WorkflowRecord,
  without,
  withStep,
} from './record.ts';

/** From where an interrupted or paused run goes on. `skip`: the step it stopped at, or the named one, is left out. */
export type ResumeFrom = 'failed' | 'first' | 'skip';

/**
 * What a `resume` makes of an interrupted or paused run: from the failed step, from the first, or after skipping a step
 * that is not done. Counters of failures start anew. While a run is undone, it goes on being undone: `skip` leaves the
 * step as it is whose undo failed, `first` is `failed`. Any other phase, and a step to skip that is unknown or done, is
 * answered unchanged.
 */
export function resume(
  record: WorkflowRecord,
  from: ResumeFrom,
  now: string,
  { skip, by }: { readonly skip?: string; readonly by?: string } = {},
): WorkflowRecord {
  if (record.phase !== 'Interrupted' && record.phase !== 'Paused') return record;
  const stopped = record.undoing ? stoppedUndo(record) : nextStep(record);
  const chosen = skip === undefined ? stopped : record.steps.findIndex(({ name }) => name === skip);
  if (from === 'skip' && !canSkip(record, chosen)) return record;
  const steps = record.steps.map((step, index): StepRecord => {
    if (from === 'first' && !record.undoing) {
      const { name, use, input, attempts } = step;
      return { name, ...(use && { use }), ...(input && { input }), state: 'Pending', attempts, failures: 0 };
    }
    if (from === 'skip' && index === chosen) {
      return { ...without(step, 'nextAttemptAt', 'deadline', 'repairing'), state: 'Skipped', finishedAt: now };
    }
    // What is to be undone keeps its state: it says what was done.
    if (record.undoing) return { ...without(step, 'deadline', 'nextAttemptAt'), failures: 0 };
    if (index !== stopped) return step;
    return {
      ...without(step, 'finishedAt', 'nextAttemptAt', 'deadline', 'repairing', 'repairs'),
      state: 'Pending',
      failures: 0,
    };
  });
  const base = record.undoing ? without(record, 'finishedAt') : without(record, 'reason', 'finishedAt');
  const name = chosen >= 0 ? record.steps[chosen]?.name : undefined;
  const skipped = from === 'skip' && name !== undefined;
  const next: WorkflowRecord = { ...base, phase: 'Pending', steps };
  const asked = by === undefined ? {} : { by };
  const noted = skipped ? remember(next, { at: now, event: 'Skipped', step: name, ...asked }) : next;
  const where = stopped >= 0 ? record.steps[stopped]?.name : undefined;
  const step = from === 'first' || skipped || where === undefined ? {} : { step: where };
  const message = from === 'first' ? { message: 'from the first step' } : {};
  return remember(noted, { at: now, event: 'Resumed', ...step, ...message, ...asked });
}

/** A step can be left out until it is done; while a run is undone, until it is taken back. */
export function canSkip(record: WorkflowRecord, index: number): boolean {
  const step = record.steps[index];
  if (!step) return false;
  if (record.undoing) return step.attempts > 0 && step.state !== 'Undone' && step.state !== 'Skipped';
  return step.state !== 'Succeeded' && step.state !== 'Skipped';
}

/** The step whose undo stopped. */
const stoppedUndo = ({ steps }: WorkflowRecord): number =>
  steps.findLastIndex(({ undo, state }) => undo && state !== 'Undone' && state !== 'Skipped');

/**
 * From now on the run is taken back instead of carried on. The step that was under way counts as failed, and one that was
 * skipped after it had been begun is taken back as well.
 */
export function beginUndo(
  record: WorkflowRecord,
  now: string,
  reason: Failure,
  canUndo: (step: StepRecord) => boolean,
): WorkflowRecord {
  const stopped = stopAt(record, now, reason);
  const steps = stopped.steps.map(
    (step): StepRecord => ({
      ...without(step, 'repairs', 'repairing', 'deadline', 'nextAttemptAt'),
      failures: 0,
      ...(step.state === 'Skipped' && step.attempts > 0 && canUndo(step) && { state: 'Failed' }),
    }),
  );
  const next: WorkflowRecord = { ...stopped, phase: 'Running', undoing: true, steps, reason };
  return remember(next, { at: now, event: 'Cancelling', message: reason.message });
}

/** The end of a run that was cancelled: with all taken back, or as it is. */
export function cancel(record: WorkflowRecord, now: string, reason: Failure): WorkflowRecord {
  if (isFinished(record)) return record;
  const stopped = record.undoing ? stopUndo(record, now, reason) : stopAt(record, now, reason);
  const next: WorkflowRecord = { ...without(stopped, 'undoing'), phase: 'Cancelled', finishedAt: now, reason };
  return remember(next, { at: now, event: 'Cancelled', message: reason.message });
}

/** The step that was under way did not get to its end. */
function stopAt(record: WorkflowRecord, now: string, reason: Failure): WorkflowRecord {
  const index = nextStep(record);
  if (index < 0 || record.steps[index]?.state === 'Pending') return record;
  return withStep(record, index, (step) => ({ ...step, state: 'Failed', finishedAt: now, error: reason }));
}

/** An undo that was under way did not get to its end. */
function stopUndo(record: WorkflowRecord, now: string, reason: Failure): WorkflowRecord {
  const steps = record.steps.map(
    (step): StepRecord =>
      step.state === 'Running' || step.state === 'Waiting'
        ? { ...step, state: 'Failed', finishedAt: now, error: reason }
        : step,
  );
  return { ...record, steps };
}
