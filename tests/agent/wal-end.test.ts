/**
 * The end of WAL in a fence's evidence: a replica that has reached it has every acknowledged row, and the folder itself has them in
 * place, however the engine came to its end.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { join } from 'node:path';
import { waitFor } from '@polarstack/base';
import { type FenceEvidence, slotName } from '@polarstack/contracts';
import pg from 'pg';
import { afterAll, afterEach, expect } from 'vitest';
import {
  bootstrapPrimary,
  bootstrapReplica,
  cloneRequest,
  createTestCluster,
  HOST,
  initdbRequest,
  newestServer,
  PASSWORD,
  primaryTerm,
  replicaTerm,
  signal,
  type TestPod,
  test,
} from './harness.ts';

const cluster = await createTestCluster();
afterAll(async () => await cluster.close());
const deadline = { signal, timeoutMs: 60_000, intervalMs: 10 };
const [a, b, c] = [await cluster.pod('1'), await cluster.pod('2'), await cluster.pod('3')];
afterEach(({ task }) => {
  if (task.result?.state === 'fail')
    for (const pod of [a, b, c]) console.log(`--- ${pod.name}\n${pod.output().slice(-4_000)}`);
});

/** Living processes that work in a pod's data folder. */
function processesOf(pod: TestPod): readonly number[] {
  return readdirSync('/proc').flatMap((name) => {
    try {
      const isDead = / Z /.test(readFileSync(`/proc/${name}/stat`, 'latin1').replace(/\(.*\)/, '-'));
      return /^\d+$/.test(name) && readlinkSync(`/proc/${name}/cwd`) === pod.dataDir && !isDead ? [Number(name)] : [];
    } catch {
      return [];
    }
  });
}

async function connect(pod: TestPod): Promise<pg.Client> {
  const login = { user: 'app', password: PASSWORD, database: 'app' };
  const client = new pg.Client({ host: HOST, port: pod.enginePort, ...login, ssl: { rejectUnauthorized: false } });
  client.on('error', () => {});
  await client.connect();
  return client;
}

async function query<Row extends object>(pod: TestPod, sql: string): Promise<readonly Row[]> {
  const client = await connect(pod);
  try {
    return (await client.query<Row>(sql)).rows;
  } finally {
    await client.end();
  }
}

const bytes = (lsn: string): bigint => lsn.split('/').reduce((high, low) => (high << 32n) | BigInt(`0x${low}`), 0n);

/** The larger of what a replica has received and replayed. */
async function position(pod: TestPod): Promise<bigint> {
  const { receivedLsn = '0/0', lsn = '0/0' } = (await pod.client.status()).engine;
  const [received, replayed] = [bytes(receivedLsn), bytes(lsn)];
  if (received < replayed) return replayed;
  return received;
}

/** The epoch for which the first pod was fenced at last. */
let fencedFor = 0;
const acknowledged = new Set<number>();
let next = 0;

/** Commits rows, small and large, until the connection breaks: records of a few bytes and of several pages. */
async function write(): Promise<void> {
  const client = await connect(a);
  try {
    for (;;) {
      const id = next++;
      await client.query('insert into written values ($1, $2)', [id, 'x'.repeat(id % 13 === 0 ? 30_000 : id % 200)]);
      acknowledged.add(id);
    }
  } catch {
    // The engine's end: whether the last row is there is unknown.
  }
}

async function missingOn(pod: TestPod): Promise<readonly number[]> {
  const rows = await query<{ id: number }>(pod, 'select id from written');
  const there = new Set(rows.map(({ id }) => id));
  return [...acknowledged].filter((id) => !there.has(id));
}

const SEGMENT = 16 * 1024 * 1024;
const PAGE = 8192;

/** What the engine's own tool says of the last record: behind which byte it ends. */
function endByTool(folder: string, end: string): string {
  const at = Number(bytes(end)) - 1;
  const name = (position: number): string => {
    const number = Math.floor(position / SEGMENT);
    return `00000001${[Math.floor(number / 256), number % 256].map((n) => n.toString(16).toUpperCase().padStart(8, '0')).join('')}`;
  };
  const before = join(folder, name(at - SEGMENT / 8));
  const first = existsSync(before) ? before : join(folder, name(at));
  const tool = join(newestServer(), 'pg_waldump');
  const { stdout, stderr } = spawnSync(tool, [first, join(folder, name(at))], {
    encoding: 'utf8',
    maxBuffer: 2 ** 28,
  });
  const last = stdout.trim().split('\n').at(-1) ?? '';
  const [, total, lsn] = /len \(rec\/tot\):\s*\d+\/\s*(\d+),.* lsn: ([0-9A-F]+\/[0-9A-F]+), prev/.exec(last) ?? [];
  if (total === undefined || lsn === undefined) throw new Error(`pg_waldump: ${stderr}`);
  let position = Number(bytes(lsn));
  for (let left = Number(total); left > 0; ) {
    if (position % PAGE === 0) position += position % SEGMENT === 0 ? 40 : 24;
    const taken = Math.min(PAGE - (position % PAGE), left);
    position += taken;
    left -= taken;
  }
  const aligned = Math.ceil(position / 8) * 8;
  return `${Math.floor(aligned / 2 ** 32).toString(16)}/${(aligned % 2 ** 32).toString(16)}`.toUpperCase();
}

/** The engine under load meets its end and is fenced; answers the evidence, checked against the engine's own tool. */
async function endUnderLoad(epoch: number, injure: () => Promise<void>): Promise<FenceEvidence & { walEnd: string }> {
  const before = acknowledged.size;
  const writers = [write(), write(), write(), write()];
  const enough = async (count: number) =>
    await waitFor('rows', async () => (acknowledged.size > count ? true : undefined), deadline);
  await enough(before + 100);
  await injure();
  const evidence = await a.client.fence({ epoch, mode: 'immediate', timeoutMs: 300 });
  expect(processesOf(a)).toEqual([]);
  await Promise.all(writers);
  const { walEnd } = evidence;
  if (walEnd === undefined) throw new Error(`no end of WAL: ${a.output().slice(-2_000)}`);
  expect(evidence).toMatchObject({ cleanStop: false, timeline: 1 });
  expect(walEnd).toBe(endByTool(join(a.dataDir, 'pg_wal'), walEnd));
  return { ...evidence, walEnd };
}

/** What the rule says, and where it says that a replica has everything: that it does. */
async function hasEverything(pod: TestPod, { walEnd }: { readonly walEnd: string }): Promise<boolean> {
  if ((await position(pod)) < bytes(walEnd)) return false;
  await waitFor(
    'the replay',
    async () => (bytes((await pod.client.status()).engine.lsn ?? '0/0') >= bytes(walEnd) ? true : undefined),
    deadline,
  );
  expect(await missingOn(pod)).toEqual([]);
  return true;
}

/** The old primary goes on in a new epoch, as its owner would have it. */
async function goOnInPlace(epoch: number): Promise<void> {
  await a.client.setTerm(primaryTerm(epoch));
  await expect(a.client.promote({ epoch })).rejects.toMatchObject({ code: 'EngineNotRunning' });
  expect(await a.client.start()).toMatchObject({ state: 'running', role: 'primary', timeline: 1 });
  await a.client.writeCanary(`epoch ${epoch}`);
  expect(await missingOn(a)).toEqual([]);
  await waitFor(
    'the replicas',
    async () => {
      const { peers = [] } = (await a.client.status()).engine;
      return peers.filter(({ state }) => state === 'streaming').length === 2 ? true : undefined;
    },
    deadline,
  );
}

const allStopped = (pids: readonly number[]): boolean =>
  pids.every((pid) => /^State:\s+T/m.test(readFileSync(`/proc/${pid}/status`, 'latin1')));

test('a primary with two replicas', async () => {
  await bootstrapPrimary(a, initdbRequest([slotName('2'), slotName('3')]));
  await Promise.all([b, c].map(async (pod) => await bootstrapReplica(pod, a, cloneRequest(a, pod))));
  await query(
    a,
    'create table written (id int primary key, pad text); alter table written alter pad set storage external',
  );
});

test('a postmaster killed, a replica cut off before: the rule says so, and in place nothing is missing', async () => {
  const receiver = processesOf(b).find((pid) => /walreceiver/.test(readFileSync(`/proc/${pid}/cmdline`, 'latin1')));
  if (receiver === undefined) throw new Error('there is no walreceiver');
  const evidence = await endUnderLoad(2, async () => {
    process.kill(receiver, 'SIGSTOP');
    await waitFor('it to stand', async () => (allStopped([receiver]) ? true : undefined), deadline);
    const seen = acknowledged.size;
    await waitFor('more rows', async () => (acknowledged.size > seen + 100 ? true : undefined), deadline);
    process.kill(await a.enginePid(), 'SIGKILL');
  });
  expect(await hasEverything(b, evidence)).toBe(false);
  expect((await missingOn(b)).length).toBeGreaterThan(0);
  await hasEverything(c, evidence);
  process.kill(receiver, 'SIGCONT');
  await goOnInPlace(2);
});

test('a postmaster that hangs, backends busy: all of them are dead', async () => {
  const evidence = await endUnderLoad(3, async () => {
    const [sleeping, computing] = [await connect(a), await connect(a)];
    sleeping.query('select pg_sleep(600)').catch(() => {});
    computing.query('do $$ begin loop end loop; end $$').catch(() => {});
    process.kill(await a.enginePid(), 'SIGSTOP');
  });
  for (const pod of [b, c]) await hasEverything(pod, evidence);
  await goOnInPlace(3);
});

test('every process of the engine hangs: all of them are dead', async () => {
  const evidence = await endUnderLoad(4, async () => {
    for (const pid of processesOf(a)) process.kill(pid, 'SIGSTOP');
  });
  for (const pod of [b, c]) await hasEverything(pod, evidence);
  await goOnInPlace(4);
});

test('a replica that has everything by the rule is promoted, and has it', async () => {
  let epoch = 4;
  let flushed = 0n;
  let has = false;
  // The engine may write something of its own between the last look and its end: then once more.
  for (let round = 0; !has && round < 5; round++) {
    if (round > 0) await goOnInPlace(epoch);
    const id = next++;
    const client = await connect(a);
    await client.query('insert into written values ($1)', [id]);
    acknowledged.add(id);
    const [row] = (await client.query<{ lsn: string }>('select pg_current_wal_flush_lsn()::text as lsn')).rows;
    flushed = bytes(row?.lsn ?? '0/0');
    await waitFor('the last row', async () => ((await position(b)) >= flushed ? true : undefined), deadline);
    process.kill(await a.enginePid(), 'SIGKILL');
    const { walEnd = '' } = await a.client.fence({ epoch: ++epoch, mode: 'immediate', timeoutMs: 300 });
    expect(bytes(walEnd)).toBeGreaterThanOrEqual(flushed);
    has = await hasEverything(b, { walEnd });
  }
  expect(has).toBe(true);
  fencedFor = epoch;
  await b.client.setTerm(primaryTerm(epoch));
  expect(await b.client.promote({ epoch })).toMatchObject({ role: 'primary', timeline: 2 });
  expect(await missingOn(b)).toEqual([]);
  // Between the promotion and its checkpoint the evidence already names the new timeline.
  await b.client.writeCanary('first');
  const second = await b.client.fence({ epoch: epoch + 1, mode: 'immediate', timeoutMs: 300 });
  expect(second).toMatchObject({ timeline: 2, cleanStop: false, walEnd: expect.any(String) });
  expect(bytes(second.walEnd ?? '0/0')).toBeGreaterThan(flushed);
});

test('a fence repeated, overtaken, or cut short by the death of the agent is safe at every point', async () => {
  const kill = async (): Promise<void> => {
    a.agent?.kill('SIGKILL');
    await waitFor('the agent to die', async () => (a.agent === undefined ? true : undefined), deadline);
    await a.start();
  };
  const down = async (): Promise<void> => {
    await waitFor(
      'the end',
      async () => ((await a.client.status()).engine.state === 'stopped' ? true : undefined),
      deadline,
    );
    expect(processesOf(a)).toEqual([]);
  };
  const fence = async (epoch: number): Promise<FenceEvidence> =>
    await a.client.fence({ epoch, mode: 'immediate', timeoutMs: 300 });
  const epoch = fencedFor;
  const first = await fence(epoch);
  await kill();
  await down();
  expect(await fence(epoch)).toMatchObject({ walEnd: first.walEnd, epoch });
  await expect(fence(epoch - 1)).rejects.toMatchObject({ code: 'StaleEpoch' });
  await expect(a.client.start()).rejects.toMatchObject({ code: 'StaleEpoch' });
  await a.client.setTerm(primaryTerm(epoch + 2));
  await kill();
  // The new term alone starts nothing: it was stopped by request.
  await down();
  await a.client.start();
  await kill();
  expect((await a.client.status()).engine).toMatchObject({ role: 'primary' });
  await expect(fence(epoch + 2)).rejects.toMatchObject({ code: 'StaleEpoch' });
  expect(await missingOn(a)).toEqual([]);
  // The agent dies in the midst of a fence: what it had begun, the next one ends.
  const cut = fence(epoch + 3).catch(() => undefined);
  await waitFor(
    'the refusal',
    async () => ((await a.client.status()).fence === epoch + 3 ? true : undefined),
    deadline,
  );
  await kill();
  await cut;
  await down();
  expect(await fence(epoch + 3)).toMatchObject({ epoch: epoch + 3, walEnd: expect.any(String) });
  await a.client.setTerm(replicaTerm(b, a, epoch + 4));
});
