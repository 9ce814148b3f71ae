import type { MPDOperation, MPDOperationStatus, OperationStep } from '@polarstack/api';
import { type ErrorCode, errorTable } from '@polarstack/base';
import type { Context, Failure, RetryPolicy, StepRecord, WorkflowRecord } from '@polarstack/workflow';
import { isFinished, nextStep } from '@polarstack/workflow';
import { writePauseOf } from '../steps/write-pause.ts';

/** Version of the form of `status.context`. */
const CONTEXT_VERSION = 1;

/** What the engine needs beyond the fields that people read. */
interface StoredContext {
  readonly values?: Context;
  readonly run?: {
    readonly revision?: number;
    readonly writer?: string;
    readonly failures?: Readonly<Record<string, number>>;
    /** Of steps that are not simply the definition of their name. */
    readonly planned?: Readonly<Record<string, Pick<StepRecord, 'use' | 'input'>>>;
    /** Of steps that are repaired, undone or wait until a moment. */
    readonly more?: Readonly<Record<string, Pick<StepRecord, (typeof moreKeys)[number]>>>;
  };
}

const moreKeys = ['repairs', 'repairing', 'undo', 'deadline'] as const;

function moreOf(steps: readonly StepRecord[]): Record<string, object> {
  return Object.fromEntries(
    steps.flatMap((step) => {
      const kept = moreKeys.flatMap((key) => (step[key] === undefined ? [] : [[key, step[key]]]));
      return kept.length > 0 ? [[step.name, Object.fromEntries(kept)]] : [];
    }),
  );
}

/** The record of a workflow as the status of its operation. */
export function toStatus(record: WorkflowRecord, previous: MPDOperationStatus = {}): MPDOperationStatus {
  const { requester, reasons, plan, consequences, handledSteering } = previous;
  const failures = Object.fromEntries(record.steps.flatMap((s) => (s.failures > 0 ? [[s.name, s.failures]] : [])));
  const planned = Object.fromEntries(
    record.steps.flatMap(({ name, use, input }) =>
      use || input ? [[name, { ...(use && { use }), ...(input && { input }) }]] : [],
    ),
  );
  const more = moreOf(record.steps);
  const index = nextStep(record);
  const running = record.undoing ? record.steps.findLast(({ state }) => state === 'Running') : record.steps[index];
  const writePauseMs = writePauseOf(record.context);
  const message =
    record.reason?.message ?? (running ? `${running.name}${running.message ? `: ${running.message}` : ''}` : undefined);
  const context: StoredContext = {
    values: record.context,
    run: {
      revision: record.revision,
      writer: record.writer,
      failures,
      ...(Object.keys(planned).length > 0 && { planned }),
      ...(Object.keys(more).length > 0 && { more }),
    },
  };
  return {
    ...(requester !== undefined && { requester }),
    ...(reasons && { reasons }),
    ...(plan && { plan }),
    ...(consequences && { consequences }),
    ...(handledSteering !== undefined && { handledSteering }),
    phase: record.phase,
    ...(record.undoing && { undoing: true }),
    workflow: record.workflow,
    steps: record.steps.map(stepToStatus),
    currentStep: `${index < 0 ? record.steps.length : index + 1}/${record.steps.length}`,
    context: context as Record<string, unknown>,
    contextVersion: CONTEXT_VERSION,
    ...(record.startedAt && { startedAt: record.startedAt }),
    ...(record.finishedAt && { finishedAt: record.finishedAt }),
    ...(message !== undefined && { message }),
    ...(writePauseMs !== undefined && { writePauseMs }),
    ...(record.reason && (isStopped(record) || record.undoing) && { error: errorOf(record.reason) }),
    ...(record.history && { history: [...record.history] }),
    conditions: [
      // What was said of wishes and steerings is not the workflow's.
      ...(previous.conditions ?? []).filter(({ type }) => type !== 'Complete'),
      {
        type: 'Complete',
        status: record.phase === 'Succeeded' ? 'True' : 'False',
        reason: record.reason?.code ?? record.phase,
        message: record.reason?.message ?? '',
        lastTransitionTime: transitionTime(record, previous),
      },
    ],
  };
}

const isStopped = (record: WorkflowRecord): boolean => isFinished(record) || record.phase === 'Interrupted';

function transitionTime(record: WorkflowRecord, previous: MPDOperationStatus): string {
  const before = previous.conditions?.find(({ type }) => type === 'Complete');
  const status = record.phase === 'Succeeded' ? 'True' : 'False';
  const since = before?.status === status ? before.lastTransitionTime : undefined;
  return since ?? record.finishedAt ?? record.startedAt ?? new Date(0).toISOString();
}

function stepToStatus(step: StepRecord): OperationStep {
  const { name, state, attempts, startedAt, finishedAt, nextAttemptAt, message, error } = step;
  return {
    name,
    state,
    attempts,
    ...(startedAt && { startedAt }),
    ...(finishedAt && { finishedAt }),
    ...(nextAttemptAt && { nextAttemptAt }),
    ...(message !== undefined && { message }),
    ...(error && { error: errorOf(error) }),
  };
}

function errorOf({ code, message, remedy }: Failure): NonNullable<MPDOperationStatus['error']> {
  const entry = code in errorTable ? errorTable[code as ErrorCode] : undefined;
  return { code, message, remedy, ...(entry && { retry: entry.retry }) };
}

/** The record in an operation's status; undefined where it has not begun. */
export function toRecord({ spec, status }: MPDOperation): WorkflowRecord | undefined {
  if (!status?.workflow || !status.steps || !status.phase) return undefined;
  const { values = {}, run = {} } = (status.context ?? {}) as StoredContext;
  const { error } = status;
  // An operation that failed before it began has no steps to go on with; `Failed` is final for the planner.
  const phase = status.phase === 'Failed' ? 'Cancelled' : status.phase;
  return {
    workflow: status.workflow,
    phase,
    ...(status.undoing && { undoing: true as const }),
    ...(spec.retry && { retry: retryOf(spec.retry) }),
    context: values,
    steps: status.steps.map((step) => ({
      name: step.name,
      ...run.planned?.[step.name],
      ...run.more?.[step.name],
      state: step.state,
      attempts: step.attempts,
      failures: run.failures?.[step.name] ?? 0,
      ...(step.startedAt && { startedAt: step.startedAt }),
      ...(step.finishedAt && { finishedAt: step.finishedAt }),
      ...(step.nextAttemptAt && { nextAttemptAt: step.nextAttemptAt }),
      ...(step.message !== undefined && { message: step.message }),
      ...(step.error && { error: failureOf(step.error) }),
    })),
    revision: run.revision ?? 0,
    writer: run.writer ?? '',
    ...(status.startedAt && { startedAt: status.startedAt }),
    ...(status.finishedAt && { finishedAt: status.finishedAt }),
    ...(error && { reason: failureOf(error) }),
    ...(status.history && { history: status.history as NonNullable<WorkflowRecord['history']> }),
  };
}

/** `limit` counts the tries after the first one. */
export const retryOf = ({ limit, baseMs, maxMs }: NonNullable<MPDOperation['spec']['retry']>): RetryPolicy => ({
  limit: limit + 1,
  baseMs,
  maxMs: Math.max(baseMs, maxMs),
});

const failureOf = (error: NonNullable<MPDOperationStatus['error']>): Failure => ({
  code: error.code,
  message: error.message ?? '',
  remedy: error.remedy ?? '',
});
