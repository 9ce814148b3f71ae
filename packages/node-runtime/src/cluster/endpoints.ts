/**
 * Which EndpointSlices a Service has. Pure.
 *
 * Invariants (tests cite them):
 * E1. An endpoint is ready exactly where its pod is Ready and not being deleted (or the Service publishes all).
 * E2. Pods that have ended, or have no address, are no endpoints.
 * E3. The same pods give the same slices, whatever their order.
 */
import { createHash } from 'node:crypto';
import type { Pod, Service, ServicePort } from 'kubernetes-types/core/v1.js';
import type { Endpoint, EndpointPort, EndpointSlice } from 'kubernetes-types/discovery/v1.js';
import { hasLabels } from './label-selector.ts';

export const SERVICE_LABEL = 'kubernetes.io/service-name';
export const MANAGED_BY_LABEL = 'endpointslice.kubernetes.io/managed-by';
export const MANAGER = 'polarstack-node-runtime';

function targetPort(port: ServicePort, pod: Pod): number | undefined {
  const target = port.targetPort ?? port.port;
  const number = Number(target);
  if (Number.isInteger(number)) return number;
  const ports = (pod.spec?.containers ?? []).flatMap((container) => container.ports ?? []);
  return ports.find((candidate) => candidate.name === target)?.containerPort;
}

function portsOf(service: Service, pod: Pod): readonly EndpointPort[] {
  return (service.spec?.ports ?? []).flatMap((port) => {
    const number = targetPort(port, pod);
    if (number === undefined) return [];
    return [{ name: port.name ?? '', protocol: port.protocol ?? 'TCP', port: number }];
  });
}

function isReady(pod: Pod): boolean {
  return pod.status?.conditions?.some(({ type, status }) => type === 'Ready' && status === 'True') ?? false;
}

function endpoint(service: Service, pod: Pod): Endpoint | undefined {
  const { podIP, phase } = pod.status ?? {};
  if (!podIP || phase === 'Succeeded' || phase === 'Failed') return undefined;
  const terminating = pod.metadata?.deletionTimestamp !== undefined;
  const serving = isReady(pod);
  const publishAll = service.spec?.publishNotReadyAddresses ?? false;
  const { name, namespace, uid } = pod.metadata ?? {};
  return {
    addresses: [podIP],
    conditions: { ready: publishAll || (serving && !terminating), serving: publishAll || serving, terminating },
    ...(pod.spec?.nodeName ? { nodeName: pod.spec.nodeName } : {}),
    targetRef: {
      kind: 'Pod',
      ...(name ? { name } : {}),
      ...(namespace ? { namespace } : {}),
      ...(uid ? { uid } : {}),
    },
  };
}

const hash = (value: unknown): string => createHash('sha256').update(JSON.stringify(value)).digest('hex').slice(0, 8);

/** Pods that a Service with a selector selects. */
export function selectedBy(service: Service, pods: readonly Pod[]): readonly Pod[] {
  const selector = service.spec?.selector;
  if (!selector || Object.keys(selector).length === 0) return [];
  return pods.filter(
    (pod) => pod.metadata?.namespace === service.metadata?.namespace && hasLabels(selector, pod.metadata?.labels ?? {}),
  );
}

/**
 * The slices a Service should have: one for each set of port numbers that its pods have (usually one); one without
 * endpoints where there are none. Undefined for a Service without a selector: its slices are somebody else's.
 */
export function wantedSlices(service: Service, pods: readonly Pod[]): readonly EndpointSlice[] | undefined {
  const { name = '', namespace, uid = '', labels } = service.metadata ?? {};
  const selector = service.spec?.selector;
  if (!selector || Object.keys(selector).length === 0 || service.spec?.type === 'ExternalName') return undefined;
  const groups = new Map<string, { readonly ports: readonly EndpointPort[]; readonly endpoints: Endpoint[] }>();
  for (const pod of selectedBy(service, pods)) {
    const made = endpoint(service, pod);
    if (!made) continue;
    const ports = portsOf(service, pod);
    const key = hash(ports);
    const group = groups.get(key) ?? { ports, endpoints: [] };
    group.endpoints.push(made);
    groups.set(key, group);
  }
  if (groups.size === 0) groups.set('none', { ports: [], endpoints: [] });
  return [...groups]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([key, { ports, endpoints }]) => ({
      apiVersion: 'discovery.k8s.io/v1',
      kind: 'EndpointSlice',
      metadata: {
        name: `${name}-${key}`,
        ...(namespace ? { namespace } : {}),
        labels: { ...labels, [SERVICE_LABEL]: name, [MANAGED_BY_LABEL]: MANAGER },
        ownerReferences: [{ apiVersion: 'v1', kind: 'Service', name, uid, controller: true, blockOwnerDeletion: true }],
      },
      addressType: 'IPv4',
      endpoints: endpoints.sort((a, b) => ((a.addresses[0] ?? '') < (b.addresses[0] ?? '') ? -1 : 1)),
      ports: [...ports],
    }));
}
