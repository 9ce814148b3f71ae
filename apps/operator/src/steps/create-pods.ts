import type { MPDCluster } from '@polarstack/api';
import { buildPod, clusterFacts, instanceResources, type Member } from '@polarstack/domain';
import { Pods } from '@polarstack/kube';
import { ensure } from '../kube/ensure.ts';
import { type ClusterStep, clusterOf, membersOf, type Services } from './services.ts';

/** Makes the pod of an instance, or answers the one there is. */
export async function ensurePod(
  cluster: MPDCluster,
  member: Member,
  { client, catalog }: Pick<Services, 'client' | 'catalog'>,
  signal: AbortSignal,
): Promise<void> {
  const sizes = catalog.instanceClass(cluster.status?.insClassInfo?.className ?? '');
  const pod = buildPod(clusterFacts(cluster), member, instanceResources(cluster, sizes));
  await ensure(client, Pods, pod, { owner: cluster }, signal);
}

/** All pods at once: they start while the primary is being made. */
export const createPods: ClusterStep = {
  name: 'CreatePods',
  timeoutMs: 30_000,
  run: async (step) => {
    const cluster = await clusterOf(step);
    await Promise.all(
      membersOf(cluster).members.map(async (member) => await ensurePod(cluster, member, step.services, step.signal)),
    );
    return undefined;
  },
};
