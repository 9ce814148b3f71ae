import type { MPDCluster } from '@polarstack/api';
import { labels } from '@polarstack/api';
import { isStackError, StackError } from '@polarstack/base';
import { TERMINATION_GRACE_SECONDS } from '@polarstack/domain';
import {
  ConfigMaps,
  isOwnedBy,
  type KubeClient,
  type KubeObject,
  Services as KubeServices,
  PersistentVolumeClaims,
  PersistentVolumes,
  Pods,
  type Resource,
  Secrets,
} from '@polarstack/kube';
import { done } from '@polarstack/workflow';
import type { PersistentVolumeClaim } from 'kubernetes-types/core/v1.js';
import { type ClusterStep, type ClusterStepContext, clusterOf } from './services.ts';

const POLL_MS = 50;
/** Engines are stopped already, so pods go quickly; one that does not is on a node that is off, and is forced. */
const GRACEFUL_MS = 5_000;

/** What of one kind belongs to the cluster, however far its creation got. */
async function owned<T extends KubeObject>(
  client: KubeClient,
  resource: Resource<T>,
  cluster: MPDCluster,
  signal: AbortSignal,
) {
  const { name, namespace = 'default' } = cluster.metadata;
  const { items } = await client.list(resource, { namespace, labelSelector: `${labels.cluster}=${name}` }, signal);
  return items.filter((item) => isOwnedBy(item, cluster));
}

async function remove<T extends KubeObject>(
  step: ClusterStepContext,
  resource: Resource<T>,
  items: readonly T[],
  options: { readonly gracePeriodSeconds?: number } = {},
): Promise<void> {
  await Promise.all(
    items.map(async ({ metadata }) => {
      const { name = '', namespace = '', uid } = metadata ?? {};
      try {
        // The uid: a successor of the same name is none of ours.
        const preconditions = uid === undefined ? {} : { preconditions: { uid } };
        await step.services.client.delete(resource, { namespace, name }, { ...options, ...preconditions }, step.signal);
      } catch (error) {
        if (!isStackError(error, 'NotFound') && !isStackError(error, 'Conflict')) throw error;
      }
    }),
  );
}

async function untilGone<T extends KubeObject>(
  step: ClusterStepContext,
  resource: Resource<T>,
  cluster: MPDCluster,
  limitMs: number,
): Promise<readonly T[]> {
  const { clock, client } = step.services;
  const started = clock.monotonic();
  for (;;) {
    const left = await owned(client, resource, cluster, step.signal);
    if (left.length === 0 || clock.monotonic() - started > limitMs) return left;
    step.progress(`${left.length} of ${resource.plural} left`);
    await clock.sleep(POLL_MS, step.signal);
  }
}

export const deletePods: ClusterStep = {
  name: 'DeletePods',
  timeoutMs: (TERMINATION_GRACE_SECONDS + 60) * 1_000,
  run: async (step) => {
    const cluster = await clusterOf(step);
    await remove(step, Pods, await owned(step.services.client, Pods, cluster, step.signal));
    const stuck = await untilGone(step, Pods, cluster, GRACEFUL_MS);
    await remove(step, Pods, stuck, { gracePeriodSeconds: 0 });
    const left = await untilGone(step, Pods, cluster, 30_000);
    if (left.length > 0) {
      const which = left.map(({ metadata }) => metadata?.name).join(', ');
      throw new StackError('Timeout', `pods do not go away: ${which}`);
    }
    return undefined;
  },
};

/** Everything else. The volumes last: their data is the last thing that could still be of use. */
export const deleteObjects: ClusterStep = {
  name: 'DeleteObjects',
  timeoutMs: 120_000,
  run: async (step) => {
    const cluster = await clusterOf(step);
    const all = async <T extends KubeObject>(resource: Resource<T>): Promise<void> =>
      await remove(step, resource, await owned(step.services.client, resource, cluster, step.signal));
    await Promise.all([all(KubeServices), all(Secrets), all(ConfigMaps)]);
    const claims = await owned(step.services.client, PersistentVolumeClaims, cluster, step.signal);
    await remove(step, PersistentVolumeClaims, claims);
    const left = [
      ...(await untilGone(step, KubeServices, cluster, 10_000)),
      ...(await untilGone(step, Secrets, cluster, 10_000)),
      ...(await untilGone(step, ConfigMaps, cluster, 10_000)),
      ...(await untilGone(step, PersistentVolumeClaims, cluster, 30_000)),
    ];
    if (left.length > 0) {
      const which = left.map(({ kind, metadata }) => `${kind} ${metadata?.name}`).join(', ');
      throw new StackError('Timeout', `objects do not go away: ${which}`);
    }
    const kept = await volumesLeft(step, claims);
    step.services.agents.forget({
      namespace: cluster.metadata.namespace ?? 'default',
      name: cluster.metadata.name ?? '',
    });
    return done({}, kept.length > 0 ? `left to their nodes, which are off: ${kept.join(', ')}` : undefined);
  },
};

/** Volumes are removed after their claims. Those of nodes that are off go when the nodes are back; nothing waits for that. */
const VOLUMES_MS = 5_000;

async function volumesLeft(
  step: ClusterStepContext,
  claims: readonly PersistentVolumeClaim[],
): Promise<readonly string[]> {
  const { clock, client } = step.services;
  const started = clock.monotonic();
  let left = claims.flatMap(({ spec }) => spec?.volumeName ?? []);
  for (;;) {
    const found = await Promise.all(
      left.map(async (name) => await client.find(PersistentVolumes, { name }, step.signal)),
    );
    left = found.flatMap((volume) =>
      volume?.metadata?.name && volume.spec?.persistentVolumeReclaimPolicy === 'Delete' ? [volume.metadata.name] : [],
    );
    if (left.length === 0 || clock.monotonic() - started > VOLUMES_MS) return left;
    await clock.sleep(POLL_MS, step.signal);
  }
}
