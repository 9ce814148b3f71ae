/** What an installation has before its first cluster: types, classes, a version, a storage class and three nodes. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { buildCrds, SYSTEM_NAMESPACE } from '@polarstack/api';
import { loadCatalog } from '@polarstack/domain';
import { ConfigMaps, type KubeClient, Namespaces, Nodes, StorageClasses } from '@polarstack/kube';
import { applyManifests } from '../../apps/local/src/control/manifests.ts';

const root = join(import.meta.dirname, '..', '..');
const image = 'polarstack/postgres:15';

export async function installCatalog(client: KubeClient, signal: AbortSignal): Promise<void> {
  for (const space of ['default', SYSTEM_NAMESPACE]) {
    await client.create(Namespaces, { metadata: { name: space } }).catch(() => undefined);
  }
  await applyManifests(client, buildCrds() as never, signal);
  const read = (file: string): string => readFileSync(join(root, 'deploy/catalog', file), 'utf8');
  for (const configMap of loadCatalog(read, [15])) await client.create(ConfigMaps, configMap as never);
  await client.create(ConfigMaps, {
    metadata: {
      name: 'postgresql-15-minor-version-info-local',
      namespace: SYSTEM_NAMESPACE,
      labels: { configtype: 'minor_version_info', dbClusterMode: 'Local', dbType: 'PostgreSQL', dbVersion: '15' },
    },
    data: { name: 'local-15', version: '15.18', pgEngineImage: image },
  });
  await client.create(StorageClasses, {
    metadata: { name: 'local', annotations: { 'storageclass.kubernetes.io/is-default-class': 'true' } },
    provisioner: 'test',
    allowVolumeExpansion: true,
  });
  for (const node of ['node-1', 'node-2', 'node-3']) {
    const made = await client.create(Nodes, { metadata: { name: node } });
    const conditions = [
      { type: 'Ready', status: 'True' },
      { type: 'NodeClientIP', status: 'True', message: `192.0.2.${node.slice(-1)}` },
    ];
    await client.replaceStatus(Nodes, { ...made, status: { images: [{ names: [image] }], conditions } });
  }
}
