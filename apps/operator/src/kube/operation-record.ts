import type { MPDOperation, MPDOperationStatus, OperationStep } from '@polarstack/api';
import { type ErrorCode, errorTable } from '@polarstack/base';
import type { Context, Failure, StepRecord, WorkflowRecord } from '@polarstack/workflow';
import { isFinished, nextStep } from '@polarstack/workflow';

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
  };
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
  const index = nextStep(record);
  const running = record.steps[index];
  const message =
    record.reason?.message ?? (running ? `${running.name}${running.message ? `: ${running.message}` : ''}` : undefined);
  const context: StoredContext = {
    values: record.context,
    run: {
      revision: record.revision,
      writer: record.writer,
      failures,
      ...(Object.keys(planned).length > 0 && { planned }),
    },
  };
  return {
    ...(requester !== undefined && { requester }),
    ...(reasons && { reasons }),
    ...(plan && { plan }),
    ...(consequences && { consequences }),
    ...(handledSteering !== undefined && { handledSteering }),
    phase: record.phase,
    workflow: record.workflow,
    steps: record.steps.map(stepToStatus),
    currentStep: `${index < 0 ? record.steps.length : index + 1}/${record.steps.length}`,
    context: context as Record<string, unknown>,
    contextVersion: CONTEXT_VERSION,
    ...(record.startedAt && { startedAt: record.startedAt }),
    ...(record.finishedAt && { finishedAt: record.finishedAt }),
    ...(message !== undefined && { message }),
    ...(record.reason && isStopped(record) && { error: errorOf(record.reason) }),
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

function stepToStatus({ name, state, attempts, startedAt, finishedAt, message, error }: StepRecord): OperationStep {
  return {
    name,
    state,
    attempts,
    ...(startedAt && { startedAt }),
    ...(finishedAt && { finishedAt }),
    ...(message !== undefined && { message }),
    ...(error && { error: errorOf(error) }),
  };
}

function errorOf({ code, message, remedy }: Failure): NonNullable<MPDOperationStatus['error']> {
  const entry = code in errorTable ? errorTable[code as ErrorCode] : undefined;
  return { code, message, remedy, ...(entry && { retry: entry.retry }) };
}

/** The record in an operation's status; undefined where it has not begun. */
export function toRecord({ status }: MPDOperation): WorkflowRecord | undefined {
  if (!status?.workflow || !status.steps || !status.phase) return undefined;
  const { values = {}, run = {} } = (status.context ?? {}) as StoredContext;
  const { error } = status;
  // An operation that failed before it began has no steps to go on with; `Failed` is final for the planner.
  const phase = status.phase === 'Failed' ? 'Cancelled' : status.phase;
  return {
    workflow: status.workflow,
    phase,
    context: values,
    steps: status.steps.map((step) => ({
      name: step.name,
      ...run.planned?.[step.name],
      state: step.state === 'Undone' ? 'Pending' : step.state,
      attempts: step.attempts,
      failures: run.failures?.[step.name] ?? 0,
      ...(step.startedAt && { startedAt: step.startedAt }),
      ...(step.finishedAt && { finishedAt: step.finishedAt }),
      ...(step.message !== undefined && { message: step.message }),
      ...(step.error && { error: failureOf(step.error) }),
    })),
    revision: run.revision ?? 0,
    writer: run.writer ?? '',
    ...(status.startedAt && { startedAt: status.startedAt }),
    ...(status.finishedAt && { finishedAt: status.finishedAt }),
    ...(error && { reason: failureOf(error) }),
  };
}

const failureOf = (error: NonNullable<MPDOperationStatus['error']>): Failure => ({
  code: error.code,
  message: error.message ?? '',
  remedy: error.remedy ?? '',
});
