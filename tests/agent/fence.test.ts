/** Process proof (evidence F1): what an agent says of a dead engine is so, and stays so. */
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { waitFor } from '@polarstack/base';
import { afterAll, afterEach, expect } from 'vitest';
import {
  bootstrapPrimary,
  bootstrapReplica,
  cloneRequest,
  createTestCluster,
  initdbRequest,
  primaryTerm,
  replicaTerm,
  signal,
  type TestPod,
  test,
} from './harness.ts';

const cluster = await createTestCluster();
afterAll(async () => await cluster.close());
const deadline = { signal, timeoutMs: 60_000, intervalMs: 20 };
const [a, b] = [await cluster.pod('1'), await cluster.pod('2')];
afterEach(({ task }) => {
  if (task.result?.state === 'fail')
    for (const pod of [a, b]) console.log(`--- ${pod.name}\n${pod.output().slice(-6_000)}`);
});

/** Processes that work in the data folder of a pod, zombies aside. */
function processesOf(pod: TestPod): readonly string[] {
  return readdirSync('/proc').filter((name) => {
    try {
      const isDead = / Z /.test(readFileSync(`/proc/${name}/stat`, 'latin1').replace(/\(.*\)/, '-'));
      return /^\d+$/.test(name) && readlinkSync(`/proc/${name}/cwd`) === pod.dataDir && !isDead;
    } catch {
      return false;
    }
  });
}
const fast = { mode: 'fast', timeoutMs: 20_000 } as const;
const stale = { code: 'StaleEpoch' } as const;

test('a fence stops the engine in order, proves it dead, and bars every start below its epoch, also for later agents', async () => {
  await bootstrapPrimary(a, initdbRequest(['ins_2']));
  await bootstrapReplica(b, a, cloneRequest(a, b, ['ins_1']));
  await expect(a.client.fence({ epoch: 1, ...fast })).rejects.toMatchObject(stale);
  expect((await a.client.status()).engine.state).toBe('running');
  const evidence = await a.client.fence({ epoch: 2, ...fast });
  expect(processesOf(a)).toEqual([]);
  expect(evidence).toMatchObject({
    instanceId: '1',
    epoch: 2,
    cleanStop: true,
    timeline: 1,
    bootId: readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim(),
  });
  const { engine } = await a.client.status();
  expect(engine).toMatchObject({ state: 'stopped', cleanStop: true, lsn: evidence.lsn });
  expect(await a.client.fence({ epoch: 2, ...fast })).toMatchObject({ lsn: evidence.lsn, cleanStop: true });
  const barred = async () => {
    await expect(a.client.start()).rejects.toMatchObject(stale);
    await expect(a.client.setTerm(primaryTerm(1))).rejects.toMatchObject(stale);
    expect(await a.client.status()).toMatchObject({ fence: 2, term: { epoch: 1 }, engine: { state: 'stopped' } });
    expect(processesOf(a)).toEqual([]);
  };
  await barred();
  a.agent?.kill('SIGKILL');
  await waitFor('the death of the agent', async () => (a.agent === undefined ? true : undefined), deadline);
  await a.start();
  await barred();
});

test('what the stopped engine wrote has arrived before anybody is promoted, and only in the epoch that is named', async () => {
  const { lsn = '' } = (await a.client.status()).engine;
  const position = (text: string): bigint =>
    text.split('/').reduce((high, low) => (high << 32n) | BigInt(`0x${low}`), 0n);
  await waitFor(
    'the last record',
    async () => (position((await b.client.status()).engine.lsn ?? '0/0') > position(lsn) ? true : undefined),
    deadline,
  );
  await b.client.setTerm(primaryTerm(2));
  await expect(b.client.promote({ epoch: 3 })).rejects.toMatchObject(stale);
  expect(await b.client.promote({ epoch: 2 })).toMatchObject({ role: 'primary', timeline: 2 });
});

test('a fence that comes late, to one that is in the epoch already, stops nothing', async () => {
  await a.client.setTerm(replicaTerm(b, a, 2));
  await a.client.start();
  await expect(a.client.fence({ epoch: 2, ...fast })).rejects.toMatchObject(stale);
  await expect(b.client.fence({ epoch: 2, ...fast })).rejects.toMatchObject(stale);
  await waitFor(
    'the old primary to follow',
    async () => ((await a.client.status()).engine.streaming === true ? true : undefined),
    deadline,
  );
  expect((await b.client.status()).engine).toMatchObject({ state: 'running', role: 'primary' });
});

test('the role of the cluster manager may fence and checkpoint; an immediate stop is no clean one', async () => {
  const manager = await b.clientAs('cluster-manager');
  expect(await manager.checkpoint()).toEqual({ durationMs: expect.any(Number) });
  expect(await manager.fence({ epoch: 3, mode: 'immediate', timeoutMs: 5_000 })).toMatchObject({ cleanStop: false });
  await expect(manager.checkpoint()).rejects.toMatchObject({ code: 'EngineNotRunning' });
  expect(processesOf(b)).toEqual([]);
});
