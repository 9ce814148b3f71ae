import { buildVolumeClaim, clusterFacts, instanceResources } from '@polarstack/domain';
import { PersistentVolumeClaims } from '@polarstack/kube';
import { ensure } from '../kube/ensure.ts';
import { type ClusterStep, clusterOf, membersOf } from './services.ts';

/** A volume for each instance. It is bound when its pod is placed; nothing waits for it here. */
export const prepareStorage: ClusterStep = {
  name: 'PrepareStorage',
  timeoutMs: 30_000,
  run: async (step) => {
    const { client, catalog } = step.services;
    const cluster = await clusterOf(step);
    const facts = clusterFacts(cluster);
    const resources = instanceResources(cluster, catalog.instanceClass(cluster.status?.insClassInfo?.className ?? ''));
    await Promise.all(
      membersOf(cluster).members.map(async (member) => {
        const claim = buildVolumeClaim(facts, member, resources);
        await ensure(client, PersistentVolumeClaims, claim, { owner: cluster }, step.signal);
      }),
    );
    return undefined;
  },
};
