import { isDeepStrictEqual } from 'node:util';
import { annotations, labels, type MPDCluster, names } from '@polarstack/api';
import { isStackError } from '@polarstack/base';
import { buildService, type Lead, primaryOf, type ServiceKind, serviceKinds } from '@polarstack/domain';
import type { HaRecord } from '@polarstack/ha';
import { Services as KubeServices } from '@polarstack/kube';
import type { Service } from 'kubernetes-types/core/v1.js';
import { clusterKey } from '../kube/cluster-status-writer.ts';
import { membersOf, type Services } from '../steps/services.ts';
import { beside, type Content } from './content.ts';
import type { Attempt } from './fault.ts';
import { mendObject } from './mend-object.ts';

/**
 * Makes a service that is gone again, at its old address where that is free; answers the addresses of those made.
 *
 * Whom rw leads to is the record's word. While a switch stands it is the cluster manager's alone; and one that leads to the primary of
 * a higher epoch than our copy of the record knows was moved since.
 */
async function mendService(
  cluster: MPDCluster,
  kind: ServiceKind,
  record: HaRecord | undefined,
  { client, events }: Pick<Services, 'client' | 'events'>,
  content: Pick<Content, 'services'>,
  signal: AbortSignal,
): Promise<string | undefined> {
  const owner = clusterKey(cluster);
  const known = content.services.get(beside(cluster, names.service(owner.name, kind)));
  const lead = leadOf(cluster, record, known);
  const wanted = buildService(owner, kind, lead);
  const name = wanted.metadata?.name ?? '';
  const make = async (): Promise<Service> => {
    const before = cluster.status?.endpoints?.[kind]?.host;
    if (before !== undefined) {
      try {
        return await client.create(KubeServices, buildService(owner, kind, lead, before), signal);
      } catch (error) {
        // Somebody else has the address by now, or it is none of this API's.
        if (!isStackError(error, 'Invalid')) throw error;
      }
    }
    return await client.create(KubeServices, wanted, signal);
  };
  const { object, done } = await mendObject(
    { client, resource: KubeServices, known, wanted, owner: cluster, make },
    signal,
  );
  const address = object?.spec?.clusterIP;
  if (done === 'made') {
    const message = `Service ${name} was gone: made again with the address ${address}`;
    events.record(cluster, { type: 'Warning', reason: 'ServiceRecreated', message });
  }
  const isOthers = kind === 'rw' && (!record || record.switch !== undefined || epochOf(object) > record.epoch);
  const leads = isDeepStrictEqual(object?.spec?.selector, selectorOf(wanted));
  const isCurrent = kind !== 'rw' || epochOf(object) >= lead.epoch;
  if (object && !object.metadata?.deletionTimestamp && !isOthers && !(leads && isCurrent)) {
    const dropped = Object.keys(object.spec?.selector ?? {}).map((label) => [label, null]);
    const selector = { ...Object.fromEntries(dropped), ...selectorOf(wanted) };
    const { annotations: marks } = wanted.metadata ?? {};
    // On top of what was looked at: a switch may have moved it since.
    const metadata = { resourceVersion: object.metadata?.resourceVersion, ...(marks && { annotations: marks }) };
    const body = { metadata, spec: { selector } };
    await client.patch(KubeServices, { ...owner, name }, { type: 'merge', body }, signal);
    const message = `Service ${name} leads to the instances of the cluster again: its selector had been changed`;
    events.record(cluster, { type: 'Warning', reason: 'ServiceMended', message });
  }
  return address && address !== 'None' ? address : undefined;
}

const selectorOf = ({ spec }: Service) => spec?.selector ?? {};

const epochOf = (service: Service | undefined): number =>
  Number(service?.metadata?.annotations?.[annotations.epoch] ?? 0) || 0;

function leadOf(cluster: MPDCluster, record: HaRecord | undefined, service: Service | undefined): Lead {
  if (record) return { instanceId: record.primary, epoch: record.epoch };
  const primary = primaryOf(membersOf(cluster))?.instanceId ?? '';
  return { instanceId: service?.spec?.selector?.[labels.instanceId] ?? primary, epoch: epochOf(service) };
}

/** Addresses of the services, by kind; what one fails with is told by `attempt`. */
export async function mendServices(
  cluster: MPDCluster,
  record: HaRecord | undefined,
  services: Pick<Services, 'client' | 'events'>,
  content: Pick<Content, 'services'>,
  attempt: Attempt,
  signal: AbortSignal,
): Promise<ReadonlyMap<ServiceKind, string>> {
  const addresses = new Map<ServiceKind, string>();
  await Promise.all(
    serviceKinds.map(
      async (kind) =>
        await attempt(async () => {
          const address = await mendService(cluster, kind, record, services, content, signal);
          if (address) addresses.set(kind, address);
        }),
    ),
  );
  return addresses;
}
