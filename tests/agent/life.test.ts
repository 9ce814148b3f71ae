/** One cluster through its whole life, on real servers: every call of the agent's API that changes something. */
import { readFile, rename } from 'node:fs/promises';
import { join } from 'node:path';
import { isStackError, waitFor } from '@polarstack/base';
import { slotName } from '@polarstack/contracts';
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
  primaryTerm,
  replicaTerm,
  scramVerifier,
  signal,
  type TestPod,
  test,
} from './harness.ts';

const cluster = await createTestCluster();
afterAll(async () => await cluster.close());
afterEach(({ task }) => {
  if (task.result?.state !== 'fail') return;
  for (const pod of [a, b, c]) console.log(`--- ${pod.name}\n${pod.output().slice(-4_000)}`);
});
const deadline = { signal, timeoutMs: 30_000 };
const [a, b, c] = [await cluster.pod('1'), await cluster.pod('2'), await cluster.pod('3')];
const slots = (...ids: string[]): string[] => ids.map(slotName);

async function sql(
  pod: TestPod,
  text: string,
  user: { user: string; password?: string; database?: string; ssl?: boolean } = { user: 'app', password: PASSWORD },
): Promise<readonly Record<string, unknown>[]> {
  const client = new pg.Client({
    host: HOST,
    port: pod.enginePort,
    database: 'app',
    ...user,
    ssl:
      user.ssl === false
        ? false
        : { ca: cluster.authority.certPem, servername: pod.name, checkServerIdentity: () => undefined },
  });
  client.on('error', () => {});
  try {
    await client.connect();
    return (await client.query(text)).rows as Record<string, unknown>[];
  } finally {
    await client.end();
  }
}

const streams = async (replica: TestPod, timeline = 1): Promise<void> => {
  await waitFor(
    `${replica.name} to stream on timeline ${timeline}`,
    async () => {
      const { engine } = await replica.client.status();
      return engine.role === 'replica' && engine.streaming === true && engine.timeline === timeline ? true : undefined;
    },
    deadline,
  );
};
const seesCanary = async (pod: TestPod, token: string): Promise<void> => {
  await waitFor(
    `the canary on ${pod.name}`,
    async () => ((await pod.client.readCanary()).token === token ? true : undefined),
    deadline,
  );
};

test('a primary by initdb and two replicas by base backup; a row is on all', async () => {
  await bootstrapPrimary(a, initdbRequest(slots('2', '3')));
  await Promise.all([
    bootstrapReplica(b, a, cloneRequest(a, b, slots('1', '3'))),
    bootstrapReplica(c, a, cloneRequest(a, c, slots('1', '2'))),
  ]);
  await Promise.all([streams(b), streams(c)]);
  const status = await waitFor(
    'both peers',
    async () => {
      const now = await a.client.status();
      return now.engine.peers?.filter((peer) => peer.state === 'streaming').length === 2 ? now : undefined;
    },
    deadline,
  );
  expect(status).toMatchObject({ instanceId: '1', term: { epoch: 1, role: 'primary' }, task: { state: 'done' } });
  expect(status.engine).toMatchObject({ state: 'running', role: 'primary', timeline: 1, configVersion: 1 });
  expect(status.engine.peers?.map((peer) => peer.instanceId)).toEqual(['2', '3']);
  const { lsn } = await a.client.writeCanary('one');
  expect(lsn).toMatch(/^[0-9A-F]+\/[0-9A-F]+$/);
  for (const replica of [b, c]) {
    await seesCanary(replica, 'one');
    const { engine } = await replica.client.status();
    expect(engine).toMatchObject({ state: 'running', role: 'replica', streaming: true, timeline: 1 });
    expect(engine.systemId).toBe(status.engine.systemId);
  }
});

test('repeating a finished bootstrap, under the same or another task id, changes nothing', async () => {
  const pid = await a.enginePid();
  expect(await a.client.bootstrap('create', initdbRequest(slots('2', '3')))).toMatchObject({ state: 'done' });
  await finished(a, await a.client.bootstrap('create-again', initdbRequest(slots('2', '3'))));
  expect(await a.enginePid()).toBe(pid);
  await seesCanary(a, 'one');
});

test('only TLS with a password comes in; the superuser and the replication user do not', async () => {
  expect(await sql(a, 'select current_user as u')).toEqual([{ u: 'app' }]);
  await expect(sql(a, 'select 1', { user: 'app', password: PASSWORD, ssl: false })).rejects.toThrow(/pg_hba.conf/);
  await expect(sql(a, 'select 1', { user: 'app', password: 'wrong' })).rejects.toThrow(/authentication failed/);
  await expect(sql(a, 'select 1', { user: 'postgres', password: '' })).rejects.toThrow(/rejects|pg_hba.conf/);
  await expect(sql(a, 'select 1', { user: 'replicator', password: '' })).rejects.toThrow(/rejects|pg_hba.conf/);
  await expect(sql(a, 'select 1', { user: 'replicator', password: '', database: 'postgres' })).rejects.toThrow(
    /certificate/,
  );
  await expect(sql(b, 'create table t (x int)')).rejects.toThrow(/read-only/);
});

test('roles, databases and slots are set, and set again', async () => {
  for (let round = 0; round < 2; round++) {
    await a.client.setRoles([{ name: 'Ünï "x"', verifier: scramVerifier('geheim'), createdb: true }]);
    await a.client.setDatabases([{ name: "it's", owner: 'Ünï "x"' }]);
    await a.client.checkDatabases(["it's", 'app']);
  }
  await expect(a.client.checkDatabases(['app', 'not there'])).rejects.toMatchObject({
    code: 'EngineQueryFailed',
    message: expect.stringContaining('"not there" does not exist'),
  });
  const user = { user: 'Ünï "x"', password: 'geheim', database: "it's" };
  expect(await sql(a, 'select rolcreatedb as c from pg_roles where rolname = current_user', user)).toEqual([
    { c: true },
  ]);
  await expect(b.client.setRoles([{ name: 'nobody' }])).rejects.toMatchObject({ code: 'WrongRole' });
  await expect(a.client.setRoles([{ name: 'x', verifier: 'clear text' }])).rejects.toMatchObject({
    code: 'InvalidRequest',
    message: expect.stringContaining('roles[0].verifier'),
  });
  await a.client.setSlots(slots('2', '3', '9'));
  await a.client.setSlots(slots('2', '3'));
  const names = 'select slot_name as n from pg_replication_slots order by 1';
  expect(await sql(a, names)).toEqual([{ n: 'ins_2' }, { n: 'ins_3' }]);
  expect(await sql(b, names)).toEqual([{ n: 'ins_1' }, { n: 'ins_3' }]);
});

test('a good configuration is applied; a bad one never reaches the disk', async () => {
  const parameters = { shared_buffers: '16MB', work_mem: '7MB', log_line_prefix: "%m 'it\\s' ", port: '1' };
  expect(await a.client.setConfig({ version: 2, parameters })).toEqual({ pendingRestart: [] });
  expect(await sql(a, "select current_setting('work_mem') as w, current_setting('log_line_prefix') as p")).toEqual([
    { w: '7MB', p: "%m 'it\\s' " },
  ]);
  const file = join(a.dataDir, 'polarstack.conf');
  const before = await readFile(file, 'utf8');
  const bad = await a.client
    .setConfig({
      version: 3,
      parameters: {
        work_mem: '7XB',
        no_such: '1',
        max_connections: '1000000000',
        log_min_messages: 'loud',
        wal_level: 'minimal',
      },
    })
    .catch((error: unknown) => error);
  expect(isStackError(bad, 'InvalidParameter')).toBe(true);
  for (const name of ['work_mem', 'no_such', 'max_connections', 'log_min_messages', 'wal_level'])
    expect((bad as Error).message).toContain(`${name}: `);
  expect(await readFile(file, 'utf8')).toBe(before);
  expect((await a.client.status()).engine.configVersion).toBe(2);
  // An older version has been overtaken; the same one must be the same.
  await a.client.setConfig({ version: 1, parameters: { work_mem: '1MB' } });
  await expect(a.client.setConfig({ version: 2, parameters: {} })).rejects.toMatchObject({ code: 'InvalidRequest' });
  expect(await sql(a, "select current_setting('work_mem') as w")).toEqual([{ w: '7MB' }]);
  const restart = await a.client.setConfig({ version: 4, parameters: { ...parameters, wal_buffers: '2MB' } });
  expect(restart).toEqual({ pendingRestart: ['wal_buffers'] });
  expect((await a.client.status()).engine.pendingRestart).toEqual(['wal_buffers']);
});

test('the engine stops in each mode and starts again; stopped means stopped, also for a new agent', async () => {
  const { systemId } = (await a.client.status()).engine;
  for (const mode of ['smart', 'fast', 'immediate'] as const) {
    const pid = await a.enginePid();
    expect(await a.client.stop({ mode, timeoutMs: 20_000 })).toMatchObject({ state: 'stopped', timeline: 1, systemId });
    await expect(a.client.writeCanary('no')).rejects.toMatchObject({ code: 'EngineNotRunning' });
    expect(await a.client.start()).toMatchObject({ state: 'running', role: 'primary' });
    expect(await a.enginePid()).not.toBe(pid);
  }
  expect((await a.client.status()).engine.pendingRestart).toEqual([]);
  await a.client.stop({ mode: 'fast', timeoutMs: 20_000 });
  a.agent?.kill('SIGKILL');
  await waitFor('the agent to die', async () => (a.agent === undefined ? true : undefined), deadline);
  await a.start();
  expect((await a.client.status()).engine.state).toBe('stopped');
  await a.client.start();
});

test('a smart stop that waits for a client goes on as immediate', async () => {
  const client = new pg.Client({
    host: HOST,
    port: a.enginePort,
    user: 'app',
    password: PASSWORD,
    database: 'app',
    ssl: { rejectUnauthorized: false },
  });
  client.on('error', () => {});
  await client.connect();
  expect(await a.client.stop({ mode: 'smart', timeoutMs: 200 })).toMatchObject({ state: 'stopped' });
  await a.client.start();
});

test('a switch in order: the old primary follows the new one as it is, the other replica by reload', async () => {
  await Promise.all([streams(b), streams(c)]);
  await expect(b.client.promote()).rejects.toMatchObject({ code: 'WrongRole' });
  await a.client.stop({ mode: 'fast', timeoutMs: 20_000 });
  await b.client.setTerm(primaryTerm(2));
  expect(await b.client.promote()).toMatchObject({ state: 'running', role: 'primary', timeline: 2 });
  expect(await b.client.promote()).toMatchObject({ role: 'primary', timeline: 2 });
  await b.client.writeCanary('two');
  const pid = await c.enginePid();
  await c.client.setTerm(replicaTerm(b, c, 2));
  await seesCanary(c, 'two');
  expect(await c.enginePid()).toBe(pid);
  await a.client.setTerm(replicaTerm(b, a, 2));
  expect(await a.client.start()).toMatchObject({ state: 'running', role: 'replica' });
  await seesCanary(a, 'two');
  await streams(a, 2);
  await streams(c, 2);
});

test('what went past the fork is rewound: the old primary, and a replica that had followed it', async () => {
  // pg_rewind takes a replica's timeline from its last restart point: a younger line could only be copied anew.
  await waitFor(
    'a restart point on the new line',
    async () => {
      const { timeline } = await a.client.stop({ mode: 'fast', timeoutMs: 20_000 });
      await a.client.start();
      return timeline === 2 ? true : undefined;
    },
    deadline,
  );
  await streams(a, 2);
  // A replica stops following as soon as its term makes it a primary; the old primary writes on for a moment.
  await c.client.setTerm(primaryTerm(3));
  await b.client.writeCanary('lost');
  await seesCanary(a, 'lost');
  await b.client.stop({ mode: 'immediate', timeoutMs: 5_000 });
  expect(await c.client.promote()).toMatchObject({ role: 'primary', timeline: 3 });
  expect((await c.client.readCanary()).token).toBe('two');
  await c.client.writeCanary('three');
  await expect(c.client.rewind('r0')).rejects.toMatchObject({ code: 'WrongRole' });
  for (const pod of [a, b]) {
    await pod.client.setTerm(replicaTerm(c, pod, 3));
    if (pod === a) {
      await expect(a.client.rewind('r1')).rejects.toMatchObject({ code: 'EngineRunning' });
      await a.client.stop({ mode: 'fast', timeoutMs: 20_000 });
    }
    await finished(pod, await pod.client.rewind('r1'));
    expect(await pod.client.start()).toMatchObject({ state: 'running', role: 'replica' });
    await seesCanary(pod, 'three');
    await streams(pod, 3);
  }
});

test('a folder whose rewind failed is never started; a base backup takes its place', async () => {
  await a.client.stop({ mode: 'fast', timeoutMs: 20_000 });
  await rename(join(a.dataDir, 'global/pg_control'), join(a.dataDir, 'global/pg_control.away'));
  await expect(finished(a, await a.client.rewind('r2'))).rejects.toThrow(/^RewindFailed: pg_rewind/);
  await expect(a.client.start()).rejects.toMatchObject({ code: 'DataFolderUnfinished' });
  await finished(a, await a.client.bootstrap('again', cloneRequest(c, a, slots('2', '3'), 3)));
  await streams(a, 3);
  await seesCanary(a, 'three');
});
