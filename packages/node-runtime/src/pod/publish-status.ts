import { isStackError } from '@polarstack/base';
import { type KubeClient, Pods } from '@polarstack/kube';
import type { Pod, PodStatus } from 'kubernetes-types/core/v1.js';
import { sameJson } from '../same-json.ts';

/** How many lost races are borne at once; the next look at the pod tries again. */
const ATTEMPTS = 5;

/**
 * Writes a pod's status where it differs from what the API has. The status is computed from the object that it is
 * written into, so that conditions of others survive. Answers the newest object; undefined where the pod is gone.
 */
export async function publishStatus(
  client: KubeClient,
  pod: Pod,
  next: (current: Pod) => PodStatus,
  signal: AbortSignal,
): Promise<Pod | undefined> {
  const { namespace, name = '', uid } = pod.metadata ?? {};
  const key = { name, ...(namespace ? { namespace } : {}) };
  let current: Pod | undefined = pod;
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    const status = next(current);
    if (sameJson(status, current.status)) return current;
    try {
      return await client.replaceStatus(Pods, { ...current, status }, signal);
    } catch (error) {
      if (isStackError(error, 'NotFound')) return undefined;
      if (!isStackError(error, 'Conflict')) throw error;
      current = await client.find(Pods, key, signal);
      if (!current || current.metadata?.uid !== uid) return undefined;
    }
  }
  return current;
}
