import { type MPDCluster, type MPDClusterStatus, names } from '@polarstack/api';
import { formatItems, itemTime, type ParameterItems, parseItems, settledMembership } from '@polarstack/domain';
import { ConfigMaps } from '@polarstack/kube';
import type { ConfigMap } from 'kubernetes-types/core/v1.js';
import { clusterKey, updateClusterStatus } from '../kube/cluster-status-writer.ts';
import { FLUSH_TIME } from '../operations/gather-facts.ts';
import { changedOf } from './apply-parameters.ts';
import { CONFIG_VERSION } from './ensure-parameters.ts';
import { type ClusterStep, type ClusterStepContext, clusterOf } from './services.ts';

type Asked = Readonly<Record<string, { readonly value: string; readonly updateTime: string }>>;

/** Parameters that a user has edited since this was planned: those are the wishes of the next flush. */
function editedSince(user: ParameterItems, asked: Asked, changed: ReadonlyMap<string, string | null>) {
  const isEdited = (name: string): boolean => {
    const [now, before] = [user.get(name), asked[name]];
    if (!now || now.value === changed.get(name)) return false;
    return now.value !== before?.value || now.updateTime !== before.updateTime;
  };
  return new Set([...changed.keys()].filter(isEdited));
}

/**
 * What runs now, for people, for new instances, and so that the next flush knows what is new. It all counts as of the moment of
 * the plan: an edit made while the operation ran is younger than that, stays, and the next flush sees it.
 */
export const recordParameters: ClusterStep = {
  name: 'RecordParameters',
  timeoutMs: 60_000,
  run: async (step) => {
    const cluster = await clusterOf(step);
    const { client, clock } = step.services;
    const { namespace, name: clusterName } = clusterKey(cluster);
    const { asOf, asked = {}, spec } = step.input;
    const time = typeof asOf === 'string' ? asOf : itemTime(clock.now());
    const changed = changedOf(step);
    const map = await client.get(ConfigMaps, { namespace, name: names.userParams(clusterName) }, step.signal);
    const edited = editedSince(parseItems(map.data).items, asked as Asked, changed);
    const withChanges = (items: ParameterItems, but: ReadonlySet<string>): ParameterItems => {
      const next = new Map(items);
      for (const [name, value] of changed) {
        if (but.has(name)) continue;
        if (value === null) next.delete(name);
        else if (next.get(name)?.value !== value) next.set(name, { name, value, updateTime: time });
      }
      return next;
    };
    const version = await newestVersion(step, cluster);
    const runs = (items: ParameterItems) => withChanges(items, new Set());
    await rewrite(step, cluster, names.runningParams, runs, { [CONFIG_VERSION]: String(version) });
    // What users see is what runs: wishes of the spec appear among theirs.
    const shown = (items: ParameterItems) => withChanges(items, edited);
    await rewrite(step, cluster, names.userParams, shown, { [FLUSH_TIME]: time });
    const parameters = spec as Readonly<Record<string, string>> | undefined;
    const recorded = (current: MPDCluster): MPDClusterStatus => ({
      ...current.status,
      ...(parameters && { appliedSpec: { ...current.status?.appliedSpec, parameters } }),
    });
    await updateClusterStatus(client, cluster, recorded, step.signal);
    const kept = edited.size > 0 ? `; edited meanwhile, for the next flush: ${[...edited].join(', ')}` : '';
    return { type: 'done', message: `${changed.size} values recorded${kept}` };
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
