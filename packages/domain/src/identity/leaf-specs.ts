import { names } from '@polarstack/api';
import type { ClusterFacts } from '../cluster/facts.ts';
import type { Member } from '../cluster/members.ts';
import { serviceKinds, serviceNames } from '../objects/service.ts';

/** Days that a certificate of a cluster's member lasts; it is renewed after two thirds. */
export const LEAF_DAYS = 90;
/** Days that a cluster's authority lasts. */
export const AUTHORITY_DAYS = 3650;

/** Those who call agents or engines with a certificate; the name is its CN. */
export const clientRoles = ['operator', 'cluster-manager', 'replicator'] as const;

/** A certificate that a cluster needs, and the Secret it lies in. */
export interface LeafSpec {
  readonly secret: string;
  readonly commonName: string;
  readonly dnsNames: readonly string[];
  readonly ipAddresses: readonly string[];
  readonly usage: 'server' | 'client';
}

/** The certificate of an instance: valid for its pod, for every service that can lead to it, and for their addresses. */
export function serverLeaf(
  facts: Pick<ClusterFacts, 'name' | 'namespace'>,
  member: Member,
  addresses: { readonly services: readonly string[]; readonly pod?: string },
): LeafSpec {
  const services = serviceKinds.flatMap((kind) => serviceNames(names.service(facts.name, kind), facts.namespace));
  return {
    secret: names.podTls(member.pod),
    commonName: member.pod,
    dnsNames: [member.pod, ...services],
    ipAddresses: [...addresses.services, ...(addresses.pod ? [addresses.pod] : [])],
    usage: 'server',
  };
}

export function clientLeaves(cluster: string): readonly LeafSpec[] {
  return clientRoles.map((role) => ({
    secret: names.client(cluster, role),
    commonName: role,
    dnsNames: [],
    ipAddresses: [],
    usage: 'client',
  }));
}
