import { type MPDOperation, type MPDOperationStatus, MPDOperations } from '@polarstack/api';
import { type ErrorCode, errorTable, StackError } from '@polarstack/base';
import type { KubeClient } from '@polarstack/kube';
import { newRecord, resume, type WorkflowRecord } from '@polarstack/workflow';
import { toRecord, toStatus } from '../kube/operation-record.ts';
import { workflowOf } from './operation-runner.ts';

/** What a steering of an operation asks for now; undefined where there is none, or it was carried out before. */
export function pendingSteering({ spec, status }: MPDOperation) {
  const { steering } = spec;
  return steering && steering.requestId !== status?.handledSteering ? steering : undefined;
}

const resumeFrom = { Resume: 'failed', RetryStep: 'failed', RestartFromFirst: 'first', SkipStep: 'skip' } as const;

/** The status after an interrupted operation was steered; the steering counts as carried out with this write. */
export function steered(operation: MPDOperation, now: string): MPDOperationStatus {
  const { spec, status = {} } = operation;
  const { steering } = spec;
  const handled = { ...status, ...(steering && { handledSteering: steering.requestId }) };
  if (!steering || steering.action === 'Pause' || steering.action === 'Cancel') return handled;
  const record: WorkflowRecord = toRecord(operation) ?? newRecord(workflowOf(operation).workflow);
  return toStatus(resume(record, resumeFrom[steering.action], now), handled);
}

/** Ends an operation that cannot be carried out at all. */
export async function refuse(
  client: KubeClient,
  operation: MPDOperation,
  code: ErrorCode,
  message: string,
  now: string,
  signal: AbortSignal,
): Promise<void> {
  const { remedy, retry } = errorTable[code];
  const status: MPDOperationStatus = {
    ...operation.status,
    phase: 'Failed',
    message,
    finishedAt: now,
    error: { code, message, remedy, retry },
  };
  await client.replaceStatus(MPDOperations, { ...operation, status }, signal);
}

export const cancelRequested = (who: string | undefined): StackError =>
  new StackError('Cancelled', `cancelled by ${who ?? 'a request'}`);
