import { usedPorts } from '../cluster/ports.ts';
import type { NodeLookup } from '../validation/lookups.ts';

/** What of a Node object matters here. Structurally the one of the Kubernetes client. */
interface NodeObject {
  readonly metadata?: { readonly name?: string };
  readonly spec?: { readonly unschedulable?: boolean };
  readonly status?: {
    readonly conditions?: readonly { readonly type: string; readonly status: string }[];
    readonly images?: readonly { readonly names?: readonly string[] }[];
  };
}

/** Prefix of the ConfigMaps in which nodes say which ports are in use. Source: the original. */
export const PORT_USAGE_PREFIX = 'cloud-provider-port-usage-';

/** A node as validation and planning see it; `portUsage` is its ConfigMap of used ports. */
export function nodeLookup(
  { metadata, spec, status }: NodeObject,
  portUsage: { readonly data?: Readonly<Record<string, string>> } = {},
): NodeLookup {
  const ready = (status?.conditions ?? []).some(({ type, status: value }) => type === 'Ready' && value === 'True');
  return {
    name: metadata?.name ?? '',
    schedulable: ready && spec?.unschedulable !== true,
    images: (status?.images ?? []).flatMap((image) => image.names ?? []),
    usedPorts: usedPorts([portUsage]),
  };
}
