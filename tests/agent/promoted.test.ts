/** A replica that somebody promotes by SQL (invariant I1: one writable primary): stopped, and brought back as a replica. */
import { waitFor } from '@polarstack/base';
import { slotName } from '@polarstack/contracts';
import pg from 'pg';
import { afterAll, afterEach, expect } from 'vitest';
import {
  bootstrapPrimary,
  bootstrapReplica,
  cloneRequest,
  createTestCluster,
  HOST,
  initdbRequest,
  PASSWORD,
  primaryTerm,
  probe,
  scramVerifier,
  signal,
  type TestPod,
  test,
} from './harness.ts';

const cluster = await createTestCluster();
afterAll(async () => await cluster.close());
const deadline = { signal, timeoutMs: 60_000, intervalMs: 20 };
const [a, b] = [await cluster.pod('1'), await cluster.pod('2')];
afterEach(({ task }) => {
  if (task.result?.state === 'fail') console.log(`--- ${b.name}\n${b.output().slice(-6_000)}`);
});

async function superuser(pod: TestPod): Promise<pg.Client> {
  const client = new pg.Client({
    host: HOST,
    port: pod.enginePort,
    user: 'chief',
    password: PASSWORD,
    database: 'app',
    ssl: { rejectUnauthorized: false },
  });
  client.on('error', () => {});
  await client.connect();
  return client;
}

async function ready(pod: TestPod): Promise<string> {
  const { status, body } = await probe('/readyz', pod);
  return `${status} ${body}`;
}

/** Promotes by SQL and writes until the engine is taken away. */
async function promoteAndWrite(pod: TestPod): Promise<void> {
  const client = await superuser(pod);
  await client.query('select pg_promote(false)');
  await waitFor(
    'the end of the promoted engine',
    async () =>
      await client.query('create table if not exists stray (n int)').then(
        () => undefined,
        (error: { code?: string }) => (error.code === '25006' ? undefined : true),
      ),
    deadline,
  );
  await client.end().catch(() => {});
}

const follows = async (pod: TestPod, not: number): Promise<void> => {
  await waitFor(
    'a replica that streams',
    async () => {
      const { state, pid, role, streaming } = (await pod.client.status()).engine;
      return state === 'running' && pid !== not && role === 'replica' && streaming ? true : undefined;
    },
    deadline,
  );
};

const hasNothingStray = async (pod: TestPod): Promise<void> => {
  const client = await superuser(pod);
  expect((await client.query("select to_regclass('stray') as stray, pg_is_in_recovery() as standby")).rows).toEqual([
    { stray: null, standby: true },
  ]);
  expect((await client.query('select slot_name as s from pg_replication_slots')).rows).toEqual([{ s: slotName('1') }]);
  await client.end();
};

const sees = async (pod: TestPod, token: string): Promise<void> => {
  await waitFor(
    'the canary',
    async () => ((await pod.client.readCanary()).token === token ? true : undefined),
    deadline,
  );
};

test('promoted by SQL: stopped, rewound, and a replica again', async () => {
  const chief = { name: 'chief', verifier: scramVerifier(PASSWORD), superuser: true };
  await bootstrapPrimary(a, initdbRequest([slotName('2')]), [chief]);
  await bootstrapReplica(b, a, cloneRequest(a, b, [slotName('1')]));
  const before = await b.enginePid();
  await promoteAndWrite(b);
  await follows(b, before);
  await a.client.writeCanary('after');
  await sees(b, 'after');
  await waitFor('its slots', async () => await hasNothingStray(b).then(() => true), deadline);
  expect(b.output()).not.toContain('copied anew');
  await waitFor('readiness', async () => ((await ready(b)).startsWith('200') ? true : undefined), deadline);
});

test('while its primary does not answer it stays stopped, over the death of the agent too; then it is copied anew', async () => {
  const before = await b.enginePid();
  await a.client.stop({ mode: 'fast', timeoutMs: 20_000 });
  await promoteAndWrite(b);
  const isBarred = async (): Promise<void> => {
    const { engine } = await b.client.status();
    expect(engine).toMatchObject({ state: 'failed', reason: expect.stringMatching(/^EngineContradictsTerm: /) });
    expect(engine.pid).toBeUndefined();
    await expect(b.client.start()).rejects.toMatchObject({ code: 'EngineContradictsTerm' });
    expect(await ready(b)).toMatch(/^503 .*EngineContradictsTerm/);
  };
  await waitFor('the stop', async () => await isBarred().then(() => true), deadline);
  b.agent?.kill('SIGKILL');
  await waitFor('the agent to die', async () => (b.agent === undefined ? true : undefined), deadline);
  await b.start();
  await isBarred();
  await a.client.start();
  await follows(b, before);
  await a.client.writeCanary('copied');
  await sees(b, 'copied');
  await waitFor('its slots', async () => await hasNothingStray(b).then(() => true), deadline);
});

test('a primary by term that is in recovery says so, and is not ready', async () => {
  await b.client.setTerm(primaryTerm(9));
  expect(await ready(b)).toMatch(/^409 .*the engine is replica, the term says primary/);
  expect((await b.client.status()).engine).toMatchObject({
    role: 'replica',
    reason: 'WrongRole: the engine is replica, the term says primary',
  });
});
