import { labels, names } from '@polarstack/api';
import { ENGINE_PORT, ENGINE_PORT_NAME } from '@polarstack/contracts';
import type { Service } from 'kubernetes-types/core/v1.js';
import type { ClusterFacts } from '../cluster/facts.ts';
import { ownedBy } from './metadata.ts';

export type ServiceKind = 'rw' | 'ro' | 'r';
export const serviceKinds: readonly ServiceKind[] = ['rw', 'ro', 'r'];

const roleOf = { rw: 'primary', ro: 'replica', r: undefined } as const;

/**
 * `rw` leads to the primary, `ro` to the replicas, `r` to any; only to pods that are ready. `address` asks for a certain
 * ClusterIP, which must be free.
 */
export function buildService(
  facts: Pick<ClusterFacts, 'name' | 'namespace' | 'uid'>,
  which: ServiceKind,
  address?: string,
): Service {
  const role = roleOf[which];
  return {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: ownedBy(facts, names.service(facts.name, which)),
    spec: {
      type: 'ClusterIP',
      ...(address !== undefined && { clusterIP: address }),
      selector: { [labels.clusterName]: facts.name, ...(role && { [labels.role]: role }) },
      ports: [{ name: ENGINE_PORT_NAME, port: ENGINE_PORT, targetPort: ENGINE_PORT_NAME, protocol: 'TCP' }],
    },
  };
}

/** Every DNS name of a Service, short to full. */
export function serviceNames(service: string, namespace: string): readonly string[] {
  return ['', `.${namespace}`, `.${namespace}.svc`, `.${namespace}.svc.cluster.local`].map((tail) => service + tail);
}
