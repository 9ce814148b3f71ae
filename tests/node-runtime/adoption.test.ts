import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { access, chmod, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { waitFor } from '@polarstack/base';
import {
  createKubeClient,
  EndpointSlices,
  type KubeClient,
  PersistentVolumeClaims,
  Pods,
  Services,
} from '@polarstack/kube';
import { findProcesses, killAll, readProcess } from '@polarstack/node-runtime';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { ControlReady } from './control-process.ts';
import { testRunBase } from './fixtures.ts';
import { GENEROUS_MS, isReady, nextBlock, pod, podGone, podThat, sh } from './harness.ts';

let home: string;
let block: number;
let control: ChildProcess | undefined;
let client: KubeClient;

async function startControl(): Promise<void> {
  const script = join(import.meta.dirname, 'control-process.ts');
  const child = spawn(process.execPath, ['--import', 'tsx', script, JSON.stringify({ home, block })], {
    stdio: ['ignore', 'pipe', 'inherit'],
    detached: true,
  });
  control = child;
  const ready = await new Promise<ControlReady>((resolve, reject) => {
    createInterface({ input: child.stdout }).once('line', (line) => resolve(JSON.parse(line) as ControlReady));
    child.once('exit', (code) => reject(new Error(`control ended with ${code}`)));
  });
  client = createKubeClient(ready);
}

async function endControl(signal: 'SIGKILL' | 'SIGTERM'): Promise<void> {
  await client.close();
  const child = control;
  control = undefined;
  if (!child || child.exitCode !== null) return;
  const exited = once(child, 'exit');
  child.kill(signal);
  await exited;
}

beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), 'node-runtime-'));
  await chmod(home, 0o755);
  block = nextBlock();
  await startControl();
});
afterEach(async () => {
  await endControl('SIGKILL');
  await killAll(() => findProcesses({ roots: [], folders: [home], markers: [`POLARSTACK_ROOT=${home}/`] }));
  await rm(home, { recursive: true, force: true });
  await rm(testRunBase(home), { recursive: true, force: true });
});

const until = <T>(what: string, check: () => Promise<T | undefined>): Promise<T> =>
  waitFor(what, check, { signal: new AbortController().signal, timeoutMs: GENEROUS_MS, intervalMs: 20 });

const processes = () =>
  findProcesses({ roots: [], folders: [], markers: [`POLARSTACK_ROOT=${home}/`] })
    .map(({ pid, startTime }) => `${pid}:${startTime}`)
    .filter((identity) => !identity.startsWith('0:'));

const server = (name: string) =>
  pod(
    name,
    {
      command: ['polarstack-keeper', '/bin/sh', '-c', ': > "$POLARSTACK_RUN/up"; exec sleep 100000'],
      ports: [{ name: 'postgres', containerPort: 5432 }],
      volumeMounts: [{ name: 'data', mountPath: '/data' }],
      readinessProbe: { exec: { command: sh('test -e "$POLARSTACK_RUN/up"') }, periodSeconds: 1 },
    },
    {
      volumes: [{ name: 'data', persistentVolumeClaim: { claimName: name } }],
      affinity: {
        podAntiAffinity: {
          requiredDuringSchedulingIgnoredDuringExecution: [
            { labelSelector: { matchLabels: { app: 'db' } }, topologyKey: 'kubernetes.io/hostname' },
          ],
        },
      },
    },
  );

async function createServer(name: string): Promise<void> {
  await client.create(PersistentVolumeClaims, {
    apiVersion: 'v1',
    kind: 'PersistentVolumeClaim',
    metadata: { name, namespace: 'default' },
    spec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '1Gi' } } },
  });
  const made = server(name);
  await client.create(Pods, { ...made, metadata: { ...made.metadata, labels: { app: 'db' } } });
}

const endpoints = async () =>
  (await client.list(EndpointSlices, { namespace: 'default' })).items
    .filter((slice) => slice.metadata?.labels?.['kubernetes.io/service-name'] === 'db')
    .flatMap((slice) => slice.endpoints)
    .filter((endpoint) => endpoint.conditions?.ready)
    .map((endpoint) => endpoint.addresses[0]);

test('kill -9 of control: everything lives on, and the next control adopts it without a restart', async () => {
  await client.create(Services, {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name: 'db', namespace: 'default' },
    spec: { selector: { app: 'db' }, ports: [{ name: 'postgres', port: 5432, targetPort: 'postgres' }] },
  });
  const names = ['a', 'b', 'c'];
  for (const name of names) await createServer(name);
  const before = await Promise.all(names.map((name) => podThat(client, name, 'to be ready', isReady)));
  expect(new Set(before.map((p) => p.spec?.nodeName)).size).toBe(3);
  await until('three endpoints', async () => ((await endpoints()).length === 3 ? true : undefined));
  const running = processes();
  expect(running.length).toBe(6);

  await endControl('SIGKILL');
  expect(processes()).toEqual(running);
  await startControl();
  const after = await Promise.all(names.map((name) => podThat(client, name, 'to be ready', isReady)));
  expect(processes()).toEqual(running);
  expect(after.map((p) => p.metadata?.resourceVersion)).toEqual(before.map((p) => p.metadata?.resourceVersion));
  expect(await endpoints()).toHaveLength(3);

  // Adopted pods are watched like any other: a keeper that dies is noticed, though it is nobody's child.
  const [a] = after;
  const folder = `${home}/nodes/${a?.spec?.nodeName}/pods`;
  const [name = ''] = await readdir(folder);
  const keeper = Number((await readFile(`${folder}/${name}/main/state/keeper`, 'utf8')).split(' ')[1]);
  process.kill(keeper, 'SIGKILL');
  await podThat(client, 'a', 'to restart', (p) => p.status?.containerStatuses?.[0]?.restartCount === 1 && isReady(p));

  await Promise.all(names.map((each) => client.delete(Pods, { namespace: 'default', name: each })));
  await Promise.all(names.map((each) => podGone(client, each)));
  expect(processes()).toEqual([]);
  expect(await endpoints()).toEqual([]);
});

test('R1, R3: control killed at any moment of a creation: in the end each pod runs exactly once', async () => {
  const seed = Date.now() % 1_000_000;
  console.log(`seed ${seed}`);
  // A small generator is enough: the moments only have to differ.
  let state = seed;
  const random = (): number => {
    state = (state * 1_103_515_245 + 12_345) % 2 ** 31;
    return state / 2 ** 31;
  };
  const names: string[] = [];
  for (let round = 0; round < 6; round++) {
    const name = `p${round}`;
    names.push(name);
    const free = server(name);
    const { affinity: _, ...spec } = free.spec ?? { containers: [] };
    await client.create(PersistentVolumeClaims, {
      apiVersion: 'v1',
      kind: 'PersistentVolumeClaim',
      metadata: { name, namespace: 'default' },
      spec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '1Gi' } } },
    });
    await client.create(Pods, { ...free, spec });
    await new Promise((resolve) => setTimeout(resolve, random() * 250));
    await endControl('SIGKILL');
    await startControl();
  }
  const ready = await Promise.all(names.map((name) => podThat(client, name, 'to be ready', isReady)));
  expect(new Set(ready.map((p) => p.status?.podIP)).size).toBe(names.length);
  expect(processes()).toHaveLength(2 * names.length);
  const folders = await Promise.all([1, 2, 3].map((i) => readdir(`${home}/nodes/node-${i}/volumes`)));
  expect(folders.flat()).toHaveLength(names.length);
});

test('a record of before a reboot: the pod starts afresh, at once', async () => {
  await createServer('a');
  const before = await podThat(client, 'a', 'to be ready', isReady);
  await endControl('SIGKILL');
  await killAll(() => findProcesses({ roots: [], folders: [], markers: [`POLARSTACK_ROOT=${home}/`] }));
  const folder = `${home}/nodes/${before.spec?.nodeName}/pods`;
  const [name = ''] = await readdir(folder);
  const path = `${folder}/${name}/pod.json`;
  // Another machine's life, and a pid that lives: ours.
  const text = (await readFile(path, 'utf8')).replace(/"bootId": "[^"]+"/, '"bootId": "an-earlier-boot"');
  await writeFile(path, text.replace(/"pid": \d+/, `"pid": ${process.pid}`));
  await startControl();
  const after = await podThat(
    client,
    'a',
    'to restart',
    (p) => isReady(p) && p.status?.containerStatuses?.[0]?.restartCount === 1,
  );
  expect(after.status?.containerStatuses?.[0]?.lastState?.terminated).toMatchObject({ reason: 'NodeRebooted' });
  expect(readProcess(process.pid)).toBeDefined();
});

test('a pod whose object is gone is stopped and removed; a down and up starts pods again', async () => {
  await createServer('a');
  const ready = await podThat(client, 'a', 'to be ready', isReady);
  const running = processes();
  await endControl('SIGTERM');
  expect(processes()).toEqual([]);
  expect(await readdir(testRunBase(home))).toEqual([]);
  await startControl();
  const again = await podThat(
    client,
    'a',
    'to be ready',
    (p) => isReady(p) && p.metadata?.resourceVersion !== ready.metadata?.resourceVersion,
  );
  expect(again.status?.podIP).toBe(ready.status?.podIP);
  expect(processes()).not.toEqual(running);

  await endControl('SIGKILL');
  // The API forgets everything; the pod's folder and processes are still there.
  await rm(`${home}/api`, { recursive: true });
  const folder = `${home}/nodes/${ready.spec?.nodeName}/pods`;
  expect(await readdir(folder)).toHaveLength(1);
  await startControl();
  await until('the pod to be removed', async () => ((await readdir(folder)).length === 0 ? true : undefined));
  expect(processes()).toEqual([]);
  await access(`${home}/nodes/${ready.spec?.nodeName}/volumes`);
});
