import { type MPDCluster, type MPDOperation, MPDOperations } from '@polarstack/api';
import type { Clock } from '@polarstack/base';
import { currentOperation, isFinal, isOperationType } from '@polarstack/domain';
import type { Informer, KubeClient } from '@polarstack/kube';
import type { OperationRunner } from './operation-runner.ts';
import { cancelRequested, pendingSteering, refuse, steered } from './steering.ts';

export interface OperationControllerOptions {
  readonly client: KubeClient;
  readonly clusters: Pick<Informer<MPDCluster>, 'get'>;
  readonly operations: Pick<Informer<MPDOperation, 'cluster'>, 'get' | 'byIndex'>;
  readonly runner: OperationRunner;
  readonly clock: Clock;
  readonly isOurs: (cluster: MPDCluster) => boolean;
}

/** Key of the cluster that an operation belongs to, as the index has it. */
export const clusterOfOperation = ({ metadata, spec }: MPDOperation): string =>
  `${metadata.namespace ?? 'default'}/${spec.cluster}`;

/**
 * Brings operations to their end: one at a time for each cluster, the oldest first; the others wait their turn.
 * Answers what reconciles one operation by its key.
 */
export function createOperationController(options: OperationControllerOptions) {
  const { client, clusters, operations, runner, clock, isOurs } = options;
  const now = (): string => clock.now().toISOString();

  /** Why an operation cannot be carried out, whatever happens. */
  const objection = (operation: MPDOperation, cluster: MPDCluster): string | undefined => {
    const { spec, metadata } = operation;
    if (!isOperationType(spec.type)) return `operations of type ${spec.type} cannot be carried out yet`;
    if (spec.planOnly) return 'operations cannot be planned without being run yet';
    if (spec.approval?.required && !spec.approval.approved) return 'operations cannot wait for approval yet';
    if (!metadata.ownerReferences?.some(({ uid }) => uid === cluster.metadata.uid)) {
      return `${spec.type} is begun by ${spec.type === 'Create' ? 'making' : 'deleting'} the cluster, not by an operation`;
    }
    // The cluster's own deletion is what protects it; an operation alone does not get round that.
    if (spec.type === 'Delete' && !cluster.metadata.deletionTimestamp) return 'the cluster is not being deleted';
    return undefined;
  };

  return async (key: string, signal: AbortSignal): Promise<void> => {
    const operation = operations.get(key);
    if (!operation || isFinal(operation)) return;
    const cluster = clusters.get(clusterOfOperation(operation));
    // Without its cluster the operation is about to be collected.
    if (!cluster || !isOurs(cluster)) return;
    const wrong = operation.status?.phase === undefined ? objection(operation, cluster) : undefined;
    if (wrong) return await refuse(client, operation, 'NotSupportedYet', wrong, now(), signal);
    const turn = currentOperation(operations.byIndex('cluster', clusterOfOperation(operation)));
    if (turn?.metadata.name !== operation.metadata.name) return;

    const steering = pendingSteering(operation);
    // Half a deletion is nothing to stop at: it goes on until the cluster is gone.
    const isCancel = steering?.action === 'Cancel' && operation.spec.type !== 'Delete';
    if (isCancel) runner.cancel(key, cancelRequested(steering?.requester));
    if (steering && (operation.status?.phase === 'Interrupted' || steering.action === 'Cancel')) {
      // The write brings the operation here again.
      const status = steered(operation, now());
      await client.replaceStatus(MPDOperations, { ...operation, status }, signal);
      if (!isCancel) return;
    }
    const stopped = operation.status?.phase === 'Interrupted' && !runner.isCancelled(key);
    if (!stopped) runner.start(operation);
  };
}
