import type { MPDCluster } from '@polarstack/api';

/** Kubernetes quantities. */
export interface ComputeResources {
  readonly cpu?: string;
  readonly memory?: string;
}

/** What each instance of a cluster gets. */
export interface InstanceResources {
  readonly limits: ComputeResources;
  readonly requests: ComputeResources;
  readonly volume: { readonly size: string; readonly className?: string };
}

/** Size of an instance's volume where neither the cluster nor its class says. */
export const DEFAULT_VOLUME_SIZE = '10Gi';

/** The sizes of a class, as the catalog gives them: cores and MiB. */
export interface ClassSizes {
  readonly cpu: { readonly limit?: number; readonly request?: number };
  readonly memory: { readonly limit?: number; readonly request?: number };
  readonly storage?: number;
}

/**
 * Resources of the instances: from the class, or, where the catalog has it no more, the limits that the status
 * recorded when the cluster was made.
 */
export function instanceResources(cluster: MPDCluster, sizes: ClassSizes | undefined): InstanceResources {
  const { localStore } = cluster.spec;
  const recorded = cluster.status?.insClassInfo;
  const volumeSize = localStore?.size ?? (sizes?.storage !== undefined ? `${sizes.storage}Mi` : DEFAULT_VOLUME_SIZE);
  return {
    limits: sizes
      ? compute(sizes.cpu.limit, sizes.memory.limit)
      : { ...(recorded?.cpu && { cpu: recorded.cpu }), ...(recorded?.memory && { memory: recorded.memory }) },
    requests: sizes ? compute(sizes.cpu.request, sizes.memory.request) : {},
    volume: {
      size: String(volumeSize),
      ...(localStore?.storageClassName && { className: localStore.storageClassName }),
    },
  };
}

/** Cores as millicores where they are not whole, memory in MiB. */
function compute(cores: number | undefined, mebibytes: number | undefined): ComputeResources {
  return {
    ...(cores !== undefined && { cpu: Number.isInteger(cores) ? String(cores) : `${Math.round(cores * 1000)}m` }),
    ...(mebibytes !== undefined && { memory: `${Math.round(mebibytes)}Mi` }),
  };
}

/** The class as the status records it: text, for people. */
export function classInfoOf(className: string, sizes: ClassSizes) {
  const { cpu, memory } = compute(sizes.cpu.limit, sizes.memory.limit);
  return { className, ...(cpu && { cpu }), ...(memory && { memory }) };
}
