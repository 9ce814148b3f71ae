/**
 * What a steering of an operation comes to, at each moment of its life: a pure function of the operation.
 *
 * Invariants (tests cite them):
 * - ST1 A steering counts as carried out with the write that shows what came of it, never before: an operator that dies in
 *   between carries it out again.
 * - ST2 One that cannot be carried out is refused with a reason, and changes nothing.
 */
import { type Condition, type MPDOperation, type MPDOperationStatus, MPDOperations } from '@polarstack/api';
import { type ErrorCode, errorTable, StackError } from '@polarstack/base';
import { isFinal } from '@polarstack/domain';
import type { KubeClient } from '@polarstack/kube';
import { canSkip, newRecord, nextStep, type ResumeFrom, resume, type WorkflowRecord } from '@polarstack/workflow';
import { toRecord, toStatus } from '../kube/operation-record.ts';
import type { Objection } from './objections.ts';
import { workflowOf } from './operation-runner.ts';

/** What a steering of an operation asks for now; undefined where there is none, or it was carried out before. */
export function pendingSteering({ spec, status }: MPDOperation) {
  const { steering } = spec;
  return steering && steering.requestId !== status?.handledSteering ? steering : undefined;
}

export type Steering = NonNullable<ReturnType<typeof pendingSteering>>;

/** What this process knows of the run. */
export interface RunSeen {
  /** A pause was asked for and has not come about. */
  readonly isPausing: boolean;
  /** A step of it did not stop when it was told to, and may still be working. */
  readonly isStuck: boolean;
}

export type SteeringEffect =
  /** It is done with this status. */
  | { readonly type: 'store'; readonly status: MPDOperationStatus }
  /** The run is asked for it; it is done when the operation shows it. */
  | { readonly type: 'cancel' | 'pause' }
  /** Nothing yet: something asked for before comes first. */
  | { readonly type: 'later' }
  | { readonly type: 'refuse'; readonly objection: Objection };

const resumeFrom = { Resume: 'failed', RetryStep: 'failed', RestartFromFirst: 'first', SkipStep: 'skip' } as const;

export function steeringEffect(
  operation: MPDOperation,
  steering: Steering,
  seen: RunSeen,
  now: string,
): SteeringEffect {
  const { action } = steering;
  const { phase, undoing, workflow } = operation.status ?? {};
  const refuse = (message: string, remedy: string): SteeringEffect => ({
    type: 'refuse',
    objection: { message: `${action}: ${message}`, remedy },
  });
  const store = (status: MPDOperationStatus): SteeringEffect => ({ type: 'store', status });

  if (isFinal(operation)) {
    if (action === 'Cancel' && phase === 'Cancelled') return store(handled(operation, steering, now));
    return refuse('the operation has ended', 'There is nothing left to steer.');
  }
  if (action === 'Cancel') {
    // Half a deletion is nothing to stop at: it goes on until the cluster is gone.
    if (operation.spec.type === 'Delete') {
      return refuse('a deletion cannot be cancelled', 'Let it go on; it is tried again until it is done.');
    }
    if (undoing) return store(handled(operation, steering, now));
    if (seen.isStuck) return refuse(STUCK, RESTART);
    if (workflow) return { type: 'cancel' };
    return store({
      ...handled(operation, steering, now),
      phase: 'Cancelled',
      message: 'cancelled before it began',
      finishedAt: now,
    });
  }
  if (action === 'Pause') {
    if (phase === 'Paused') return store(handled(operation, steering, now));
    if (phase === 'Interrupted') {
      return refuse('the operation has stopped already', 'It goes on when it is resumed, and not before.');
    }
    if (workflow) return { type: 'pause' };
    return store({ ...handled(operation, steering, now), phase: 'Paused', message: 'paused before it began' });
  }
  if (phase === 'Interrupted' || phase === 'Paused') {
    if (seen.isStuck) return refuse(STUCK, RESTART);
    return workflow ? goOn(operation, steering, now) : goOnUnbegun(operation, steering, now);
  }
  if (seen.isPausing) return { type: 'later' };
  if (!workflow)
    return refuse('the operation has not begun', `It ${operation.status?.message ?? 'waits for its turn'}.`);
  if (phase === 'Waiting' && resumeFrom[action] === 'failed') {
    // The run looks again at what it waits for.
    return store({ ...handled(operation, steering, now), phase: 'Pending' });
  }
  return refuse('the operation is under way', 'Pause it first, or wait until it stops.');
}

const STUCK = 'a step did not stop when it was told to, and may still be working';
const RESTART = 'Restart the operator, then ask again.';

/** A paused operation without a run. */
function goOnUnbegun(operation: MPDOperation, steering: Steering, now: string): SteeringEffect {
  if (steering.action === 'Resume') {
    return { type: 'store', status: { ...handled(operation, steering, now), phase: 'Pending', message: 'resumed' } };
  }
  const message = `${steering.action}: no step of the operation has begun`;
  return { type: 'refuse', objection: { message, remedy: 'Use Resume.' } };
}

function goOn(operation: MPDOperation, steering: Steering, now: string): SteeringEffect {
  const { action, step, requester: by } = steering;
  if (action === 'Pause' || action === 'Cancel') return { type: 'later' };
  const record: WorkflowRecord = toRecord(operation) ?? newRecord(workflowOf(operation).workflow);
  const from: ResumeFrom = resumeFrom[action];
  const current = record.steps[nextStep(record)]?.name;
  const refuse = (message: string, remedy: string): SteeringEffect => ({
    type: 'refuse',
    objection: { message: `${action}: ${message}`, remedy },
  });
  if (record.undoing && from === 'first') {
    return refuse('the operation is being undone', 'Resume it, and ask for a new operation when it has ended.');
  }
  if (from === 'skip' && step !== undefined) {
    const index = record.steps.findIndex(({ name }) => name === step);
    if (index < 0)
      return refuse(`there is no step ${step}`, `The steps are ${record.steps.map(({ name }) => name).join(', ')}.`);
    if (!canSkip(record, index))
      return refuse(`step ${step} is ${record.steps[index]?.state}`, 'Name one that is still to come.');
  }
  if (from === 'failed' && step !== undefined && step !== current && !record.undoing) {
    const remedy = `Leave steering.step out, or name ${current}; RestartFromFirst begins anew.`;
    return refuse(`the operation stopped at ${current}, not at ${step}`, remedy);
  }
  const how = { ...(from === 'skip' && step !== undefined && { skip: step }), ...(by !== undefined && { by }) };
  const resumed = resume(record, from, now, how);
  if (resumed === record) return refuse('there is no step left to leave out', 'Use Resume.');
  return { type: 'store', status: toStatus(resumed, handled(operation, steering, now)) };
}

/** The status with the steering carried out. */
function handled({ status = {} }: MPDOperation, { action, requestId }: Steering, now: string): MPDOperationStatus {
  const claim = { type: 'Steered', status: 'True', reason: action, message: 'carried out' } as const;
  return { ...status, conditions: withCondition(status.conditions, claim, now), handledSteering: requestId };
}

type Conditions = NonNullable<MPDOperationStatus['conditions']>;

/** The conditions with one of them claimed anew. */
export function withCondition(
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
  const claim = { type: 'Steered', status: 'False', reason: 'Refused', message: text } as const;
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
      : { type: 'Heeded', status: 'False', reason: 'Ignored', message };
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
