import type { MPDCluster } from '@polarstack/api';
import { buildPod, clusterFacts, instanceResources, type Member } from '@polarstack/domain';
import { Pods } from '@polarstack/kube';
import type { Pod } from 'kubernetes-types/core/v1.js';
import { ensure } from '../kube/ensure.ts';
import { type ClusterStep, clusterOf, membersOf, type Services } from './services.ts';

/** The pod of an instance as it is made. */
export function podOf(cluster: MPDCluster, member: Member, catalog: Pick<Services['catalog'], 'instanceClass'>): Pod {
  const sizes = catalog.instanceClass(cluster.status?.insClassInfo?.className ?? '');
  return buildPod(clusterFacts(cluster), member, instanceResources(cluster, sizes));
}

/** All pods at once: they start while the primary is being made. */
export const createPods: ClusterStep = {
  name: 'CreatePods',
  timeoutMs: 30_000,
  run: async (step) => {
    const { client, catalog } = step.services;
    const cluster = await clusterOf(step);
    await Promise.all(
      membersOf(cluster).members.map(
        async (member) => await ensure(client, Pods, podOf(cluster, member, catalog), { owner: cluster }, step.signal),
      ),
    );
    return undefined;
  },
};
