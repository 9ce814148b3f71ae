/** Death of the agent, of the postmaster, of both: on real processes. */
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { rename, rm, stat } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { isStackError, waitFor } from '@polarstack/base';
import { slotName } from '@polarstack/contracts';
import { seededRandom } from '@polarstack/testkit';
import pg from 'pg';
import { afterAll, afterEach, expect } from 'vitest';
import {
  bootstrapPrimary,
  bootstrapReplica,
  cloneRequest,
  createTestCluster,
  finished,
  HOST,
  initdbRequest,
  PASSWORD,
  probe,
  provision,
  signal,
  type TestPod,
  test,
} from './harness.ts';

const cluster = await createTestCluster();
afterAll(async () => await cluster.close());
afterEach(({ task }) => {
  if (task.result?.state !== 'fail') return;
  for (const pod of [a, b]) console.log(`--- ${pod.name}\n${pod.output().slice(-4_000)}`);
});
const deadline = { signal, timeoutMs: 30_000, intervalMs: 10 };
const [a, b] = [await cluster.pod('1'), await cluster.pod('2')];

/** Living processes that work in a pod's data folder. */
function engineProcesses(pod: TestPod): readonly number[] {
  return readdirSync('/proc').flatMap((name) => {
    try {
      const inside = readlinkSync(`/proc/${Number(name)}/cwd`).startsWith(pod.dataDir);
      const state = /^State:\s+(\w)/m.exec(readFileSync(`/proc/${name}/status`, 'latin1'))?.[1];
      return inside && state !== 'Z' ? [Number(name)] : [];
    } catch {
      return [];
    }
  });
}

const agentGone = async (pod: TestPod): Promise<void> => {
  await waitFor('the agent to die', async () => (pod.agent === undefined ? true : undefined), deadline);
};
const killAgent = async (pod: TestPod): Promise<void> => {
  pod.agent?.kill('SIGKILL');
  await agentGone(pod);
};
const restarted = async (pod: TestPod, before: number): Promise<number> =>
  await waitFor(
    'another engine',
    async () => {
      const { engine } = await pod.client.status();
      return engine.state === 'running' && engine.pid !== before ? engine.pid : undefined;
    },
    deadline,
  );

async function connect(pod: TestPod): Promise<pg.Client> {
  const client = new pg.Client({
    host: HOST,
    port: pod.enginePort,
    user: 'app',
    password: PASSWORD,
    database: 'app',
    ssl: { rejectUnauthorized: false },
  });
  client.on('error', () => {});
  await client.connect();
  return client;
}

test('a primary and a replica', async () => {
  await bootstrapPrimary(a, initdbRequest([slotName('2')]));
  await bootstrapReplica(b, a, cloneRequest(a, b, [slotName('1')]));
});

test('kill -9 of the agent restarts no engine; the next one adopts it, client connections live', async () => {
  for (const pod of [a, b]) {
    const before = await pod.enginePid();
    const client = await connect(pod);
    await killAgent(pod);
    await pod.start();
    await waitFor(
      'the adoption',
      async () => ((await pod.client.status()).engine.state === 'running' ? true : undefined),
      deadline,
    );
    expect(await pod.enginePid()).toBe(before);
    expect((await client.query('select 1 as one')).rows).toEqual([{ one: 1 }]);
    await client.end();
  }
});

test('kill -9 of an adopted postmaster: restarted in its role, the busy backend ended before it could acknowledge', async () => {
  for (const pod of [a, b]) {
    const before = await pod.enginePid();
    const { role } = (await pod.client.status()).engine;
    const client = await connect(pod);
    let acknowledged = false;
    const busy = client
      .query("do $$ begin while clock_timestamp() < now() + interval '5 s' loop end loop; end $$")
      .then(() => {
        acknowledged = true;
      })
      .catch(() => {});
    await waitFor('the busy loop', async () => (engineProcesses(pod).length > 5 ? true : undefined), deadline);
    const old = engineProcesses(pod);
    process.kill(before, 'SIGKILL');
    await restarted(pod, before);
    expect(engineProcesses(pod).filter((pid) => old.includes(pid))).toEqual([]);
    await busy;
    expect(acknowledged).toBe(false);
    expect((await pod.client.status()).engine).toMatchObject({ state: 'running', role });
    // A zombie postmaster (its parent may take its time) must not make the engine refuse its own lock files.
    expect(pod.output()).not.toMatch(/lock file .* already exists/);
  }
});

test('kill -9 of the postmaster that is the own child', async () => {
  const before = await a.enginePid();
  process.kill(before, 'SIGKILL');
  await restarted(a, before);
  await a.client.writeCanary('again');
});

test.each(['once', 'again', 'a third time'])(
  'kill -9 of agent and postmaster (%s): the next agent ends the last backends and starts the engine in its role',
  async () => {
    const before = await a.enginePid();
    const client = await connect(a);
    const busy = client.query('select pg_sleep(60)').then(
      () => 'answered',
      () => 'cut off',
    );
    await waitFor('the query', async () => (engineProcesses(a).length > 5 ? true : undefined), deadline);
    a.agent?.kill('SIGKILL');
    process.kill(before, 'SIGKILL');
    await agentGone(a);
    await a.start();
    await restarted(a, before);
    expect(a.output()).not.toMatch(/lock file .* already exists/);
    expect(await busy).toBe('cut off');
  },
);

test('an engine that does not start: the reason is in the status, and it starts by itself once mended', async () => {
  const before = await b.enginePid();
  const lost = `${b.dataDir}/pg_wal`;
  await rename(lost, `${lost}.away`);
  process.kill(before, 'SIGKILL');
  const failed = await waitFor(
    'the reason',
    async () => {
      const { engine } = await b.client.status();
      return engine.state === 'failed' && /FATAL|PANIC/.test(engine.reason ?? '') ? engine : undefined;
    },
    deadline,
  );
  expect(failed.reason).toContain('pg_wal');
  await expect(b.client.start()).rejects.toMatchObject({ code: 'EngineStartFailed' });
  await rename(`${lost}.away`, lost);
  await restarted(b, before);
});

test('SIGTERM of the agent is the end of the pod: the engine stops, and comes back with the next agent', async () => {
  const agent = b.agent;
  const code = new Promise((resolve) => agent?.once('exit', resolve));
  agent?.kill('SIGTERM');
  expect(await code).toBe(0);
  expect(engineProcesses(b)).toEqual([]);
  expect(b.output()).toContain('database system is shut down');
  await b.start();
  await restarted(b, 0);
});

test('a postmaster that is stopped lets nobody in, and is not ready; one that goes on is', async () => {
  const ready = async (): Promise<number> => (await probe('/readyz', a)).status ?? 0;
  await waitFor('readiness', async () => ((await ready()) === 200 ? true : undefined), deadline);
  const pid = await a.enginePid();
  process.kill(pid, 'SIGSTOP');
  try {
    await waitFor('its end', async () => ((await ready()) === 200 ? undefined : true), deadline);
  } finally {
    process.kill(pid, 'SIGCONT');
  }
  await waitFor('readiness again', async () => ((await ready()) === 200 ? true : undefined), deadline);
  expect(await a.enginePid()).toBe(pid);
});

test('the folder of the socket was cleaned away: made again at the next start, for its user alone', async () => {
  const before = await a.enginePid();
  await rm(a.runDir, { recursive: true });
  process.kill(before, 'SIGKILL');
  await restarted(a, before);
  expect((await stat(a.runDir)).mode & 0o777).toBe(0o700);
  await a.client.writeCanary('socket');
});

const random = seededRandom('moments of death');
/** About as long as a bootstrap takes. */
const BOOTSTRAP_MS = 1_200;
const COPY_MS = 500;
const PROVISION_MS = 200;

test.each([0, 1, 2])(
  'kill -9 of the agent at a random moment of a bootstrap: asked again, it comes to its end (%i)',
  async (round) => {
    const [d, e] = [await cluster.pod(`d${round}`), await cluster.pod(`e${round}`)];
    const making = initdbRequest([slotName(e.instanceId)]);
    await d.start();
    await d.client.bootstrap('make', making);
    await sleep(random() * BOOTSTRAP_MS);
    await killAgent(d);
    await d.start();
    await finished(d, await d.client.bootstrap('make', making));
    // The replica copies while roles and databases are made; both agents die in it.
    const copying = cloneRequest(d, e, [slotName(d.instanceId)]);
    await e.start();
    await e.client.bootstrap('make', copying);
    await sleep(random() * COPY_MS);
    const provisioning = provision(d).then(
      () => 'done',
      (error: unknown) => isStackError(error, 'AgentUnreachable') && 'unreachable',
    );
    await sleep(random() * PROVISION_MS);
    await Promise.all([killAgent(d), killAgent(e)]);
    expect(await provisioning).toBeOneOf(['done', 'unreachable']);
    await Promise.all([d.start(), e.start()]);
    await Promise.all([provision(d), finished(e, await e.client.bootstrap('make', copying))]);
    expect((await d.client.status()).engine).toMatchObject({ state: 'running', role: 'primary' });
    await d.client.writeCanary('made');
    await waitFor(
      'the canary',
      async () => ((await e.client.readCanary()).token === 'made' ? true : undefined),
      deadline,
    );
    await e.client.checkDatabases(['app']);
    const client = await connect(e);
    expect((await client.query('select slot_name as s from pg_replication_slots')).rows).toEqual([
      { s: slotName(d.instanceId) },
    ]);
    await client.end();
    for (const pod of [d, e]) {
      const agent = pod.agent;
      const gone = new Promise((resolve) => agent?.once('exit', resolve));
      agent?.kill('SIGTERM');
      await gone;
    }
  },
);

test('a bootstrap interrupted by kill -9 leaves nothing that starts, and goes through when asked again', async () => {
  const c = await cluster.pod('3');
  await c.start();
  await c.client.bootstrap('create', initdbRequest());
  await waitFor('initdb to work', async () => (engineProcesses(c).length > 0 ? true : undefined), deadline);
  await killAgent(c);
  await c.start();
  expect((await c.client.status()).engine.state).toBe('absent');
  await expect(c.client.start()).rejects.toMatchObject({ code: 'DataFolderUnfinished' });
  await expect(c.client.task('create')).rejects.toMatchObject({ code: 'UnknownTask' });
  await finished(c, await c.client.bootstrap('create', initdbRequest()));
  expect((await c.client.status()).engine).toMatchObject({ state: 'running', role: 'primary' });
});
