import { expect, test } from 'vitest';
import { clusterFromFlags, clustersFromText } from './manifest.ts';

test('flags that are not given leave their fields out', () => {
  expect(clusterFromFlags('c', 'db', { replicas: 2, class: 'local.small', param: {} })).toEqual({
    apiVersion: 'mpd.polardb.aliyun.com/v1',
    kind: 'MPDCluster',
    metadata: { name: 'c', namespace: 'db' },
    spec: {
      dbClusterType: 'local',
      followerNum: 2,
      classInfo: { className: 'local.small' },
      engine: { type: 'postgres' },
    },
  });
});

test('every flag has its field', () => {
  const { spec } = clusterFromFlags('c', 'db', {
    replicas: 0,
    class: 'x',
    engineVersion: '15',
    param: { work_mem: '8MB' },
    storage: '5Gi',
    port: 5500,
    database: 'd',
    owner: 'o',
    description: 't',
    deletionProtection: true,
  });
  expect(spec).toMatchObject({
    engine: { type: 'postgres', version: '15' },
    parameters: { work_mem: '8MB' },
    localStore: { size: '5Gi' },
    netCfg: { engineStartPort: 5500 },
    initdb: { database: 'd', owner: 'o' },
    description: 't',
    deletionProtection: true,
  });
});

test('several clusters of one file; the namespace of the file goes before that of the command', async () => {
  const one = 'apiVersion: mpd.polardb.aliyun.com/v1\nkind: MPDCluster\n';
  const text = `---\n${one}metadata: {name: a}\n---\n${one}metadata: {name: b, namespace: own}\n---\n`;
  const found = await clustersFromText(text, 'file', 'default');
  expect(found.map(({ metadata }) => `${metadata.namespace}/${metadata.name}`)).toEqual(['default/a', 'own/b']);
});

test.each([
  ['kind: MPDCluster', 'document 1 is not an object with apiVersion, kind and metadata.name'],
  ['apiVersion: v1\nkind: Pod\nmetadata: {name: p}', 'document 1 is a v1 Pod'],
  ['# nothing', 'it describes no cluster'],
  ['a: [', 'file: '],
])('%j is refused', async (text, words) => {
  await expect(clustersFromText(text, 'file', 'default')).rejects.toMatchObject({
    code: 'ManifestInvalid',
    message: expect.stringContaining(words),
  });
});
