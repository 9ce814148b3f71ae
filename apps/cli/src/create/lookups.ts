import { type MPDCluster, MPDClusters, SYSTEM_NAMESPACE } from '@polarstack/api';
import {
  ALLOCATION_CONFIG_MAP,
  type ClusterLookups,
  defaultPortRanges,
  nodeLookup,
  PORT_USAGE_PREFIX,
  parsePortRanges,
  portRangeAnnotations,
  readClasses,
  readTemplate,
  readVersions,
  templateName,
} from '@polarstack/domain';
import { ConfigMaps, type KubeClient, Nodes } from '@polarstack/kube';

/** Reads from the API what the validation of clusters looks up; `edited` is one that exists, whose own ports are no obstacle. */
export async function readLookups(
  client: KubeClient,
  signal: AbortSignal,
  edited?: MPDCluster,
): Promise<ClusterLookups> {
  const [configMaps, nodes, clusters] = await Promise.all([
    client.list(ConfigMaps, { namespace: SYSTEM_NAMESPACE }, signal),
    client.list(Nodes, {}, signal),
    client.list(MPDClusters, {}, signal),
  ]);
  const others = clusters.items.filter(({ metadata }) => metadata.uid !== edited?.metadata.uid);
  const named = new Map(configMaps.items.map((configMap) => [configMap.metadata?.name ?? '', configMap]));
  const annotations = named.get(ALLOCATION_CONFIG_MAP)?.metadata?.annotations;
  const locked = named.get('controller-config')?.data?.canUpdateNotChangeableParams ?? '';
  return {
    classes: readClasses(configMaps.items),
    versions: readVersions(configMaps.items),
    template: (major) => {
      const found = named.get(templateName(major));
      return found && readTemplate(found);
    },
    nodes: nodes.items.map((node) => nodeLookup(node, named.get(`${PORT_USAGE_PREFIX}${node.metadata?.name}`))),
    enginePorts: parsePortRanges(annotations?.[portRangeAnnotations.engine] ?? defaultPortRanges.engine),
    claimedPorts: new Map(others.flatMap(claims)),
    allowLocked: ['1', 't', 'y', 'true', 'yes'].includes(locked.toLowerCase()),
  };
}

/** Host ports that a cluster has been given. */
function claims({ metadata, status }: MPDCluster): readonly (readonly [number, string])[] {
  const [instance] = Object.values(status?.dbInstanceStatus ?? {});
  if (instance?.netInfo?.netType !== 'host') return [];
  const owner = `${metadata.namespace}/${metadata.name}`;
  const ports = [instance?.netInfo?.workingPort, instance?.netInfo?.agentPort];
  return ports.flatMap((port) => (port === undefined ? [] : [[port, owner] as const]));
}
