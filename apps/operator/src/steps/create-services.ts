import { buildService, serviceKinds } from '@polarstack/domain';
import { Services as KubeServices } from '@polarstack/kube';
import { clusterKey } from '../kube/cluster-status-writer.ts';
import { ensure } from '../kube/ensure.ts';
import { type ClusterStep, clusterOf } from './services.ts';

/** The three services come first: their addresses go into the certificates. */
export const createServices: ClusterStep = {
  name: 'CreateServices',
  timeoutMs: 30_000,
  run: async (step) => {
    const cluster = await clusterOf(step);
    const owner = clusterKey(cluster);
    await Promise.all(
      serviceKinds.map(async (kind) => {
        await ensure(step.services.client, KubeServices, buildService(owner, kind), { owner: cluster }, step.signal);
      }),
    );
    return undefined;
  },
};
