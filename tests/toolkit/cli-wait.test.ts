/** The command line against the embedded API server: waits that end although nobody is left to tell what came. */
import { copyFileSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { MPDClusters } from '@polarstack/api';
import { waitFor } from '@polarstack/base';
import { Nodes } from '@polarstack/kube';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { cli } from './cli-harness.ts';
import { type CliScene, startCliScene } from './cli-scene.ts';

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;
/** What only a time-out refers to is collected at once, and not by chance. */
const collecting = setInterval(collectGarbage, 100);

let scene: CliScene;
beforeAll(async () => {
  scene = await startCliScene();
  const home = join(scene.api.folder, 'home');
  mkdirSync(home);
  copyFileSync(scene.api.kubeconfig, join(home, 'kubeconfig'));
});
afterAll(async () => {
  clearInterval(collecting);
  await scene.api.stop();
});

const exists = async (name: string): Promise<void> => {
  await waitFor(
    `cluster ${name}`,
    async (signal) => await scene.api.client.find(MPDClusters, { namespace: 'default', name }, signal),
    { signal: new AbortController().signal, timeoutMs: 30_000, intervalMs: 10 },
  );
};

test('create ends in time where nobody makes the cluster', async () => {
  const { code, stderr } = await scene.run(['create', 'never', '--timeout', '2']);
  expect([code, stderr]).toEqual([6, expect.stringContaining('error: cluster never is not ready after 2 s')]);
});

test('node stop ends in time where nobody stops the node', async () => {
  const { code, stderr } = await scene.run(['node', 'stop', 'node-1', '--timeout', '2']);
  expect([code, stderr]).toEqual([expect.any(Number), expect.stringContaining('node node-1 is not stopped after 2 s')]);
  expect((await scene.api.client.get(Nodes, { name: 'node-1' })).metadata?.annotations).toBeDefined();
});

test('whoever is interrupted is told that only the waiting has ended', async () => {
  const running = scene.run(['create', 'interrupted', '--timeout', '60']);
  await exists('interrupted');
  process.emit('SIGINT');
  const { code, stderr } = await running;
  expect(code).toBe(1);
  expect(stderr).toMatch(/^error: interrupted .*\n {2}code: {3}Cancelled\n/);
});

test('a server that restarts meanwhile is waited for', async () => {
  const stop = new AbortController();
  const running = scene.run(['create', 'patient', '--replicas', '0', '--timeout', '60']);
  await exists('patient');
  await scene.api.restart();
  const operator = scene.playOperator('patient', 'Succeeded', stop.signal);
  expect(await running).toMatchObject({ stderr: '', stdout: expect.stringContaining('default/patient is ready') });
  stop.abort();
  await operator;
});

/** The last: the server does not come back. */
test('where the home is stopped meanwhile, the waits end in time and say so', async () => {
  await scene.makeCluster('demo', 'default', {});
  const finalizers = { metadata: { finalizers: ['polarstack.io/test'] } };
  const key = { namespace: 'default', name: 'demo' };
  await scene.api.client.patch(MPDClusters, key, { type: 'merge', body: finalizers });
  const home = ['--home', join(scene.api.folder, 'home')];
  const creating = cli([...home, 'create', 'late', '--timeout', '8']);
  const deleting = cli([...home, 'delete', 'demo', '--yes', '--timeout', '8']);
  await exists('late');
  await waitFor(
    'the deletion',
    async (signal) => (await scene.api.client.get(MPDClusters, key, signal)).metadata.deletionTimestamp,
    { signal: new AbortController().signal, timeoutMs: 30_000, intervalMs: 10 },
  );
  await scene.api.halt();
  const [created, deleted] = await Promise.all([creating, deleting]);
  expect([created.code, deleted.code]).toEqual([7, 7]);
  expect(created.stderr).toMatch(/^error: cluster late is not ready yet: the local home in \S+ does not run/);
  expect(created.stderr).toMatch(/remedy: Run `polarstack up` to start it\. .*`polarstack status late`/);
  expect(deleted.stderr).toMatch(/^error: cluster demo is not gone yet: the local home in \S+ does not run/);
});
