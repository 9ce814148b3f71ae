/** The dead-man against real engines: dead by the deadline whatever became of the agent, alive while it is fed. */
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { waitFor } from '@polarstack/base';
import { processStat } from '@polarstack/engine';
import pg from 'pg';
import { afterAll, expect } from 'vitest';
import { bootTime, openDeadMan } from '../../apps/agent/src/dead-man/dead-man.ts';
import { bootstrapPrimary, createTestCluster, HOST, PASSWORD, signal, type TestPod, test } from './harness.ts';

const cluster = await createTestCluster();
const a = await cluster.pod('1');
const folder = await mkdtemp(join(tmpdir(), 'ps-dm-'));
const env = { PATH: process.env.PATH ?? '/usr/bin:/bin' };
const deadline = { signal, timeoutMs: 60_000, intervalMs: 5 };
let deadMan = await openDeadMan({ folder, env, echoMs: 30_000, signal });
afterAll(async () => {
  await deadMan.end();
  await cluster.close();
  await rm(folder, { recursive: true, force: true });
});

function processesOf(pod: TestPod): readonly number[] {
  return readdirSync('/proc').flatMap((name) => {
    try {
      const isInside = /^\d+$/.test(name) && readlinkSync(`/proc/${name}/cwd`) === pod.dataDir;
      return isInside && !/^State:\s+Z/m.test(readFileSync(`/proc/${name}/status`, 'latin1')) ? [Number(name)] : [];
    } catch {
      return [];
    }
  });
}

async function engineOf(): Promise<{ readonly pid: number; readonly startTicks: number }> {
  const running = async () => {
    const { engine } = await a.client.status();
    return engine.state === 'running' ? engine.pid : undefined;
  };
  const pid = await waitFor('the engine', running, deadline);
  return { pid, startTicks: processStat(pid)?.startTicks ?? 0 };
}

async function connect(): Promise<pg.Client> {
  const login = { user: 'app', password: PASSWORD, database: 'app' };
  const client = new pg.Client({ host: HOST, port: a.enginePort, ...login, ssl: { rejectUnauthorized: false } });
  client.on('error', () => {});
  await client.connect();
  return client;
}

const passed = async (moment: number): Promise<void> => {
  await waitFor('the moment', async () => (bootTime() > moment ? true : undefined), deadline);
};

test('an engine that is fed lives beyond the deadline before; a closed pipe and another process of the pid are left alone', async () => {
  await bootstrapPrimary(a);
  let engine = await engineOf();
  let first = 0;
  // On a machine so slow that the first deadline is over before the second one is in force: again, with more time.
  for (let aheadMs = 1_000; first <= bootTime(); aheadMs *= 4) {
    engine = await engineOf();
    first = bootTime() + aheadMs;
    await deadMan.arm(first, engine);
    await deadMan.arm(bootTime() + 600_000, engine);
  }
  // The agent goes, and another one comes: it finds the same dead-man.
  const { pid } = deadMan;
  deadMan.release();
  deadMan = await openDeadMan({ folder, env, echoMs: 30_000, signal });
  expect(deadMan.pid).toBe(pid);
  await passed(first);
  await deadMan.arm(bootTime() - 1_000, { ...engine, startTicks: engine.startTicks + 1 });
  // It takes the next word only after it has done what was due.
  await deadMan.disarm();
  expect(await a.enginePid()).toBe(engine.pid);
  expect(processesOf(a)).toContain(engine.pid);
});

test.each(['SIGSTOP', 'SIGKILL'] as const)(
  'the agent got %s: at the deadline every process of the engine dies',
  async (fate) => {
    const engine = await engineOf();
    const [computing, sleeping] = [await connect(), await connect()];
    const outcome = (query: Promise<unknown>): Promise<string> =>
      query.then(
        () => 'acknowledged',
        () => 'cut off',
      );
    const outcomes = [
      outcome(computing.query("do $$ begin while clock_timestamp() < now() + interval '60 s' loop end loop; end $$")),
      outcome(sleeping.query('select pg_sleep(60)')),
    ];
    const { agent } = a;
    agent?.kill(fate);
    await deadMan.arm(bootTime() + 200, engine);
    await waitFor('their end', async () => (processesOf(a).length === 0 ? true : undefined), deadline);
    expect(await Promise.all(outcomes)).toEqual(['cut off', 'cut off']);
    if (fate === 'SIGSTOP') agent?.kill('SIGCONT');
    else {
      await waitFor('the agent to die', async () => (a.agent === undefined ? true : undefined), deadline);
      await a.start();
    }
    const next = await engineOf();
    expect(next.pid).not.toBe(engine.pid);
  },
);

test('what is said while it kills the engine is heard (M3)', async () => {
  const engine = await engineOf();
  await Promise.all([deadMan.arm(bootTime() - 1_000, engine), deadMan.arm(bootTime() + 600_000, engine)]);
  await deadMan.disarm();
  await waitFor('the next engine', async () => ((await engineOf()).pid !== engine.pid ? true : undefined), deadline);
});

test('a dead-man that is frozen is noticed, and replaced by one that answers', async () => {
  const engine = await engineOf();
  process.kill(deadMan.pid, 'SIGSTOP');
  const impatient = await openDeadMan({ folder, env, echoMs: 50, signal });
  await expect(impatient.arm(bootTime() + 600_000, engine)).rejects.toMatchObject({ code: 'DeadManSilent' });
  impatient.release();
  const frozen = deadMan.pid;
  await deadMan.end();
  deadMan = await openDeadMan({ folder, env, echoMs: 30_000, signal });
  expect(deadMan.pid).not.toBe(frozen);
  await deadMan.arm(bootTime() + 600_000, engine);
  await deadMan.disarm();
  expect(await a.enginePid()).toBe(engine.pid);
});
