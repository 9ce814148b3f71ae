import { isDeepStrictEqual } from 'node:util';
import type { MPDCluster } from '@polarstack/api';
import { isStackError } from '@polarstack/base';
import { buildService, type ServiceKind, serviceKinds } from '@polarstack/domain';
import { Services as KubeServices } from '@polarstack/kube';
import type { Service } from 'kubernetes-types/core/v1.js';
import { clusterKey } from '../kube/cluster-status-writer.ts';
import type { Services } from '../steps/services.ts';
import { beside, type Content } from './content.ts';
import type { Attempt } from './fault.ts';
import { mendObject } from './mend-object.ts';

/** Makes a service that is gone again, at its old address where that is free; answers the addresses of those made. */
async function mendService(
  cluster: MPDCluster,
  kind: ServiceKind,
  { client, events }: Pick<Services, 'client' | 'events'>,
  content: Pick<Content, 'services'>,
  signal: AbortSignal,
): Promise<string | undefined> {
  const owner = clusterKey(cluster);
  const wanted = buildService(owner, kind);
  const name = wanted.metadata?.name ?? '';
  const make = async (): Promise<Service> => {
    const before = cluster.status?.endpoints?.[kind]?.host;
    if (before !== undefined) {
      try {
        return await client.create(KubeServices, buildService(owner, kind, before), signal);
      } catch (error) {
        // Somebody else has the address by now, or it is none of this API's.
        if (!isStackError(error, 'Invalid')) throw error;
      }
    }
    return await client.create(KubeServices, wanted, signal);
  };
  const known = content.services.get(beside(cluster, name));
  const { object, done } = await mendObject(
    { client, resource: KubeServices, known, wanted, owner: cluster, make },
    signal,
  );
  const address = object?.spec?.clusterIP;
  if (done === 'made') {
    const message = `Service ${name} was gone: made again with the address ${address}`;
    events.record(cluster, { type: 'Warning', reason: 'ServiceRecreated', message });
  }
  if (object && !object.metadata?.deletionTimestamp && !isDeepStrictEqual(object.spec?.selector, selectorOf(wanted))) {
    const dropped = Object.keys(object.spec?.selector ?? {}).map((label) => [label, null]);
    const selector = { ...Object.fromEntries(dropped), ...selectorOf(wanted) };
    await client.patch(KubeServices, { ...owner, name }, { type: 'merge', body: { spec: { selector } } }, signal);
    const message = `Service ${name} leads to the instances of the cluster again: its selector had been changed`;
    events.record(cluster, { type: 'Warning', reason: 'ServiceMended', message });
  }
  return address && address !== 'None' ? address : undefined;
}

const selectorOf = ({ spec }: Service) => spec?.selector ?? {};

/** Addresses of the services, by kind; what one fails with is told by `attempt`. */
export async function mendServices(
  cluster: MPDCluster,
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
          const address = await mendService(cluster, kind, services, content, signal);
          if (address) addresses.set(kind, address);
        }),
    ),
  );
  return addresses;
}
