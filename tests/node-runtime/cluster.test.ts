import { access, mkdir, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { waitFor } from '@polarstack/base';
import {
  ConfigMaps,
  EndpointSlices,
  Events,
  type KubeClient,
  Leases,
  Nodes,
  PersistentVolumeClaims,
  PersistentVolumes,
  Pods,
  Services,
  StorageClasses,
} from '@polarstack/kube';
import { POWER_ANNOTATION } from '@polarstack/node-runtime';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { createFakeApi, type FakeApi } from './fake-client.ts';
import {
  createTestHome,
  GENEROUS_MS,
  hasCondition,
  isReady,
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

const FOREVER = sh('while :; do sleep 0.1; done');
const until = <T>(what: string, check: () => Promise<T | undefined>): Promise<T> =>
  waitFor(what, check, { signal: new AbortController().signal, timeoutMs: GENEROUS_MS, intervalMs: 20 });
const createClaim = (name: string, storageClassName?: string) =>
  client.create(PersistentVolumeClaims, {
    apiVersion: 'v1',
    kind: 'PersistentVolumeClaim',
    metadata: { name, namespace: 'default' },
    spec: {
      accessModes: ['ReadWriteOnce'],
      resources: { requests: { storage: '1Gi' } },
      ...(storageClassName === undefined ? {} : { storageClassName }),
    },
  });
const withClaim = (name: string, claim: string) =>
  pod(name, { command: FOREVER }, { volumes: [{ name: 'd', persistentVolumeClaim: { claimName: claim } }] });

test('nodes are registered with labels, addresses, conditions and images; their used ports are published', async () => {
  await home.start();
  const node = await client.get(Nodes, { name: 'node-2' });
  const [internal] = node.status?.addresses ?? [];
  expect(node.metadata?.labels).toMatchObject({ 'kubernetes.io/hostname': 'node-2', 'node.kubernetes.io/node': '' });
  expect(internal).toMatchObject({ type: 'InternalIP', address: expect.stringMatching(/^127\.\d+\.0\.12$/) });
  expect(node.status?.conditions).toContainEqual(
    expect.objectContaining({ type: 'NodeClientIP', status: 'True', message: internal?.address }),
  );
  expect(node.status?.conditions).toContainEqual(expect.objectContaining({ type: 'Ready', status: 'True' }));
  expect(node.status?.images).toContainEqual({ names: ['polarstack/postgres:15'], sizeBytes: 1000 });
  expect((await client.get(StorageClasses, { name: 'local' })).volumeBindingMode).toBe('WaitForFirstConsumer');

  const stranger = createServer();
  await new Promise<void>((resolve) => stranger.listen(0, internal?.address, resolve));
  const address = stranger.address();
  const port = String(typeof address === 'object' ? address?.port : '');
  const key = { namespace: 'kube-system', name: 'cloud-provider-port-usage-node-2' };
  await until('the port', async () => (await client.find(ConfigMaps, key))?.data?.[port]);
  await new Promise((resolve) => stranger.close(resolve));
  await until('it to be free', async () => ((await client.get(ConfigMaps, key)).data?.[port] ? undefined : true));
  const host = pod(
    'h',
    { command: FOREVER, ports: [{ containerPort: 6000 }] },
    { hostNetwork: true, nodeSelector: { 'kubernetes.io/hostname': 'node-2' } },
  );
  await client.create(Pods, host);
  const ready = await podThat(client, 'h', 'to be ready', isReady);
  expect(ready.status?.podIP).toBe(internal?.address);
  await until('the host port', async () => (await client.get(ConfigMaps, key)).data?.['6000']);
});

test('N1: a quiet home writes nothing but leases', async () => {
  await home.start();
  await createClaim('c');
  await client.create(Pods, withClaim('p', 'c'));
  await podThat(client, 'p', 'to be ready', isReady);
  const renewals = () => api.writes.filter((write) => write.startsWith('PATCH leases')).length;
  await until('a lease to be renewed', async () => (renewals() >= 1 ? true : undefined));
  const before = api.writes.length;
  await until('the next', async () => (renewals() >= 2 ? true : undefined));
  expect(api.writes.slice(before)).toEqual([expect.stringMatching(/^PATCH leases node-/)]);
  expect((await client.list(Leases)).items).toHaveLength(3);
});

test('what does not fit waits with a reason, and is placed when it fits', async () => {
  await home.start();
  await client.create(Pods, withClaim('p', 'late'));
  const reason = (p: { status?: { conditions?: { type: string; message?: string }[] } }) =>
    p.status?.conditions?.find(({ type }) => type === 'PodScheduled')?.message;
  const waiting = await podThat(client, 'p', 'to wait', (p) => hasCondition(p, 'PodScheduled', 'False'));
  expect(reason(waiting)).toBe('persistentvolumeclaim "late" not found');
  await createClaim('late', 'nobody');
  await podThat(client, 'p', 'to name the class', (p) => reason(p)?.includes('a class that nobody provides') ?? false);
  await client.delete(Pods, { namespace: 'default', name: 'p' });
  await client.delete(PersistentVolumeClaims, { namespace: 'default', name: 'late' });

  for (const i of [1, 2, 3]) {
    await client.patch(Nodes, { name: `node-${i}` }, { type: 'merge', body: { spec: { unschedulable: true } } });
  }
  await client.create(Pods, pod('q', { command: FOREVER }));
  await podThat(client, 'q', 'to wait', (p) => reason(p)?.includes('3 node(s) were unschedulable') ?? false);
  await client.patch(Nodes, { name: 'node-3' }, { type: 'merge', body: { spec: { unschedulable: false } } });
  const placed = await podThat(client, 'q', 'to be ready', isReady);
  expect(placed.spec?.nodeName).toBe('node-3');
  await until('the events', async () => {
    const reasons = (await client.list(Events)).items.map((event) => event.reason);
    return ['FailedScheduling', 'Scheduled'].every((wanted) => reasons.includes(wanted)) ? true : undefined;
  });
});

test('V1 to V3: a claim pins its pods, is protected while one uses it, and its folder goes with it', async () => {
  await home.start();
  await createClaim('c');
  await client.create(Pods, withClaim('p', 'c'));
  const first = await podThat(client, 'p', 'to be ready', isReady);
  const [volume] = (await client.list(PersistentVolumes)).items;
  const folder = `${home.home}/nodes/${first.spec?.nodeName}/volumes/${volume?.metadata?.name}`;
  await writeFile(`${folder}/kept`, '');

  // Deleted while in use: it stays, but nobody new gets it.
  await client.delete(PersistentVolumeClaims, { namespace: 'default', name: 'c' });
  await client.create(Pods, withClaim('late', 'c'));
  await podThat(client, 'late', 'to wait', (p) => hasCondition(p, 'PodScheduled', 'False'));
  await access(`${folder}/kept`);
  await client.delete(Pods, { namespace: 'default', name: 'late' });
  await client.delete(Pods, { namespace: 'default', name: 'p' });
  await podGone(client, 'p');
  await until('the volume to go', async () => ((await client.list(PersistentVolumes)).items.length ? undefined : true));
  await expect(access(folder)).rejects.toThrow();

  // A new claim of the name is another one; its pod comes back to its node and its data.
  await createClaim('c');
  await client.create(Pods, withClaim('p', 'c'));
  const second = await podThat(client, 'p', 'to be ready', isReady);
  await client.delete(Pods, { namespace: 'default', name: 'p' });
  await podGone(client, 'p');
  for (const i of [1, 2])
    await client.create(Pods, pod(`load-${i}`, { command: FOREVER }, { nodeName: second.spec?.nodeName ?? '' }));
  await client.create(Pods, withClaim('p', 'c'));
  const third = await podThat(client, 'p', 'to be ready', isReady);
  expect(third.spec?.nodeName).toBe(second.spec?.nodeName);
});

test('a lost data folder is an error of the pod, never an empty folder in its place', async () => {
  await home.start();
  await createClaim('c');
  await client.create(Pods, withClaim('p', 'c'));
  const first = await podThat(client, 'p', 'to be ready', isReady);
  await client.delete(Pods, { namespace: 'default', name: 'p' });
  await podGone(client, 'p');
  const [volume] = (await client.list(PersistentVolumes)).items;
  const folder = `${home.home}/nodes/${first.spec?.nodeName}/volumes/${volume?.metadata?.name}`;
  await rm(folder, { recursive: true });
  await client.create(Pods, withClaim('p', 'c'));
  const stuck = await podThat(client, 'p', 'to be stuck', (p) => p.status?.reason === 'MountFailed');
  expect(stuck.status?.message).toContain(folder);
  await expect(access(folder)).rejects.toThrow();
  await mkdir(folder, { mode: 0o777 });
  await podThat(client, 'p', 'to be ready', isReady);
});

test('endpoints follow readiness and power; pods of a node that is off wait for it', async () => {
  await home.start();
  await client.create(Services, {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name: 's', namespace: 'default' },
    spec: { selector: { app: 'x' }, ports: [{ port: 80 }] },
  });
  const made = pod('p', { command: FOREVER });
  await client.create(Pods, { ...made, metadata: { ...made.metadata, labels: { app: 'x' } } });
  const ready = await podThat(client, 'p', 'to be ready', isReady);
  const readyEndpoints = async () =>
    (await client.list(EndpointSlices)).items
      .flatMap((slice) => slice.endpoints)
      .filter((endpoint) => endpoint.conditions?.ready)
      .map((endpoint) => endpoint.addresses[0]);
  await until('the endpoint', async () => ((await readyEndpoints())[0] === ready.status?.podIP ? true : undefined));
  const power = (value: string) => ({
    type: 'merge' as const,
    body: { metadata: { annotations: { [POWER_ANNOTATION]: value } } },
  });
  const node = { name: ready.spec?.nodeName ?? '' };
  await client.patch(Nodes, node, power('off'));
  await until('no endpoint', async () => ((await readyEndpoints()).length === 0 ? true : undefined));

  await client.delete(Pods, { namespace: 'default', name: 'p' });
  const elsewhere = pod('q', { command: FOREVER });
  await client.create(Pods, elsewhere);
  const other = await podThat(client, 'q', 'to be ready', isReady);
  expect(other.spec?.nodeName).not.toBe(node.name);
  expect(await client.find(Pods, { namespace: 'default', name: 'p' })).toBeDefined();
  await client.patch(Nodes, node, power('on'));
  await podGone(client, 'p');
});

test('V4: a volume grows to what its claim asks for, tells what is in use, and never gets smaller', async () => {
  await home.start();
  await createClaim('grows');
  await client.create(Pods, withClaim('holder', 'grows'));
  const claim = async () => await client.get(PersistentVolumeClaims, { namespace: 'default', name: 'grows' });
  await until('the claim to be bound', async () => ((await claim()).status?.phase === 'Bound' ? true : undefined));
  await until('the use of the volume', async () =>
    (await claim()).metadata?.annotations?.['mpd.polardb.aliyun.com/used-bytes'] === undefined ? undefined : true,
  );
  const ask = async (storage: string) =>
    await client.patch(
      PersistentVolumeClaims,
      { namespace: 'default', name: 'grows' },
      { type: 'merge', body: { spec: { resources: { requests: { storage } } } } },
    );
  await ask('3Gi');
  await until('the volume to grow', async () => {
    const { status, spec } = await claim();
    const volume = await client.get(PersistentVolumes, { name: spec?.volumeName ?? '' });
    const grown = status?.capacity?.storage === '3Gi' && volume.spec?.capacity?.storage === '3Gi';
    return grown && !status.conditions?.length ? true : undefined;
  });
  await client.patch(StorageClasses, { name: 'local' }, { type: 'merge', body: { allowVolumeExpansion: false } });
  await ask('4Gi');
  await until('the refusal', async () =>
    (await client.list(Events, { namespace: 'default' })).items.find(({ reason }) => reason === 'VolumeResizeFailed'),
  );
  expect((await claim()).status?.capacity?.storage).toBe('3Gi');
});
