import {
  annotations as keys,
  type MPDCluster,
  MPDClusters,
  type MPDOperation,
  type MPDOperationInput,
  MPDOperations,
} from '@polarstack/api';
import { type Clock, isStackError } from '@polarstack/base';
import {
  annotationRequest,
  claimedRequests,
  currentOperation,
  formatRequest,
  isPlanned,
  newOperation,
  type OperationRequest,
  REQUEST_PREFIX,
  requestedOperationName,
  specOperationName,
  specRequest,
} from '@polarstack/domain';
import type { EventRecorder, KubeClient } from '@polarstack/kube';

export interface RequestsOptions {
  readonly client: KubeClient;
  readonly events: EventRecorder;
  readonly clock: Clock;
  /** A short text that no other request of the same moment has. */
  readonly nonce: () => string;
}

/** The annotation that tells people what became of their last one: nothing, and why; taken away where it came to something. */
export function ignoredRequest(
  { metadata }: Pick<MPDCluster, 'metadata'>,
  why: string | undefined,
  now: Date,
): Readonly<Record<string, string | null>> {
  const key = keys.ignoredRequest;
  if (why !== undefined) return { [key]: `${now.toISOString()} ${why}`.slice(0, 1_024) };
  return metadata.annotations?.[key] === undefined ? {} : { [key]: null };
}

/**
 * Turns what users ask for on a living cluster into operations. Each call does the next single thing; answers whether
 * it wrote, so that the cluster is looked at again.
 */
export function createRequestTaker({ client, events, clock, nonce }: RequestsOptions) {
  const make = async (cluster: MPDCluster, operation: MPDOperationInput, signal: AbortSignal): Promise<void> => {
    try {
      await client.create(MPDOperations, operation as MPDOperation, signal);
    } catch (error) {
      if (!isStackError(error, 'AlreadyExists')) throw error;
      return;
    }
    const message = `Operation ${operation.metadata.name}: ${operation.spec.reason}`;
    events.record(cluster, { type: 'Normal', reason: 'OperationRequested', message });
  };

  const annotate = async (
    cluster: MPDCluster,
    annotations: Readonly<Record<string, string | null>>,
    signal: AbortSignal,
  ): Promise<void> => {
    const { namespace = 'default', name = '', resourceVersion } = cluster.metadata;
    const body = { metadata: { annotations, resourceVersion } };
    await client.patch(MPDClusters, { namespace, name }, { type: 'merge', body }, signal);
  };

  const requested = (cluster: MPDCluster, { type, parameters, reason, requester }: OperationRequest, name: string) =>
    newOperation(cluster, type, [reason], { name, parameters, requester });

  return async (
    cluster: MPDCluster,
    accepted: boolean,
    operations: readonly MPDOperation[],
    signal: AbortSignal,
  ): Promise<boolean> => {
    const { name = '', uid = '', generation = 0 } = cluster.metadata;
    const [claimed] = claimedRequests(cluster);
    if (claimed) {
      const { type } = claimed.request;
      await make(
        cluster,
        requested(cluster, claimed.request, requestedOperationName({ name, uid }, type, claimed.id)),
        signal,
      );
      await annotate(cluster, { [`${REQUEST_PREFIX}${claimed.id}`]: null }, signal);
      return true;
    }
    const asked = annotationRequest(cluster);
    if (asked) {
      const { key, value, request } = asked;
      const claim = request && isPlanned(request.type) ? request : undefined;
      const id = `${clock.now().getTime().toString(36)}-${nonce()}`;
      const message = `Annotation ${key}=${value} asks for nothing that can be done; it was taken away`;
      // Of the same write that takes it away: events may be held back, and this is not.
      const answer = ignoredRequest(cluster, claim ? undefined : message, clock.now());
      const made = claim && { [`${REQUEST_PREFIX}${id}`]: formatRequest(claim) };
      await annotate(cluster, { [key]: null, ...answer, ...made }, signal);
      if (!claim) {
        events.record(cluster, { type: 'Warning', reason: 'RequestIgnored', message });
      }
      return true;
    }
    const idle = !currentOperation(operations);
    const wish = accepted && idle ? specRequest(cluster) : undefined;
    if (!wish || !isPlanned(wish.type)) return false;
    const own = specOperationName({ name, uid }, wish.type, generation);
    // One that ended without success is not begun again for the same spec.
    if (operations.some(({ metadata }) => metadata.name === own)) return false;
    await make(cluster, requested(cluster, wish, own), signal);
    return true;
  };
}
