import { isOperationType, type MPDCluster, type MPDOperation } from '@polarstack/api';
import { isFinal, isPlanned } from '@polarstack/domain';
import { nextStep } from '@polarstack/workflow';
import { toRecord } from '../kube/operation-record.ts';
import type { pendingSteering } from './steering.ts';

/** Why something cannot be done, and what to do instead. */
export interface Objection {
  readonly message: string;
  readonly remedy: string;
}

/** What the spec of an operation asks for and nothing heeds yet. */
export function unheededWishes({ spec }: MPDOperation): readonly Objection[] {
  if (spec.retry === undefined) return [];
  const message = 'spec.retry: how often a step is tried again cannot be chosen yet';
  return [{ message, remedy: 'Leave it out: each step knows how often it helps.' }];
}

/** Why an operation that has not begun cannot be carried out, whatever happens. */
export function objectionTo(operation: MPDOperation, cluster: MPDCluster): Objection | undefined {
  const { spec, metadata } = operation;
  if (!isOperationType(spec.type)) {
    return {
      message: `operations of type ${spec.type} cannot be carried out yet`,
      remedy: 'Delete it; the cluster runs on unchanged.',
    };
  }
  const [wish] = unheededWishes(operation);
  if (wish) return wish;
  if (spec.type !== 'Create' && spec.type !== 'Delete') {
    return isPlanned(spec.type)
      ? undefined
      : {
          message: `operations of type ${spec.type} cannot be carried out yet`,
          remedy: 'Delete it; the cluster runs on unchanged.',
        };
  }
  const how = spec.type === 'Create' ? 'making' : 'deleting';
  if (!metadata.ownerReferences?.some(({ uid }) => uid === cluster.metadata.uid)) {
    const message = `${spec.type} is begun by ${how} the cluster, not by an operation`;
    return { message, remedy: `Use ${how} the MPDCluster instead.` };
  }
  // The cluster's own deletion is what protects it; an operation alone does not get round that.
  if (spec.type === 'Delete' && !cluster.metadata.deletionTimestamp) {
    return { message: 'the cluster is not being deleted', remedy: 'Delete the MPDCluster instead.' };
  }
  return undefined;
}

/** Why a steering is not carried out, now or later; one that only comes too early is kept until it can be. */
export function objectionToSteering(
  operation: MPDOperation,
  steering: NonNullable<ReturnType<typeof pendingSteering>>,
): Objection | undefined {
  const { action, step } = steering;
  if (isFinal(operation)) {
    return { message: `${action}: the operation has ended`, remedy: 'There is nothing left to steer.' };
  }
  if (action === 'Pause') {
    return {
      message: 'Pause: an operation cannot be paused yet',
      remedy: 'Let it go on, or cancel it with action Cancel.',
    };
  }
  if (action === 'Cancel') {
    // Half a deletion is nothing to stop at: it goes on until the cluster is gone.
    return operation.spec.type === 'Delete'
      ? {
          message: 'Cancel: a deletion cannot be cancelled',
          remedy: 'Let it go on; it is tried again until it is done.',
        }
      : undefined;
  }
  const record = toRecord(operation);
  const current = record?.steps[nextStep(record)]?.name;
  if (operation.status?.phase === 'Interrupted' && step && current && step !== current) {
    return {
      message: `${action}: only the step that the operation stopped at (${current}) can be steered yet, not ${step}`,
      remedy: `Leave steering.step out, or name ${current}.`,
    };
  }
  return undefined;
}
