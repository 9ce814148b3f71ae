import { access, readdir, readFile, readlink } from 'node:fs/promises';
import { join } from 'node:path';
import { waitFor } from '@polarstack/base';
import { type KubeClient, PersistentVolumeClaims, PersistentVolumes, Pods, Secrets } from '@polarstack/kube';
import { findProcesses, isAlive, readBootId } from '@polarstack/node-runtime';
import type { Pod } from 'kubernetes-types/core/v1.js';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { createFakeApi, type FakeApi } from './fake-client.ts';
import {
  createTestHome,
  execIn,
  GENEROUS_MS,
  isReady,
  logOf,
  pod,
  podGone,
  podThat,
  sh,
  type TestHome,
} from './harness.ts';

let api: FakeApi;
let client: KubeClient;
let home: TestHome;

beforeEach(async () => {
  api = createFakeApi();
  client = api.client;
  home = await createTestHome(client);
});
afterEach(async () => {
  await home.dispose();
});

const claim = {
  apiVersion: 'v1',
  kind: 'PersistentVolumeClaim',
  metadata: { name: 'data', namespace: 'default' },
  spec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '1Gi' } } },
} as const;

const script = `echo "hello $GREETING $POD_IP"; cat "$POLARSTACK_ROOT/etc/secret/password"; echo; env | sort
echo kept > "$POLARSTACK_ROOT/data/file"; : > "$POLARSTACK_RUN/up"; trap 'echo bye; exit 0' TERM; while :; do sleep 0.1; done`;

function database(): Pod {
  return pod(
    'db',
    {
      command: sh(script),
      env: [
        { name: 'GREETING', value: 'world' },
        { name: 'POD_IP', valueFrom: { fieldRef: { fieldPath: 'status.podIP' } } },
      ],
      volumeMounts: [
        { name: 'data', mountPath: '/data' },
        { name: 'secret', mountPath: '/etc/secret' },
      ],
      readinessProbe: { exec: { command: sh('test -e "$POLARSTACK_RUN/up"') }, periodSeconds: 1 },
    },
    {
      volumes: [
        { name: 'data', persistentVolumeClaim: { claimName: 'data' } },
        { name: 'secret', secret: { secretName: 'app' } },
      ],
    },
  );
}

async function createDatabase(): Promise<void> {
  await client.create(PersistentVolumeClaims, structuredClone(claim) as never);
  const data = { password: Buffer.from('s3cret').toString('base64') };
  await client.create(Secrets, {
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: { name: 'app', namespace: 'default' },
    data,
  });
  await client.create(Pods, database());
}

const podFolder = async (node: string): Promise<string | undefined> => {
  const folder = join(home.home, 'nodes', node, 'pods');
  const [name] = await readdir(folder);
  return name && join(folder, name);
};

test('a pod with a claim, a secret, environment and a probe becomes ready, and its deletion leaves nothing', async () => {
  const runtime = await home.start();
  await createDatabase();
  const ready = await podThat(client, 'db', 'to be ready', isReady);
  const node = ready.spec?.nodeName ?? '';
  expect(ready.status).toMatchObject({ phase: 'Running', podIP: expect.stringMatching(/^127\.\d+\.11\.2$/) });
  expect(ready.status?.containerStatuses?.[0]).toMatchObject({ ready: true, started: true, restartCount: 0 });
  const log = await logOf(runtime, 'db');
  expect(log).toContain(`hello world ${ready.status?.podIP}\ns3cret\n`);
  const bound = await client.get(PersistentVolumeClaims, { namespace: 'default', name: 'data' });
  const volume = join(home.home, 'nodes', node, 'volumes', bound.spec?.volumeName ?? '');
  expect(await readFile(join(volume, 'file'), 'utf8')).toBe('kept\n');
  const folder = (await podFolder(node)) ?? '';
  const { runFolder } = JSON.parse(await readFile(join(folder, 'pod.json'), 'utf8')) as { runFolder: string };

  await client.delete(Pods, { namespace: 'default', name: 'db' });
  await podGone(client, 'db');
  await expect(access(folder)).rejects.toThrow();
  await expect(access(runFolder)).rejects.toThrow();
  expect(findProcesses({ roots: [], folders: [folder, volume], markers: [`POLARSTACK_ROOT=${folder}`] })).toEqual([]);
  expect(await readFile(join(volume, 'file'), 'utf8')).toBe('kept\n');

  await client.delete(PersistentVolumeClaims, { namespace: 'default', name: 'data' });
  await waitFor(
    'the volume to be removed',
    async () => ((await client.list(PersistentVolumes)).items.length === 0 ? true : undefined),
    { signal: new AbortController().signal, timeoutMs: GENEROUS_MS },
  );
  await expect(access(volume)).rejects.toThrow();
});

test('the environment of a container is its own, and never ours', async () => {
  process.env.POLARSTACK_TEST_LEAK = 'leaked';
  const runtime = await home.start();
  await createDatabase();
  await podThat(client, 'db', 'to be ready', isReady);
  const log = await logOf(runtime, 'db');
  delete process.env.POLARSTACK_TEST_LEAK;
  expect(log).not.toContain('leaked');
  const names = [...log.matchAll(/^([A-Z_]+)=/gm)].map((match) => match[1]);
  expect(new Set(names)).toEqual(
    new Set(
      ['GREETING', 'HOME', 'LANG', 'PATH', 'POD_IP', 'POLARSTACK_ROOT', 'POLARSTACK_RUN', 'PWD', '_'].filter((n) =>
        names.includes(n),
      ),
    ),
  );
});

test('a new control adopts what runs: same process, same restart count, ready all the while', async () => {
  const first = await home.start();
  await createDatabase();
  const ready = await podThat(client, 'db', 'to be ready', isReady);
  const folder = (await podFolder(ready.spec?.nodeName ?? '')) ?? '';
  const record = JSON.parse(await readFile(join(folder, 'pod.json'), 'utf8')) as {
    containers: { main: { keeper: { pid: number; startTime: number; bootId: string } } };
  };
  const { keeper } = record.containers.main;
  const payload = await readlink(join(folder, 'volumes', 'secret', '..data'));
  await first.close();
  expect(isAlive(keeper, readBootId())).toBe(true);
  const before = api.writes.filter((write) => write.includes('pods db')).length;

  const second = await home.start();
  expect(await logOf(second, 'db')).toContain('hello world');
  expect(await execIn(second, 'db', sh('echo in; exit 7'))).toEqual({ code: 7, output: 'in\n' });
  const after = await podThat(client, 'db', 'to be ready', isReady);
  expect(after.status?.containerStatuses?.[0]?.restartCount).toBe(0);
  expect(await readlink(join(folder, 'volumes', 'secret', '..data'))).toBe(payload);
  expect(isAlive(keeper, readBootId())).toBe(true);
  expect(api.writes.filter((write) => write.includes('pods db')).length).toBe(before);
});
