import { annotations, labels, names, primarySelector } from '@polarstack/api';
import { ENGINE_PORT, ENGINE_PORT_NAME } from '@polarstack/contracts';
import type { Service } from 'kubernetes-types/core/v1.js';
import type { ClusterFacts } from '../cluster/facts.ts';
import { ownedBy } from './metadata.ts';

export type ServiceKind = 'rw' | 'ro' | 'r';
export const serviceKinds: readonly ServiceKind[] = ['rw', 'ro', 'r'];

/** Who the rw service leads to. */
export interface Lead {
  readonly instanceId: string;
  readonly epoch: number;
}

const selectorOf = (cluster: string, which: ServiceKind, lead: Lead): Readonly<Record<string, string>> => {
  switch (which) {
    case 'rw':
      return primarySelector(cluster, lead.instanceId);
    case 'ro':
      return { [labels.clusterName]: cluster, [labels.role]: 'replica' };
    case 'r':
      return { [labels.clusterName]: cluster };
  }
};

/**
 * `rw` leads to the primary by its id, so that one write moves it; `ro` to the replicas by their role, `r` to any; only to pods
 * that are ready. `address` asks for a certain ClusterIP, which must be free.
 */
export function buildService(
  facts: Pick<ClusterFacts, 'name' | 'namespace' | 'uid'>,
  which: ServiceKind,
  lead: Lead,
  address?: string,
): Service {
  const metadata = ownedBy(facts, names.service(facts.name, which));
  return {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: which === 'rw' ? { ...metadata, annotations: { [annotations.epoch]: String(lead.epoch) } } : metadata,
    spec: {
      type: 'ClusterIP',
      ...(address !== undefined && { clusterIP: address }),
      selector: { ...selectorOf(facts.name, which, lead) },
      ports: [{ name: ENGINE_PORT_NAME, port: ENGINE_PORT, targetPort: ENGINE_PORT_NAME, protocol: 'TCP' }],
    },
  };
}

/** Every DNS name of a Service, short to full. */
export function serviceNames(service: string, namespace: string): readonly string[] {
  return ['', `.${namespace}`, `.${namespace}.svc`, `.${namespace}.svc.cluster.local`].map((tail) => service + tail);
}
