import { buildService, serviceKinds } from '@polarstack/domain';
import { ConfigMaps, Services as KubeServices } from '@polarstack/kube';
import { firstRecord, recordMap } from '../ha/ha-record.ts';
import { clusterKey } from '../kube/cluster-status-writer.ts';
import { ensure } from '../kube/ensure.ts';
import { type ClusterStep, clusterOf, membersOf } from './services.ts';

/** Who is primary, and the three services: their addresses go into the certificates. */
export const createServices: ClusterStep = {
  name: 'CreateServices',
  timeoutMs: 30_000,
  run: async (step) => {
    const cluster = await clusterOf(step);
    const { client, clock } = step.services;
    const owner = clusterKey(cluster);
    const first = firstRecord(cluster, membersOf(cluster), clock.now());
    const lead = { instanceId: first.primary, epoch: first.epoch };
    await Promise.all([
      ensure(client, ConfigMaps, recordMap(cluster, first), { owner: cluster }, step.signal),
      ...serviceKinds.map(async (kind) => {
        await ensure(client, KubeServices, buildService(owner, kind, lead), { owner: cluster }, step.signal);
      }),
    ]);
    return undefined;
  },
};
