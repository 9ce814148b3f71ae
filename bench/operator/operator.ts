/**
 * The operator with many clusters. Four processes, each a bundle: our API server with a durable store, the operator as it
 * is shipped, one that plays nodes and agents (over HTTPS, with the certificates of each cluster), and this one, which asks
 * and measures. How long from a change of a spec to the operation that it becomes and to the first call to an agent; the same
 * while other clusters' agents accept and never answer, each with a change of its own under way; what the operator costs
 * when nothing changes; and how fast a new one knows all clusters.
 *
 * Usage: tsx bench/operator/operator.ts [--clusters 1000] [--changes 300] [--stuck 100] [--per-second 10]
 * [--rest 60] [--node '<flags of the operator's Node>'] [--profile <folder>]
 */
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { GROUP, type MPDCluster, MPDClusters, MPDOperations, VERSION } from '@polarstack/api';
import { conditionOf } from '@polarstack/domain';
import { createInformer, createKubeClient } from '@polarstack/kube';
import { createIdentity } from '@polarstack/testkit/kube-servers';
import { memoryOf } from '../lib/memory.ts';
import { percentile } from '../lib/percentile.ts';
import { report } from '../lib/report.ts';
import { installCatalog } from './catalog.ts';
import type { FleetOrder, FleetWord } from './fleet-words.ts';
import { now } from './now.ts';
import { answerOf, cpuOf, createProcesses, writeKubeconfig } from './processes.ts';

const { values: given } = parseArgs({
  options: {
    clusters: { type: 'string', default: '1000' },
    changes: { type: 'string', default: '300' },
    stuck: { type: 'string', default: '100' },
    'per-second': { type: 'string', default: '10' },
    rest: { type: 'string', default: '60' },
    node: { type: 'string', default: '--max-semi-space-size=4 --max-old-space-size=512' },
    profile: { type: 'string' },
  },
});
const [clusters, stuck, perSecond] = [Number(given.clusters), Number(given.stuck), Number(given['per-second'])];
/** Each cluster once: the same value again is no change. */
const changes = Math.min(Number(given.changes), clusters - stuck);
/** How long the operator is left alone to see what it does then, in seconds. */
const REST_SECONDS = Number(given.rest);
/** How many clusters are asked for before the first of them has to be ready. */
const MAKING_AT_ONCE = 50;

const stop = new AbortController();
const { signal } = stop;
const folder = await mkdtemp(join(tmpdir(), 'polarstack-bench-'));
const tell = (what: string): void => void process.stderr.write(`  ${new Date().toISOString().slice(11, 19)} ${what}\n`);
const name = (i: number): string => `c${i}`;
const loadBefore = loadavg()[0] ?? 0;

const identity = await createIdentity();
await writeFile(join(folder, 'ca.crt'), identity.caPem);
await writeFile(join(folder, 'server.crt'), identity.serving.certPem);
await writeFile(join(folder, 'server.key'), identity.serving.keyPem, { mode: 0o600 });
const processes = await createProcesses(folder);

try {
  const api = processes.start('api', [folder]);
  const port = await answerOf(api, (message) => (message as { readonly port?: number }).port);
  const server = `https://127.0.0.1:${port}`;
  const client = createKubeClient({ server, caPem: identity.caPem, ...identity.admin });
  await installCatalog(client, signal);

  const fleet = processes.start('fleet', [await writeKubeconfig(folder, server, identity, 'fleet')]);
  const order = (what: FleetOrder): void => void fleet.send(what);
  const word = async <T extends FleetWord['type']>(type: T): Promise<Extract<FleetWord, { type: T }>> =>
    await answerOf(fleet, (message) => {
      const said = message as FleetWord;
      return said.type === type ? (said as Extract<FleetWord, { type: T }>) : undefined;
    });
  await word('running');

  const env = {
    KUBECONFIG: await writeKubeconfig(folder, server, identity, 'operator'),
    POLARSTACK_LEASE_SECONDS: '0',
    POLARSTACK_LOG_LEVEL: 'error',
  };
  const profiling = given.profile
    ? ['--cpu-prof', '--cpu-prof-dir', given.profile, '--heapsnapshot-signal', 'SIGUSR2']
    : [];
  const flags = [...given.node.split(' ').filter(Boolean), ...profiling];
  const startOperator = () => processes.start('operator', [], env, flags);
  let operator = startOperator();
  const requests = async (): Promise<ReadonlyMap<string, number>> => {
    const counted = answerOf(api, (message) => (message as { readonly requests?: Record<string, number> }).requests);
    api.send('count');
    const own = Object.entries(await counted).filter(([key]) => key.startsWith('operator '));
    return new Map(own.map(([key, count]) => [key.slice('operator '.length), count]));
  };
  const agentCalls = async (): Promise<number> => {
    const counted = word('counted');
    order({ type: 'count' });
    return (await counted).calls;
  };

  const seen = createInformer({ client, resource: MPDClusters });
  const operations = createInformer({ client, resource: MPDOperations });
  void Promise.all([seen.start(signal), operations.start(signal)]).catch(() => undefined);
  await Promise.all([seen.synced, operations.synced]);

  const ready = new Set<string>();
  seen.onChange(({ object: { metadata, status } }) => {
    const isReady = conditionOf(status?.conditions, 'Ready')?.status === 'True';
    if (isReady) ready.add(metadata.name ?? '');
  });
  const began = now();
  let progressAt = now();
  for (let asked = 0, before = 0; ready.size < clusters; ) {
    while (asked < clusters && asked - ready.size < MAKING_AT_ONCE)
      await client.create(MPDClusters, newCluster(asked++));
    if (ready.size > before) progressAt = now();
    if (Math.floor(ready.size / 100) > Math.floor(before / 100)) tell(`${ready.size} clusters are ready`);
    before = ready.size;
    if (now() - progressAt > 60_000) throw new Error(`no progress: ${JSON.stringify(operations.list()[0]?.status)}`);
    await pause(20);
  }
  const madeMs = now() - began;
  const madeRequests = sum([...(await requests()).values()]);
  tell(`requests while they were made: ${JSON.stringify(Object.fromEntries(await requests()))}`);

  const asked = new Map<string, number>();
  let requested: number[] = [];
  let acted: number[] = [];
  operations.onChange(({ type, object: { spec } }) => {
    const since = asked.get(spec.cluster);
    if (type === 'ADDED' && spec.type === 'FlushParams' && since) requested.push(now() - since);
  });
  fleet.on('message', (said: FleetWord) => {
    if (said.type !== 'checked') return;
    const since = asked.get(said.cluster);
    asked.delete(said.cluster);
    if (since) acted.push(said.at - since);
  });
  const change = async (what: string, value: string) => {
    [requested, acted] = [[], []];
    const cpu = cpuOf(operator.pid ?? 0);
    for (let i = 0; i < changes; i++) {
      asked.set(name(i), now());
      await setWorkMem(i, value);
      await pause(1_000 / perSecond);
    }
    for (let waited = 0; acted.length < changes && waited < 180; waited++) await pause(1_000);
    if (acted.length < changes) throw new Error(`only ${acted.length} of ${changes} changes were acted on: ${what}`);
    tell(
      `${what}: ${JSON.stringify([row('made', requested), row('acted', acted)].map(({ p50, p99, max }) => [p50, p99, max]))}`,
    );
    const cpuMs = Math.round(((cpuOf(operator.pid ?? 0) - cpu) * 1_000) / changes);
    return [
      { ...row(`${what}: operation made`, requested), unit: 'ms' },
      { ...row(`${what}: first call to an agent`, acted), unit: 'ms' },
      { what: `${what}: CPU of the operator in that time`, n: changes, value: cpuMs, unit: 'ms for each change' },
    ];
  };
  const setWorkMem = async (i: number, value: string): Promise<void> => {
    const body = { spec: { parameters: { work_mem: value } } };
    await client.patch(MPDClusters, { namespace: 'default', name: name(i) }, { type: 'merge', body });
  };

  const rest = async (what: string) => {
    await pause(10_000);
    const [cpu, calls, before] = [cpuOf(operator.pid ?? 0), await agentCalls(), await requests()];
    await pause(REST_SECONDS * 1_000);
    const after = await requests();
    const kinds = [...after].map(([kind, n]) => [kind, n - (before.get(kind) ?? 0)] as const).filter(([, n]) => n > 0);
    if (kinds.length > 0) tell(`requests at rest: ${JSON.stringify(Object.fromEntries(kinds))}`);
    const perSecond = (n: number): number => Math.round((n / REST_SECONDS) * 100) / 100;
    return [
      { what: `${what}: CPU`, value: perSecond((cpuOf(operator.pid ?? 0) - cpu) * 100), unit: '% of a core' },
      { what: `${what}: API requests`, value: perSecond(sum(kinds.map(([, n]) => n))), unit: 'a second' },
      { what: `${what}: calls to agents`, value: perSecond((await agentCalls()) - calls), unit: 'a second' },
      { what: `${what}: memory (RSS)`, value: memoryOf([operator.pid ?? 0]), unit: 'MiB' },
    ];
  };

  tell(`${clusters} clusters are ready after ${Math.round(madeMs / 1_000)} s`);
  const atRest = await rest('nothing changes');
  const quiet = await change('a spec changed', '8MB');

  order({ type: 'stuck', clusters: Array.from({ length: stuck }, (_, i) => name(clusters - 1 - i)) });
  for (let i = 0; i < stuck; i++) await setWorkMem(clusters - 1 - i, '8MB');
  await pause(5_000);
  const disturbed = await change(`the same while ${stuck} other clusters are stuck`, '16MB');
  order({ type: 'stuck', clusters: [] });
  await pause(20_000);
  const again = await change('the same when they answer again', '24MB');
  const memory = memoryOf([operator.pid ?? 0]);
  if (given.profile) {
    operator.kill('SIGUSR2');
    await pause(20_000);
  }

  operator.kill('SIGTERM');
  await once(operator, 'exit');
  const before = sum([...(await requests()).values()]);
  order({ type: 'forget-calls' });
  const startedAt = now();
  const knows = word('all-called');
  operator = startOperator();
  const knowsMs = (await knows).at - startedAt;
  await pause(5_000);
  const startRequests = sum([...(await requests()).values()]) - before;
  const afterStart = await rest('after a restart, nothing changes');

  report('operator', [
    ...quiet,
    ...disturbed,
    ...again,
    ...atRest,
    { what: 'memory after all changes (RSS)', value: memory, unit: 'MiB' },
    { what: 'API requests to make a cluster', n: clusters, value: Math.round(madeRequests / clusters), unit: 'each' },
    { what: 'clusters made, each', n: clusters, value: Math.round(madeMs / clusters), unit: 'ms' },
    {
      what: 'a new operator: start until it has asked every agent',
      n: clusters,
      value: Math.round(knowsMs),
      unit: 'ms',
    },
    { what: 'a new operator: API requests until then', n: clusters, value: startRequests, unit: 'in all' },
    ...afterStart,
    { what: 'load average of the machine before', value: Math.round(loadBefore * 10) / 10 },
  ]);
  operator.kill('SIGTERM');
  await once(operator, 'exit');
} finally {
  stop.abort();
  processes.killAll();
  await rm(folder, { recursive: true, force: true, maxRetries: 5 });
}

function row(what: string, values: readonly number[]) {
  const at = (q: number): number => Math.round(percentile(values, q));
  return { what, n: values.length, p50: at(0.5), p99: at(0.99), max: at(1) };
}

function sum(values: readonly number[]): number {
  return values.reduce((total, each) => total + each, 0);
}

function newCluster(i: number): MPDCluster {
  return {
    apiVersion: `${GROUP}/${VERSION}`,
    kind: 'MPDCluster',
    metadata: { name: name(i), namespace: 'default' },
    spec: {
      operatorName: 'polar-mpd',
      dbClusterType: 'local',
      followerNum: 0,
      classInfo: { className: 'local.small' },
      engine: { type: 'postgres' },
      deletionProtection: false,
    },
  };
}
