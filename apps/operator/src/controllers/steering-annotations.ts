import { type MPDCluster, MPDClusters, type MPDOperation, MPDOperations } from '@polarstack/api';
import { type Clock, isStackError } from '@polarstack/base';
import {
  claimedSteering,
  formatSteering,
  interruptAnnotations,
  isFinal,
  STEER_PREFIX,
  type SteeringRequest,
  steeringAnnotation,
  superseded,
} from '@polarstack/domain';
import type { EventRecorder, KubeClient } from '@polarstack/kube';
import { ignoredRequest } from './requests.ts';

export interface SteeringAnnotationsOptions {
  readonly client: KubeClient;
  readonly events: EventRecorder;
  readonly clock: Clock;
  /** A short text that no other request of the same moment has. */
  readonly nonce: () => string;
}

/**
 * Keeps the annotations by which the original ends, resumes and explains operations. Each call does the next single
 * thing; answers whether it wrote, so that the cluster is looked at again.
 */
export function createSteeringAnnotations({ client, events, clock, nonce }: SteeringAnnotationsOptions) {
  const annotate = async (
    cluster: MPDCluster,
    annotations: Readonly<Record<string, string | null>>,
    signal: AbortSignal,
  ): Promise<void> => {
    const { namespace = 'default', name = '', resourceVersion } = cluster.metadata;
    const body = { metadata: { annotations, resourceVersion } };
    await client.patch(MPDClusters, { namespace, name }, { type: 'merge', body }, signal);
  };

  /** Puts the steering into the operation, unless it is there or was carried out already. */
  const steer = async (
    operation: MPDOperation | undefined,
    requestId: string,
    { action, requester }: Pick<SteeringRequest, 'requester'> & { readonly action: string },
    signal: AbortSignal,
  ): Promise<boolean> => {
    if (!operation || isFinal(operation)) return false;
    const { spec, status, metadata } = operation;
    if (spec.steering?.requestId === requestId || status?.handledSteering === requestId) return false;
    const { namespace = 'default', name = '', resourceVersion } = metadata;
    const steering = { action, requestId, requester, step: null };
    const body = { metadata: { resourceVersion }, spec: { steering } };
    try {
      await client.patch(MPDOperations, { namespace, name }, { type: 'merge', body }, signal);
    } catch (error) {
      if (!isStackError(error, 'NotFound')) throw error;
    }
    return true;
  };

  return async (cluster: MPDCluster, operations: readonly MPDOperation[], signal: AbortSignal): Promise<boolean> => {
    const claimed = claimedSteering(cluster);
    if (claimed) {
      const { id, request } = claimed;
      const operation = operations.find(({ metadata }) => metadata.name === request?.operation);
      if (request) await steer(operation, `annotation-${id}`, request, signal);
      await annotate(cluster, { [`${STEER_PREFIX}${id}`]: null }, signal);
      return true;
    }
    const asked = steeringAnnotation(cluster, operations);
    if (asked) {
      const { key, value, removes, request } = asked;
      const id = `${clock.now().getTime().toString(36)}-${nonce()}`;
      const claim = request && { [`${STEER_PREFIX}${id}`]: formatSteering(request) };
      const what = key === 'cancelled' ? 'cancel' : 'resume';
      const message = `Annotation ${key}=${value}: there is no operation to ${what}; it was taken away`;
      const answer = ignoredRequest(cluster, request ? undefined : message, clock.now());
      await annotate(cluster, { ...removes, ...claim, ...answer }, signal);
      if (!request) {
        events.record(cluster, { type: 'Warning', reason: 'RequestIgnored', message });
      }
      return true;
    }
    const changes = interruptAnnotations(cluster, operations);
    if (changes) {
      await annotate(cluster, changes, signal);
      return true;
    }
    const over = superseded(operations);
    if (!over) return false;
    const wish = { action: 'Cancel', requester: `the rebuild ${over.by}` };
    return await steer(over.operation, `superseded-by-${over.by}`.slice(0, 128), wish, signal);
  };
}
