import { type MPDCluster, names } from '@polarstack/api';
import { buildConfigMap, secretValue } from '@polarstack/domain';
import { ConfigMaps, objectKey } from '@polarstack/kube';
import type { ConfigMap } from 'kubernetes-types/core/v1.js';
import { clusterKey } from '../kube/cluster-status-writer.ts';
import { parameterMap, parameterMapTypes, recordedParameters } from '../steps/ensure-parameters.ts';
import type { Services } from '../steps/services.ts';
import { beside, type Content } from './content.ts';
import type { Attempt } from './fault.ts';
import { mendObject } from './mend-object.ts';

/** The ConfigMaps of a cluster: the parameters as they were recorded, and the certificate of its authority for users. */
export async function mendConfigMaps(
  cluster: MPDCluster,
  services: Pick<Services, 'client' | 'events' | 'catalog' | 'clock'>,
  content: Pick<Content, 'configMaps' | 'secrets'>,
  attempt: Attempt,
  signal: AbortSignal,
): Promise<void> {
  const { client, events } = services;
  const owner = clusterKey(cluster);
  const mend = async (
    wanted: ConfigMap,
    complete: () => ConfigMap,
    mayBeUsers: boolean,
  ): Promise<ConfigMap | undefined> => {
    const known = content.configMaps.get(objectKey(wanted));
    const make = async (): Promise<ConfigMap> => await client.create(ConfigMaps, complete(), signal);
    const { object, done } = await mendObject(
      { client, resource: ConfigMaps, known, wanted, owner: cluster, make, mayBeUsers },
      signal,
    );
    if (done === 'made') {
      const message = `ConfigMap ${wanted.metadata?.name} was gone: made again as the cluster was made`;
      events.record(cluster, { type: 'Warning', reason: 'ConfigMapRecreated', message });
    }
    return object;
  };
  await Promise.all([
    ...parameterMapTypes.map(
      async (type) =>
        await attempt(async () => {
          await mend(
            parameterMap(cluster, type, {}),
            () => recordedParameters(cluster, type, services),
            type === 'user-params',
          );
        }),
    ),
    attempt(async () => {
      const cert = publicCertificate(cluster, content);
      if (!cert) return;
      const wanted = buildConfigMap(owner, names.ca(owner.name), { 'ca.crt': cert });
      const found = await mend(wanted, () => wanted, false);
      if (!found || found.data?.['ca.crt'] === cert) return;
      const body = { data: { 'ca.crt': cert } };
      await client.patch(ConfigMaps, { ...owner, name: names.ca(owner.name) }, { type: 'merge', body }, signal);
    }),
  ]);
}

/** The authority's certificate: from its Secret or, where that is lost, from what it signed. */
function publicCertificate(cluster: MPDCluster, { secrets }: Pick<Content, 'secrets'>): string | undefined {
  const { namespace, name } = clusterKey(cluster);
  const signed = secrets.byIndex('cluster', `${namespace}/${name}`);
  const authority = secrets.get(beside(cluster, names.ca(name)));
  return [...(authority ? [authority] : []), ...signed].map((secret) => secretValue(secret, 'ca.crt')).find(Boolean);
}
