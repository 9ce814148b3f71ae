import { type Condition, type MPDOperation, type MPDOperationStatus, MPDOperations } from '@polarstack/api';
import { type ErrorCode, errorTable, StackError } from '@polarstack/base';
import type { KubeClient } from '@polarstack/kube';
import { newRecord, resume, type WorkflowRecord } from '@polarstack/workflow';
import { toRecord, toStatus } from '../kube/operation-record.ts';
import type { Objection } from './objections.ts';
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
  if (!steering) return status;
  const claim = { type: 'Steered', status: 'True', reason: steering.action, message: 'carried out' } as const;
  const conditions = withCondition(status.conditions, claim, now);
  const handled = { ...status, conditions, handledSteering: steering.requestId };
  if (steering.action === 'Pause' || steering.action === 'Cancel') return handled;
  const record: WorkflowRecord = toRecord(operation) ?? newRecord(workflowOf(operation).workflow);
  return toStatus(resume(record, resumeFrom[steering.action], now), handled);
}

type Conditions = NonNullable<MPDOperationStatus['conditions']>;

/** The conditions with one of them claimed anew. */
function withCondition(
  previous: Conditions | undefined = [],
  claim: Omit<Condition, 'lastTransitionTime' | 'observedGeneration'>,
  now: string,
): Conditions {
  const others = previous.filter(({ type }) => type !== claim.type);
  const before = previous.find(({ type }) => type === claim.type);
  const since = before?.status === claim.status ? before.lastTransitionTime : undefined;
  return [...others, { ...claim, lastTransitionTime: since ?? now }];
}

/** The status after a steering was refused: it counts as handled, and the condition says why nothing came of it. */
export function steeringRefused(operation: MPDOperation, { message, remedy }: Objection, now: string) {
  const { spec, status = {} } = operation;
  const text = `${message}. ${remedy}`;
  const claim = { type: 'Steered', status: 'False', reason: 'NotSupportedYet', message: text } as const;
  return {
    ...status,
    conditions: withCondition(status.conditions, claim, now),
    ...(spec.steering && { handledSteering: spec.steering.requestId }),
  };
}

/**
 * The status of an operation under way with what its spec asks for in vain; undefined where that is said already, or
 * there is nothing to say.
 */
export function wishesShown(operation: MPDOperation, wishes: readonly Objection[], now: string) {
  const { status = {} } = operation;
  const before = status.conditions?.find(({ type }) => type === 'Heeded');
  const message = wishes.map((wish) => `${wish.message}. ${wish.remedy}`).join(' ');
  if (wishes.length === 0 ? before?.status !== 'False' : before?.message === message) return undefined;
  const claim: Condition =
    wishes.length === 0
      ? { type: 'Heeded', status: 'True', reason: 'NothingIgnored', message: 'nothing of the spec is ignored' }
      : { type: 'Heeded', status: 'False', reason: 'NotSupportedYet', message };
  return { ...status, conditions: withCondition(status.conditions, claim, now) };
}

/** Ends an operation that cannot be carried out at all. */
export async function refuse(
  client: KubeClient,
  operation: MPDOperation,
  code: ErrorCode,
  { message, remedy }: Objection,
  now: string,
  signal: AbortSignal,
): Promise<void> {
  const { retry } = errorTable[code];
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
