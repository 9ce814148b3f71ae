import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { MPDClusters, MPDOperations, names } from '@polarstack/api';
import { waitFor } from '@polarstack/base';
import { conditionOf, recordedMembership, secretValue } from '@polarstack/domain';
import {
  ConfigMaps,
  EndpointSlices,
  PersistentVolumeClaims,
  PersistentVolumes,
  Pods,
  Secrets,
  Services,
} from '@polarstack/kube';
import pg from 'pg';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createStack, type Stack } from './harness.ts';

let stack: Stack;
const never = new AbortController().signal;
const eventually = async <T>(what: string, check: () => Promise<T | undefined>): Promise<T> =>
  await waitFor(what, check, { signal: never, timeoutMs: 60_000, intervalMs: 20 });

beforeAll(async () => {
  stack = await createStack();
  await stack.startOperator();
  await stack.startClusterManager();
  await stack.create('demo');
  await stack.create('other', { followerNum: 0, initdb: { database: 'shop', owner: 'keeper' } as never });
  await Promise.all([stack.until('demo', 'Ready'), stack.until('other', 'Ready')]);
});
afterAll(async () => await stack.dispose());

const secret = async (name: string, key: string): Promise<string> => {
  const value = secretValue(await stack.client.get(Secrets, { namespace: 'default', name }), key);
  if (value === undefined) throw new Error(`Secret ${name} has no ${key}`);
  return value;
};

/** Runs SQL on an instance as the application does: by address, with the certificate checked in full. */
async function sql(cluster: string, pod: string, text: string, user?: { name: string; password: string }) {
  const found = await stack.client.get(Pods, { namespace: 'default', name: pod });
  const ca = (await stack.client.get(ConfigMaps, { namespace: 'default', name: names.ca(cluster) })).data?.['ca.crt'];
  const client = new pg.Client({
    host: found.status?.podIP,
    port: 5432,
    user: user?.name ?? (await secret(`${cluster}-app`, 'username')),
    password: user?.password ?? (await secret(`${cluster}-app`, 'password')),
    database: await secret(`${cluster}-app`, 'dbname'),
    ssl: { ca, rejectUnauthorized: true },
  });
  await client.connect();
  try {
    return await client.query(text);
  } finally {
    await client.end();
  }
}

const membersOf = async (cluster: string) => {
  const found = await stack.client.get(MPDClusters, { namespace: 'default', name: cluster });
  return recordedMembership(found)?.members ?? [];
};

test('the application writes on the RW, reads on each RO, and cannot write there', async () => {
  const [primary, ...replicas] = await membersOf('demo');
  expect(replicas).toHaveLength(2);
  // The certificates learn the addresses of the pods once these are known.
  await eventually('the certificate to name the pod', () =>
    sql('demo', primary?.pod ?? '', 'select 1').catch(() => undefined),
  );
  await sql('demo', primary?.pod ?? '', 'create table t (x int); insert into t values (42)');
  for (const { pod } of replicas) {
    const rows = await eventually(`the row on ${pod}`, async () => {
      const result = await sql('demo', pod, 'select x from t').catch(() => undefined);
      return result?.rows.length === 1 ? result.rows : undefined;
    });
    expect(rows).toEqual([{ x: 42 }]);
    await expect(sql('demo', pod, 'insert into t values (1)')).rejects.toMatchObject({ code: '25006' });
  }
});

test('accounts: the application owns its database, aurora is a superuser, the replicator only replicates', async () => {
  const [only] = await membersOf('other');
  const status = (await stack.client.get(MPDClusters, { namespace: 'default', name: 'other' })).status;
  const password = await secret(names.account('other', status?.logicId ?? '', 'aurora'), 'Password');
  const result = await eventually('the certificate to name the pod', () =>
    sql('other', only?.pod ?? '', roles, { name: 'aurora', password }).catch(() => undefined),
  );
  expect(result.rows).toEqual([
    { rolname: 'aurora', rolsuper: true, rolreplication: false },
    { rolname: 'keeper', rolsuper: false, rolreplication: false },
    { rolname: 'replicator', rolsuper: false, rolreplication: true },
  ]);
  const owner = await sql(
    'other',
    only?.pod ?? '',
    `select datdba::regrole::text as owner from pg_database where datname = 'shop'`,
  );
  expect(owner.rows).toEqual([{ owner: 'keeper' }]);
});
const roles = `select rolname, rolsuper, rolreplication from pg_roles
  where rolname in ('aurora', 'keeper', 'replicator') order by 1`;

test('the parameters of class and user reach the engine', async () => {
  await stack.create('tuned', { followerNum: 0, parameters: { work_mem: '7MB', log_min_duration_statement: '5s' } });
  await stack.until('tuned', 'Ready');
  const [only] = await membersOf('tuned');
  const show = `select name, current_setting(name) as value from pg_settings
    where name in ('work_mem', 'log_min_duration_statement', 'shared_buffers') order by 1`;
  const result = await eventually('a connection', () => sql('tuned', only?.pod ?? '', show).catch(() => undefined));
  expect(result.rows).toEqual([
    { name: 'log_min_duration_statement', value: '5s' },
    { name: 'shared_buffers', value: '32MB' },
    { name: 'work_mem', value: '7MB' },
  ]);
});

test('a change of what a living cluster was made with is refused and changes nothing, and taken back it is fine', async () => {
  const key = { namespace: 'default', name: 'tuned' };
  const { client } = stack;
  const change = async (spec: object) => await client.patch(MPDClusters, key, { type: 'merge', body: { spec } });
  const judged = async (generation: number | undefined) =>
    await eventually('the verdict', async () => {
      const { status } = await client.get(MPDClusters, key);
      const accepted = conditionOf(status?.conditions, 'Accepted');
      return accepted && accepted.observedGeneration === generation ? accepted : undefined;
    });
  const recorded = (await client.get(MPDClusters, key)).status?.appliedSpec;
  const before = { work_mem: '7MB', log_min_duration_statement: '5s' };
  for (const [spec, back, field] of [
    [{ durability: { minSync: 0 } }, { durability: null }, 'spec.durability.minSync'],
    [{ netCfg: { engineStartPort: 5600 } }, { netCfg: null }, 'spec.netCfg.engineStartPort'],
  ] as const) {
    const refused = await judged((await change(spec)).metadata.generation);
    expect(refused).toMatchObject({ status: 'False', reason: 'NotSupportedYet' });
    expect(refused.message).toContain(field);
    expect(await judged((await change(back)).metadata.generation)).toMatchObject({ status: 'True' });
  }
  const { status } = await client.get(MPDClusters, key);
  expect(status?.appliedSpec).toEqual(recorded);
  expect(recorded?.parameters).toEqual(before);
});

test('a deleted pod comes back on its node with its data, and the replicas follow it', async () => {
  const [primary, ...replicas] = await membersOf('demo');
  const key = { namespace: 'default', name: primary?.pod ?? '' };
  const before = await stack.client.get(Pods, key);
  await stack.client.delete(Pods, key);
  await eventually('another pod', async () => {
    const pod = await stack.client.find(Pods, key);
    return pod && pod.metadata?.uid !== before.metadata?.uid && pod.status?.podIP ? pod : undefined;
  });
  await stack.until('demo', 'Ready');
  expect((await stack.client.get(Pods, key)).spec?.nodeName).toBe(before.spec?.nodeName);
  await eventually('a write', () => sql('demo', key.name, 'insert into t values (43)').catch(() => undefined));
  for (const { pod } of replicas) {
    await eventually(`the row on ${pod}`, async () => {
      const result = await sql('demo', pod, 'select x from t where x = 43').catch(() => undefined);
      return result?.rows.length ? true : undefined;
    });
  }
});

test('mode manual: a killed postmaster is started again in its role, without a failover', async () => {
  const key = { namespace: 'default', name: 'demo' };
  await stack.client.patch(MPDClusters, key, { type: 'merge', body: { spec: { ha: { mode: 'manual' } } } });
  await eventually('the record to say so', async () => {
    const record = await stack.client.get(ConfigMaps, { namespace: 'default', name: names.haRecord('demo') });
    return record.data?.record?.includes('"mode":"manual"') || undefined;
  });
  const cluster = await stack.client.get(MPDClusters, key);
  const leader = cluster.status?.leaderInstanceId ?? '';
  const pid = cluster.status?.dbInstanceStatus?.[leader]?.engine?.pid ?? 0;
  expect(pid).toBeGreaterThan(1);
  process.kill(pid, 'SIGKILL');
  const after = await eventually('another postmaster', async () => {
    const found = await stack.client.get(MPDClusters, { namespace: 'default', name: 'demo' });
    const now = found.status?.dbInstanceStatus?.[leader]?.engine?.pid;
    return now && now !== pid ? found : undefined;
  });
  expect(after.status).toMatchObject({ leaderInstanceId: leader, epoch: 1 });
  await stack.until('demo', 'Ready');
});

test('a deletion leaves no object, process or folder of a cluster, and the others alone', async () => {
  const { client, home } = stack;
  for (const name of ['demo', 'tuned']) await client.delete(MPDClusters, { namespace: 'default', name });
  for (const name of ['demo', 'tuned']) await stack.untilGone(name);
  const kinds = [
    Pods,
    Services,
    Secrets,
    ConfigMaps,
    PersistentVolumeClaims,
    EndpointSlices,
    MPDOperations,
    MPDClusters,
  ];
  await eventually('everything to be gone', async () => {
    const left = await Promise.all(
      kinds.map(async (resource) => (await client.list(resource as typeof Pods, { namespace: 'default' })).items),
    );
    const foreign = left.flat().filter(({ metadata }) => !metadata?.name?.startsWith('other'));
    return foreign.length === 0 ? true : undefined;
  });
  await eventually('the volumes to be gone', async () =>
    (await client.list(PersistentVolumes)).items.length === 1 ? true : undefined,
  );
  const below = (what: string): readonly string[] =>
    ['node-1', 'node-2', 'node-3'].flatMap((node) => {
      try {
        return readdirSync(join(home, 'nodes', node, what));
      } catch {
        return [];
      }
    });
  await eventually('the folders to be gone', async () =>
    below('pods').length === 1 && below('volumes').length === 1 ? true : undefined,
  );
  await stack.until('other', 'Ready');
  await client.delete(MPDClusters, { namespace: 'default', name: 'other' });
  await stack.untilGone('other');
  await eventually('the processes to be gone', async () => (stack.processes().length === 0 ? true : undefined));
});
