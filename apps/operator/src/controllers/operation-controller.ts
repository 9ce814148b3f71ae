import { type MPDCluster, type MPDOperation, type MPDOperationStatus, MPDOperations } from '@polarstack/api';
import type { Clock } from '@polarstack/base';
import { currentOperation, isFinal } from '@polarstack/domain';
import type { EventRecorder, Informer, KubeClient, ReconcileResult } from '@polarstack/kube';
import type { Services } from '../steps/services.ts';
import { createLauncher, hasBegun } from './launch.ts';
import { objectionTo, objectionToSteering, unheededWishes } from './objections.ts';
import type { OperationRunner } from './operation-runner.ts';
import { cancelRequested, pendingSteering, refuse, steered, steeringRefused, wishesShown } from './steering.ts';

export interface OperationControllerOptions {
  readonly client: KubeClient;
  readonly services: Services;
  readonly clusters: Pick<Informer<MPDCluster>, 'get'>;
  readonly operations: Pick<Informer<MPDOperation, 'cluster'>, 'get' | 'byIndex'>;
  readonly runner: OperationRunner;
  readonly events: EventRecorder;
  readonly clock: Clock;
  readonly isOurs: (cluster: MPDCluster) => boolean;
}

/** Why a request is refused. */
const CODE = 'NotSupportedYet';

/** Key of the cluster that an operation belongs to, as the index has it. */
export const clusterOfOperation = ({ metadata, spec }: MPDOperation): string =>
  `${metadata.namespace ?? 'default'}/${spec.cluster}`;

/**
 * Brings operations to their end: one at a time for each cluster, the oldest first; the others wait their turn.
 * Answers what reconciles one operation by its key.
 */
export function createOperationController(options: OperationControllerOptions) {
  const { client, services, clusters, operations, runner, events, clock, isOurs } = options;
  const now = (): string => clock.now().toISOString();
  const siblings = (operation: MPDOperation) => operations.byIndex('cluster', clusterOfOperation(operation));
  const launch = createLauncher({ client, services, clock, siblings });

  const store = async (operation: MPDOperation, status: MPDOperationStatus, signal: AbortSignal): Promise<void> => {
    await client.replaceStatus(MPDOperations, { ...operation, status }, signal);
  };

  /** Says what of the spec comes to nothing; answers whether it wrote, so that the operation comes here again. */
  const sayWhatIsIgnored = async (operation: MPDOperation, signal: AbortSignal): Promise<boolean> => {
    const steering = pendingSteering(operation);
    const objection = steering && objectionToSteering(operation, steering);
    const warn = (message: string): void => events.record(operation, { type: 'Warning', reason: CODE, message });
    if (objection) {
      await store(operation, steeringRefused(operation, objection, now()), signal);
      warn(`${objection.message}. ${objection.remedy}`);
      return true;
    }
    const wishes = isFinal(operation) ? [] : unheededWishes(operation);
    const shown = isFinal(operation) ? undefined : wishesShown(operation, wishes, now());
    if (!shown) return false;
    await store(operation, shown, signal);
    for (const { message, remedy } of wishes) warn(`${message}. ${remedy}`);
    return true;
  };

  return async (key: string, signal: AbortSignal): Promise<ReconcileResult> => {
    const operation = operations.get(key);
    if (!operation) return {};
    const cluster = clusters.get(clusterOfOperation(operation));
    // Without its cluster the operation is about to be collected.
    if (!cluster || !isOurs(cluster)) return {};
    const objection = hasBegun(operation) ? undefined : objectionTo(operation, cluster);
    if (objection) {
      await refuse(client, operation, CODE, objection, now(), signal);
      return {};
    }
    if ((await sayWhatIsIgnored(operation, signal)) || isFinal(operation)) return {};
    if (!hasBegun(operation)) {
      const step = await launch(operation, cluster, signal);
      if (step !== 'begin') return step;
    }
    const turn = currentOperation(siblings(operation));
    if (turn?.metadata.name !== operation.metadata.name) return {};

    const steering = pendingSteering(operation);
    const isCancel = steering?.action === 'Cancel';
    if (isCancel) runner.cancel(key, cancelRequested(steering?.requester));
    if (steering && (operation.status?.phase === 'Interrupted' || steering.action === 'Cancel')) {
      // The write brings the operation here again.
      await store(operation, steered(operation, now()), signal);
      if (!isCancel) return {};
    }
    const stopped = operation.status?.phase === 'Interrupted' && !runner.isCancelled(key);
    if (!stopped) runner.start(operation);
    return {};
  };
}
