import { type MPDCluster, names, SYSTEM_NAMESPACE } from '@polarstack/api';
import { StackError } from '@polarstack/base';
import {
  ALLOCATION_CONFIG_MAP,
  type ClusterLookups,
  chooseVersion,
  defaultPortRanges,
  type EngineVersion,
  type InstanceClass,
  itemValues,
  nodeLookup,
  type ParameterTemplate,
  PORT_USAGE_PREFIX,
  parseItems,
  parsePortRanges,
  portRangeAnnotations,
  readClasses,
  readTemplate,
  readVersions,
  templateName,
} from '@polarstack/domain';
import { ConfigMaps, type Informer, type KubeClient } from '@polarstack/kube';
import type { ConfigMap, Node } from 'kubernetes-types/core/v1.js';

/** What the installation offers: versions, classes, parameter templates, ports and nodes. */
export interface Catalog {
  /** Everything validation looks up, as it is now. */
  lookups(cluster: MPDCluster, signal: AbortSignal): Promise<ClusterLookups>;
  /** The version that a new cluster gets; throws `VersionNotInstalled`. */
  version(cluster: MPDCluster): EngineVersion;
  /** Undefined where the catalog does not have the class (any more). */
  instanceClass(name: string): InstanceClass | undefined;
  /** Throws `CatalogInvalid` where the major has none. */
  template(major: number): ParameterTemplate;
  /** The node's address for clients. Source: the original's node condition `NodeClientIP`. */
  clientIP(node: string): string | undefined;
  /** Why pods of a node may not answer: it is gone, or not ready; undefined where nothing is known against it. */
  nodeTrouble(node: string | undefined): string | undefined;
}

export interface CatalogSources {
  readonly client: KubeClient;
  /** ConfigMaps of kube-system. */
  readonly configMaps: Informer<ConfigMap>;
  readonly nodes: Informer<Node>;
  readonly clusters: () => readonly MPDCluster[];
}

export function createCatalog({ client, configMaps, nodes, clusters }: CatalogSources): Catalog {
  // A template has hundreds of items: it is parsed once for each version of its ConfigMap.
  const templates = new WeakMap<ConfigMap, ParameterTemplate>();

  // All are read again whenever one of kube-system changes, and not for every look at every cluster.
  let classes: { readonly of: string; readonly all: ReadonlyMap<string, InstanceClass> } | undefined;
  const allClasses = (): ReadonlyMap<string, InstanceClass> => {
    const of = configMaps.resourceVersion;
    if (classes?.of !== of) classes = { of, all: readClasses(configMaps.list()) };
    return classes.all;
  };

  const configMap = (name: string): ConfigMap | undefined => configMaps.get(`${SYSTEM_NAMESPACE}/${name}`);

  const findTemplate = (major: number): ParameterTemplate | undefined => {
    const found = configMap(templateName(major));
    if (!found) return undefined;
    const template = templates.get(found) ?? readTemplate(found);
    templates.set(found, template);
    return template;
  };

  const portRanges = (which: 'engine' | 'external' | 'reserved') =>
    parsePortRanges(
      configMap(ALLOCATION_CONFIG_MAP)?.metadata?.annotations?.[portRangeAnnotations[which]] ??
        defaultPortRanges[which],
    );

  const runningValues = async ({ metadata }: MPDCluster, signal: AbortSignal) => {
    const key = { namespace: metadata.namespace ?? 'default', name: names.runningParams(metadata.name ?? '') };
    const found = await client.find(ConfigMaps, key, signal);
    return found && itemValues(parseItems(found.data).items);
  };

  return {
    lookups: async (cluster, signal) => {
      const exists = Object.keys(cluster.status?.dbInstanceStatus ?? {}).length > 0;
      const running = exists && cluster.spec.parameters ? await runningValues(cluster, signal) : undefined;
      return {
        classes: allClasses(),
        versions: readVersions(configMaps.list()),
        template: findTemplate,
        nodes: nodes.list().map((node) => nodeLookup(node, configMap(`${PORT_USAGE_PREFIX}${node.metadata?.name}`))),
        enginePorts: portRanges('engine'),
        claimedPorts: claimedPorts(clusters(), cluster),
        allowLocked: isTrue(configMap('controller-config')?.data?.canUpdateNotChangeableParams),
        ...(running && { running }),
      };
    },
    version: (cluster) => {
      const version = chooseVersion(cluster.spec, readVersions(configMaps.list()));
      if (!version) throw new StackError('VersionNotInstalled', 'no version of the catalog fits the cluster');
      return version;
    },
    instanceClass: (name) => allClasses().get(name),
    template: (major) => {
      const template = findTemplate(major);
      if (!template) throw new StackError('CatalogInvalid', `there is no parameter template for major ${major}`);
      return template;
    },
    clientIP: (name) => {
      const conditions = nodes.get(name)?.status?.conditions ?? [];
      const found = conditions.find(({ type, status }) => type === 'NodeClientIP' && status === 'True')?.message;
      return found && found !== '0.0.0.0' ? found : undefined;
    },
    nodeTrouble: (name) => {
      if (name === undefined) return undefined;
      const node = nodes.get(name);
      if (!node) return `node ${name} is gone`;
      const ready = node.status?.conditions?.find(({ type }) => type === 'Ready');
      return ready && ready.status !== 'True' ? `node ${name} is not ready` : undefined;
    },
  };
}

/** Host ports of other clusters, engines and agents. */
function claimedPorts(all: readonly MPDCluster[], but: MPDCluster): ReadonlyMap<number, string> {
  const others = all.filter(({ metadata }) => metadata.uid !== but.metadata.uid);
  return new Map(
    others.flatMap((other) => {
      const owner = `${other.metadata.namespace}/${other.metadata.name}`;
      return hostPortsOf(other).map((port): [number, string] => [port, owner]);
    }),
  );
}

/** Ports that a cluster holds on its nodes. */
export function hostPortsOf({ status }: MPDCluster): readonly number[] {
  const [instance] = Object.values(status?.dbInstanceStatus ?? {});
  if (instance?.netInfo?.netType !== 'host') return [];
  return [instance?.netInfo?.workingPort, instance?.netInfo?.agentPort].filter((port) => port !== undefined);
}

/** Words of the original for true. */
const isTrue = (word: string | undefined): boolean =>
  ['1', 't', 'y', 'true', 'yes'].includes(word?.toLowerCase() ?? '');
