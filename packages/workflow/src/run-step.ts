import { backoffDelay, type Clock, StackError, toStackError } from '@polarstack/base';
import { runAttempt } from './attempt.ts';
import type { createHookRunner } from './hooks.ts';
import { isOfStore, type Journal } from './journal.ts';
import type { Outcome, RunOptions, WorkflowEvent } from './options.ts';
import { keepProgress } from './progress.ts';
import * as record from './record.ts';
import { defaultRetry, type ErrorAction, type Step, type StepResult, type Workflow } from './workflow.ts';

export interface StepRun<S> {
  readonly options: RunOptions<S>;
  readonly clock: Clock;
  readonly workflow: Workflow<S>;
  readonly journal: Journal;
  readonly around: ReturnType<typeof createHookRunner>;
  readonly tell: (type: WorkflowEvent['type'], step?: string) => void;
  readonly step: Step<S>;
  readonly index: number;
  readonly state: record.WorkflowRecord;
}

/** What became of an attempt: the state to go on with, or how the run leaves memory. */
export interface StepEnd {
  readonly state: record.WorkflowRecord;
  readonly outcome?: Extract<Outcome, { record: unknown }>;
}

type Job<S> = Pick<Step<S>, 'name' | 'timeoutMs' | 'run'>;

/** One attempt of the step that is next: to run it, to undo it, or to repair what made it fail. Its end may not be stored yet. */
export async function runStep<S>(given: StepRun<S>): Promise<StepEnd> {
  const { options, clock, journal, around, tell, step, index } = given;
  const { id, logger, signal, cancel, abandon } = options;
  const now = (): string => clock.now().toISOString();
  const isUndo = given.state.undoing === true;
  const before = given.state.steps[index];
  const repair = isUndo ? undefined : repairOf(given, before?.repairing);

  let state = await journal.write(record.begin(given.state, index, now()));
  const entry = state.steps[index] ?? { name: step.name, state: 'Running', attempts: 1, failures: 0 };
  tell(repair ? 'repairing' : 'begun', entry.name);
  await around.beforeStep({ id, record: state, step: entry.name });
  const progress = keepProgress(journal, index, clock);
  const { deadline } = entry;
  const context = {
    services: options.services,
    context: state.context,
    step: entry.name,
    input: entry.input ?? {},
    workflowId: id,
    attempt: entry.attempts,
    failures: entry.failures,
    deadlinePassed: deadline !== undefined && Date.parse(deadline) <= clock.now().getTime(),
    logger: logger.child({ workflow: id, step: entry.name }),
    progress: progress.say,
  };
  // A cancel that led to this undo does not end it.
  const wishes = [...(cancel && !isUndo ? [cancel] : []), ...(abandon ? [abandon] : [])];
  try {
    const ends = AbortSignal.any([signal, progress.lost, ...wishes]);
    const job = jobOf(step, isUndo, repair);
    const attempt = runAttempt({ step: job, context, signal: ends, clock, graceMs: options.graceMs ?? 5_000 });
    const result = await progress.until(attempt);
    if (result.type === 'wait') {
      if (repair) throw new StackError('Internal', `the repair of ${entry.repairing} cannot wait`);
      const end = await waits(given, state, result, context.deadlinePassed);
      await around.afterStep({ id, record: end.state, step: entry.name });
      return end;
    }
    // Stored together with the next step's intent, or with the end.
    if (repair) state = record.repaired(state, index, now());
    else if (isUndo) state = record.undone(state, index, now(), result.message ?? progress.said());
    else state = record.succeed(state, index, now(), outputOf(result), result.message ?? progress.said());
    if (!repair) tell(isUndo ? 'undone' : 'succeeded', entry.name);
    await around.afterStep({ id, record: state, step: entry.name });
    return { state };
  } catch (thrown) {
    signal.throwIfAborted();
    if (isOfStore(thrown)) throw thrown;
    const error = toStackError(thrown);
    await around.afterStep({ id, record: state, step: entry.name, error });
    // The loop stores the wish, and how the step was left.
    if (wishes.some(({ aborted }) => aborted) && error.code !== 'StepStuck') return { state };
    return await failed(given, state, error, repair);
  }
}

type Repair<S> = Extract<ErrorAction<S>, { type: 'repair' }>;

const jobOf = <S>(step: Step<S>, isUndo: boolean, repair: Repair<S> | undefined): Job<S> => {
  const { name, timeoutMs } = step;
  if (repair) return repair.repair;
  if (!isUndo) return step;
  return { name, timeoutMs, run: async (context) => await step.undo?.(context) };
};

const outputOf = (result: StepResult) => (result.type === 'done' ? result.output : undefined);

function actionOf<S>({ step, workflow }: StepRun<S>, code: string | undefined): ErrorAction<S> | undefined {
  const actions: Readonly<Record<string, ErrorAction<S> | undefined>> = { ...workflow.onError, ...step.onError };
  return code === undefined ? undefined : actions[code];
}

/** The repair of the code; undefined where this program knows none (any more). */
function repairOf<S>(given: StepRun<S>, code: string | undefined): Repair<S> | undefined {
  const action = actionOf(given, code);
  return action?.type === 'repair' ? action : undefined;
}

async function waits<S>(
  { options, clock, journal, tell, index }: StepRun<S>,
  state: record.WorkflowRecord,
  result: Extract<StepResult, { type: 'wait' }>,
  deadlinePassed: boolean,
): Promise<StepEnd> {
  const at = clock.now();
  const entry = state.steps[index];
  const { reason, untilMs, deadlineMs } = result;
  const deadline =
    entry?.deadline ?? (deadlineMs === undefined ? undefined : new Date(at.getTime() + deadlineMs).toISOString());
  if (deadlinePassed) {
    throw new StackError('WaitTimeout', `${entry?.name} waited until ${deadline} in vain: ${reason}`);
  }
  const leftMs = deadline === undefined ? [] : [Math.max(0, Date.parse(deadline) - at.getTime())];
  const wakes = [...(untilMs === undefined ? [] : [untilMs]), ...leftMs];
  const wakeMs = wakes.length > 0 ? Math.min(...wakes) : undefined;
  const times = {
    ...(deadline !== undefined && { deadline }),
    ...(wakeMs !== undefined && { nextAttemptAt: new Date(at.getTime() + wakeMs).toISOString() }),
  };
  const kept = await journal.write(record.wait(state, index, at.toISOString(), { reason, ...times }));
  tell('waiting', entry?.name);
  options.logger.debug({ workflow: options.id, step: entry?.name, reason, wakeMs }, 'a step waits');
  return { state: kept, outcome: { type: 'waiting', record: kept, ...(wakeMs !== undefined && { untilMs: wakeMs }) } };
}

async function failed<S>(
  given: StepRun<S>,
  before: record.WorkflowRecord,
  error: StackError,
  repair: Repair<S> | undefined,
): Promise<StepEnd> {
  const { options, clock, journal, tell, step, index } = given;
  const now = clock.now();
  const entry = before.steps[index];
  const isUndo = before.undoing === true;
  const policy = { ...defaultRetry, ...step.retry, ...before.retry };
  const failures = (entry?.failures ?? 0) + 1;
  const limit = repair ? repair.limit : policy.limit;
  const used = repair ? (entry?.repairs ?? 1) : failures;
  options.logger.warn({ err: error, step: entry?.name, failures: used, repair: repair !== undefined }, 'a step failed');

  const at = now.toISOString();
  const code = repair && entry?.repairing;
  const fail = (next?: string): record.WorkflowRecord =>
    code === undefined
      ? record.fail(before, index, at, failureOf(error), next)
      : record.failRepair(before, index, at, failureOf(error), next);

  if (error.retry !== 'never' && used < limit) {
    const pauseMs = backoffDelay(policy, used - 1, options.random);
    const again = fail(new Date(now.getTime() + pauseMs).toISOString());
    const state = await journal.write(code === undefined ? again : record.beginRepair(again, index, code));
    tell('failed', entry?.name);
    const { signal, cancel, abandon, pause } = options;
    const wakes = [signal, isUndo ? undefined : cancel, abandon, pause].filter((wish) => wish !== undefined);
    await clock.sleep(pauseMs, AbortSignal.any(wakes)).catch(() => undefined);
    return { state };
  }
  const action = repair ? undefined : actionOf(given, error.code);
  if (!isUndo && action?.type === 'repair' && (entry?.repairs ?? 0) < action.limit) {
    const state = await journal.write(record.beginRepair(fail(), index, error.code));
    tell('failed', entry?.name);
    return { state };
  }
  const reason = repair ? repairFailed(entry, error) : guided(error, action);
  const state = await journal.write(record.interrupt(fail(), at, reason));
  tell('interrupted', entry?.name);
  return { state, outcome: { type: 'interrupted', record: state } };
}

const failureOf = ({ code, message, remedy }: StackError): record.Failure => ({ code, message, remedy });

const guided = <S>(error: StackError, action: ErrorAction<S> | undefined): record.Failure =>
  action?.type === 'guide' ? { ...failureOf(error), remedy: action.text } : failureOf(error);

/** People read of the error that was to be mended, and of what came of that. */
function repairFailed(entry: record.StepRecord | undefined, error: StackError): record.Failure {
  const first = entry?.error;
  if (!first) return failureOf(error);
  return { ...first, message: `${first.message}; mending that failed: ${error.code}: ${error.message}` };
}
