import { type MPDCluster, type MPDOperation, type MPDOperationStatus, MPDOperations } from '@polarstack/api';
import { type Clock, isStackError } from '@polarstack/base';
import { currentOperation, isFinal, prunable, type Retention } from '@polarstack/domain';
import type { EventRecorder, Informer, KubeClient, ReconcileResult } from '@polarstack/kube';
import type { Services } from '../steps/services.ts';
import { announceSteering } from './announce-operation.ts';
import { createLauncher, hasBegun } from './launch.ts';
import { objectionTo, unheededWishes } from './objections.ts';
import type { OperationRunner } from './operation-runner.ts';
import { cancelRequested, pendingSteering, refuse, steeringEffect, steeringRefused, wishesShown } from './steering.ts';

export interface OperationControllerOptions {
  readonly client: KubeClient;
  readonly services: Services;
  readonly clusters: Pick<Informer<MPDCluster>, 'get'>;
  readonly operations: Pick<Informer<MPDOperation, 'cluster'>, 'get' | 'byIndex'>;
  readonly runner: OperationRunner;
  readonly events: EventRecorder;
  readonly clock: Clock;
  readonly isOurs: (cluster: MPDCluster) => boolean;
  readonly retention: Retention;
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
  const { client, services, clusters, operations, runner, events, clock, isOurs, retention } = options;
  const now = (): string => clock.now().toISOString();
  const siblings = (operation: MPDOperation) => operations.byIndex('cluster', clusterOfOperation(operation));
  const launch = createLauncher({ client, services, clock, siblings });

  const store = async (operation: MPDOperation, status: MPDOperationStatus, signal: AbortSignal): Promise<void> => {
    await client.replaceStatus(MPDOperations, { ...operation, status }, signal);
  };

  /** Does what the steering asks for; true where it wrote, so that the operation comes here again. */
  const steer = async (key: string, operation: MPDOperation, signal: AbortSignal): Promise<boolean> => {
    const steering = pendingSteering(operation);
    if (!steering) return false;
    const seen = { isPausing: runner.isPausing(key), isStuck: runner.isStuck(key) };
    const effect = steeringEffect(operation, steering, seen, now());
    switch (effect.type) {
      case 'store':
        await store(operation, effect.status, signal);
        announceSteering(events, operation, clusters.get(clusterOfOperation(operation)), steering);
        return true;
      case 'refuse': {
        const { message, remedy } = effect.objection;
        await store(operation, steeringRefused(operation, effect.objection, now()), signal);
        events.record(operation, { type: 'Warning', reason: 'SteeringRefused', message: `${message}. ${remedy}` });
        return true;
      }
      case 'cancel':
        runner.cancel(key, cancelRequested(steering.requester));
        return false;
      case 'pause':
        runner.pause(key);
        return false;
      case 'later':
        return false;
    }
  };

  /** Says what of the spec comes to nothing; answers whether it wrote. */
  const sayWhatIsIgnored = async (operation: MPDOperation, signal: AbortSignal): Promise<boolean> => {
    const wishes = unheededWishes(operation);
    const shown = wishesShown(operation, wishes, now());
    if (!shown) return false;
    await store(operation, shown, signal);
    for (const { message, remedy } of wishes) {
      events.record(operation, { type: 'Warning', reason: CODE, message: `${message}. ${remedy}` });
    }
    return true;
  };

  /** Whatever has ended and is too old, or one too many, goes; this one comes back when it is the next to go. */
  const prune = async (operation: MPDOperation, cluster: MPDCluster, signal: AbortSignal): Promise<ReconcileResult> => {
    const { due, next } = prunable(cluster, siblings(operation), retention, clock.now());
    for (const { metadata } of due) {
      const { name = '', namespace = 'default' } = metadata;
      try {
        await client.delete(MPDOperations, { name, namespace }, {}, signal);
      } catch (error) {
        if (!isStackError(error, 'NotFound')) throw error;
      }
    }
    const isNext = next?.operation.metadata.name === operation.metadata.name;
    return next && isNext ? { requeueAfterMs: next.ms } : {};
  };

  return async (key: string, signal: AbortSignal): Promise<ReconcileResult> => {
    const operation = operations.get(key);
    if (!operation) return {};
    const cluster = clusters.get(clusterOfOperation(operation));
    // Without its cluster the operation is about to be collected.
    if (!cluster || !isOurs(cluster)) return {};
    const begun = hasBegun(operation);
    if (!begun && !isFinal(operation)) {
      const objection = objectionTo(operation, cluster);
      const ends = runner.endReason(key);
      if (ends) {
        const status = { ...operation.status, phase: 'Cancelled', message: ends.message, finishedAt: now() } as const;
        await store(operation, status, signal);
        return {};
      }
      if (objection) {
        await refuse(client, operation, CODE, objection, now(), signal);
        return {};
      }
    }
    if (await steer(key, operation, signal)) return {};
    if (isFinal(operation)) return await prune(operation, cluster, signal);
    if (await sayWhatIsIgnored(operation, signal)) return {};
    const { phase } = operation.status ?? {};
    if (!begun) {
      if (phase === 'Paused') return {};
      const step = await launch(operation, cluster, signal);
      if (step !== 'begin') return step;
    }
    const turn = currentOperation(siblings(operation));
    if (turn?.metadata.name !== operation.metadata.name) return {};
    const stopped = phase === 'Interrupted' || phase === 'Paused';
    if (!stopped || runner.endReason(key)) runner.start(operation);
    return {};
  };
}
