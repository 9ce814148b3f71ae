import { GROUP, type MPDCluster, names } from '@polarstack/api';
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
import type { ConfigMap } from 'kubernetes-types/core/v1.js';
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

export const parameterMapTypes = ['user-params', 'running-params'] as const;
type ParameterMapType = (typeof parameterMapTypes)[number];

/** One of the ConfigMaps with parameters. The original's labels: `dbCluster` holds the ConfigMap's own name. */
export function parameterMap(
  cluster: MPDCluster,
  type: ParameterMapType,
  data: Readonly<Record<string, string>>,
): ConfigMap {
  const owner = clusterKey(cluster);
  const name = type === 'user-params' ? names.userParams(owner.name) : names.runningParams(owner.name);
  return buildConfigMap(owner, name, data, { dbCluster: name, configType: type });
}

/** The same with the parameters that the cluster was made with. */
export function recordedParameters(
  cluster: MPDCluster,
  type: ParameterMapType,
  services: Pick<Services, 'catalog' | 'clock'>,
): ConfigMap {
  const { items } = initialParameters(layersOf(cluster, services), services.clock.now());
  return parameterMap(cluster, type, formatItems(items));
}

/** `<c>-user-params` for people to edit and `<c>-running-params` with what runs. What a user wrote is never touched. */
export const ensureParameters: ClusterStep = {
  name: 'EnsureParameters',
  timeoutMs: 30_000,
  run: async (step) => {
    const cluster = await clusterOf(step);
    await Promise.all(
      parameterMapTypes.map(async (type) => {
        const configMap = recordedParameters(cluster, type, step.services);
        const adopt = (): boolean => type === 'user-params';
        await ensure(step.services.client, ConfigMaps, configMap, { owner: cluster, adopt }, step.signal);
      }),
    );
    return undefined;
  },
};

/** Annotation of `<c>-running-params`: the version of the configuration that its values are; absent: the first. */
export const CONFIG_VERSION = `${GROUP}/config-version`;

/** The layers below the users' values, merged. */
export function mergedTemplate(cluster: MPDCluster, services: Pick<Services, 'catalog'>) {
  const { template, classParameters } = layersOf(cluster, services);
  return mergeTemplate(template, classParameters);
}

/** What the engines of a cluster are told: from the parameters recorded as running. */
export async function engineConfig(
  cluster: MPDCluster,
  services: Pick<Services, 'catalog' | 'client'>,
  signal: AbortSignal,
): Promise<EngineConfig> {
  const { namespace, name } = clusterKey(cluster);
  const merged = mergedTemplate(cluster, services);
  const running = await services.client.get(ConfigMaps, { namespace, name: names.runningParams(name) }, signal);
  const values = itemValues(parseItems(running.data).items);
  const version = Number(running.metadata?.annotations?.[CONFIG_VERSION] ?? 1);
  return { version, parameters: engineParameters(merged, values) };
}
