import { type MPDCluster, names } from '@polarstack/api';
import type { EngineConfig } from '@polarstack/contracts';
import {
  buildConfigMap,
  engineParameters,
  formatItems,
  initialParameters,
  itemValues,
  mergeTemplate,
  parseItems,
} from '@polarstack/domain';
import { ConfigMaps } from '@polarstack/kube';
import { clusterKey } from '../kube/cluster-status-writer.ts';
import { ensure } from '../kube/ensure.ts';
import type { ClusterStep, Services } from './services.ts';
import { clusterOf } from './services.ts';

/** Parameters of a new cluster, and the first configuration of its engines. */
function layersOf(cluster: MPDCluster, { catalog }: Pick<Services, 'catalog'>) {
  const { spec, status } = cluster;
  return {
    template: catalog.template(Number(status?.engine?.version)),
    classParameters: catalog.instanceClass(status?.insClassInfo?.className ?? '')?.parameters ?? {},
    userParameters: spec.parameters ?? {},
  };
}

/** `<c>-user-params` for people to edit and `<c>-running-params` with what runs. What a user wrote is never touched. */
export const ensureParameters: ClusterStep = {
  name: 'EnsureParameters',
  timeoutMs: 30_000,
  run: async (step) => {
    const cluster = await clusterOf(step);
    const owner = clusterKey(cluster);
    const { items } = initialParameters(layersOf(cluster, step.services), step.services.clock.now());
    const data = formatItems(items);
    const make = async (name: string, type: string): Promise<void> => {
      // The original's labels: `dbCluster` holds the ConfigMap's own name.
      const configMap = buildConfigMap(owner, name, data, { dbCluster: name, configType: type });
      const adopt = (): boolean => type === 'user-params';
      await ensure(step.services.client, ConfigMaps, configMap, { owner: cluster, adopt }, step.signal);
    };
    await Promise.all([
      make(names.userParams(owner.name), 'user-params'),
      make(names.runningParams(owner.name), 'running-params'),
    ]);
    return undefined;
  },
};

/** Version of the configuration that a new cluster's engines get. */
const FIRST_CONFIG_VERSION = 1;

/** What the engines of a cluster are told: from the parameters recorded as running. */
export async function engineConfig(
  cluster: MPDCluster,
  services: Pick<Services, 'catalog' | 'client'>,
  signal: AbortSignal,
): Promise<EngineConfig> {
  const { namespace, name } = clusterKey(cluster);
  const { template, classParameters } = layersOf(cluster, services);
  const merged = mergeTemplate(template, classParameters);
  const running = await services.client.get(ConfigMaps, { namespace, name: names.runningParams(name) }, signal);
  const values = itemValues(parseItems(running.data).items);
  return { version: FIRST_CONFIG_VERSION, parameters: engineParameters(merged, values) };
}
