import { afterEach, expect, test } from 'vitest';
import { createScene, verboseLogger } from './testing/scene.ts';

let close: () => Promise<void> = async () => {};
afterEach(async () => await close());

async function scene() {
  const made = await createScene(process.env.VERBOSE ? verboseLogger() : undefined);
  close = made.close;
  return made;
}

test('a cluster is made, and its operation shows every step', async () => {
  const s = await scene();
  await s.start();
  const before = performance.now();
  await s.create('demo');
  const cluster = await s.until('demo', 'Ready', 'True');
  console.log('ready after', performance.now() - before);
  expect(cluster.status).toMatchObject({ clusterStatus: 'Running', instances: '3/3', followerNum: 2 });
  const [operation] = s.operations();
  expect(operation?.status?.steps?.map(({ name }) => name)).toEqual([
    'InitMeta',
    'CreateServices',
    'EnsureSecrets',
    'EnsureParameters',
    'PrepareStorage',
    'CreatePods',
    'BootstrapPrimary',
    'JoinReplicas',
    'VerifyCluster',
    'UpdateRunningStatus',
  ]);
});
