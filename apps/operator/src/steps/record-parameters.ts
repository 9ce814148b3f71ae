import { type MPDCluster, type MPDClusterStatus, names } from '@polarstack/api';
import { formatItems, itemTime, type ParameterItems, parseItems, settledMembership } from '@polarstack/domain';
import { ConfigMaps } from '@polarstack/kube';
import type { ConfigMap } from 'kubernetes-types/core/v1.js';
import { clusterKey, updateClusterStatus } from '../kube/cluster-status-writer.ts';
import { FLUSH_TIME } from '../operations/gather-facts.ts';
import { changedOf } from './apply-parameters.ts';
import { CONFIG_VERSION } from './ensure-parameters.ts';
import { type ClusterStep, type ClusterStepContext, clusterOf } from './services.ts';

/** What runs now, for people, for new instances, and so that the next flush knows what is new. */
export const recordParameters: ClusterStep = {
  name: 'RecordParameters',
  timeoutMs: 60_000,
  run: async (step) => {
    const cluster = await clusterOf(step);
    const now = itemTime(step.services.clock.now());
    const changed = changedOf(step);
    const runs = (items: ParameterItems): ParameterItems => {
      const next = new Map(items);
      for (const [name, value] of changed) {
        if (value === null) next.delete(name);
        else if (next.get(name)?.value !== value) next.set(name, { name, value, updateTime: now });
      }
      return next;
    };
    const version = await newestVersion(step, cluster);
    await rewrite(step, cluster, names.runningParams, runs, { [CONFIG_VERSION]: String(version) });
    // What users see is what runs: wishes of the spec appear among theirs.
    await rewrite(step, cluster, names.userParams, runs, { [FLUSH_TIME]: now });
    const parameters = step.input.spec as Readonly<Record<string, string>> | undefined;
    const recorded = (current: MPDCluster): MPDClusterStatus => ({
      ...current.status,
      ...(parameters && { appliedSpec: { ...current.status?.appliedSpec, parameters } }),
    });
    await updateClusterStatus(step.services.client, cluster, recorded, step.signal);
    return { type: 'done', message: `${changed.size} values recorded` };
  },
};

/** The highest version that an engine was told; new instances begin with it. */
async function newestVersion({ services, signal }: ClusterStepContext, cluster: MPDCluster): Promise<number> {
  const seen = await services.observe(cluster, signal);
  const ids = settledMembership(cluster)?.members ?? [];
  return Math.max(1, ...ids.map(({ instanceId }) => seen.instances.get(instanceId)?.report?.engine.configVersion ?? 1));
}

async function rewrite(
  { services: { client }, signal }: ClusterStepContext,
  cluster: MPDCluster,
  mapOf: (cluster: string) => string,
  change: (items: ParameterItems) => ParameterItems,
  annotations: Readonly<Record<string, string>>,
): Promise<void> {
  const { namespace, name } = clusterKey(cluster);
  const found = await client.get(ConfigMaps, { namespace, name: mapOf(name) }, signal);
  const next: ConfigMap = {
    ...found,
    metadata: { ...found.metadata, annotations: { ...found.metadata?.annotations, ...annotations } },
    data: formatItems(change(parseItems(found.data).items)),
  };
  // A write from an old state is refused, and the step is tried again: nobody's edit is lost.
  await client.replace(ConfigMaps, next, signal);
}
