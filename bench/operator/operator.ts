/**
 * The operator with many clusters: our API server in a process of its own with a durable store, simulated nodes and agents
 * beside the operator. How long from a change of a spec to the operation that it becomes, and to the first call to an
 * agent; the same while some clusters' agents do not answer; and what the operator's process has in memory.
 *
 * Usage: tsx bench/operator/operator.ts [clusters, default 1000] [changes, default 300]
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as pause } from 'node:timers/promises';
import {
  buildCrds,
  GROUP,
  type MPDCluster,
  MPDClusters,
  MPDOperations,
  SYSTEM_NAMESPACE,
  VERSION,
} from '@polarstack/api';
import { createLogger } from '@polarstack/base';
import { conditionOf, loadCatalog } from '@polarstack/domain';
import { ConfigMaps, createInformer, createKubeClient, Namespaces, Nodes, StorageClasses } from '@polarstack/kube';
import { createIdentity } from '@polarstack/testkit/kube-servers';
import { applyManifests } from '../../apps/local/src/control/manifests.ts';
import { startOperator } from '../../apps/operator/src/start-operator.ts';
import { memoryOf } from '../lib/memory.ts';
import { percentile } from '../lib/percentile.ts';
import { report } from '../lib/report.ts';
import { createWorld } from './world.ts';

const clusters = Number(process.argv[2] ?? 1_000);
const STUCK = 10;
/** Each cluster once: the same value again is no change. */
const changes = Math.min(Number(process.argv[3] ?? 300), clusters - STUCK);
/** Changes are asked for this many in a second, as people and programs would: not all at once. */
const PER_SECOND = 10;

const stop = new AbortController();
const { signal } = stop;
const root = join(import.meta.dirname, '..', '..');
const folder = await mkdtemp(join(tmpdir(), 'polarstack-bench-'));
const tell = (what: string): void => void process.stderr.write(`  ${new Date().toISOString().slice(11, 19)} ${what}\n`);

const identity = await createIdentity();
await writeFile(join(folder, 'ca.crt'), identity.caPem);
await writeFile(join(folder, 'server.crt'), identity.serving.certPem);
await writeFile(join(folder, 'server.key'), identity.serving.keyPem, { mode: 0o600 });
const api = spawn(process.execPath, ['--import', 'tsx', join(import.meta.dirname, 'api-child.ts'), folder], {
  stdio: ['ignore', 'pipe', 'inherit'],
  cwd: root,
});

try {
  const [port] = (await once(createInterface({ input: api.stdout }), 'line')) as [string];
  const connection = { server: `https://127.0.0.1:${port}`, caPem: identity.caPem, ...identity.admin };
  const client = createKubeClient(connection);
  tell('the API server listens');
  await prepare();
  tell('catalog and nodes are there');

  const world = createWorld(client);
  await world.start(signal);
  tell('the simulated nodes run');
  const logger = createLogger({ component: 'operator', level: 'error' });
  const began = performance.now();
  const operator = await startOperator({ client: createKubeClient(connection), agents: world.agents, logger, signal });

  tell('the operator runs');
  const seen = createInformer({ client, resource: MPDClusters });
  const operations = createInformer({ client, resource: MPDOperations });
  void Promise.all([seen.start(signal), operations.start(signal)]).catch(() => undefined);
  await Promise.all([seen.synced, operations.synced]);
  const name = (i: number): string => `c${i}`;
  for (let i = 0; i < clusters; i++) {
    await client.create(MPDClusters, newCluster(name(i)));
  }
  tell(`${clusters} clusters asked for`);
  const isReady = ({ status }: MPDCluster): boolean => conditionOf(status?.conditions, 'Ready')?.status === 'True';
  let since = performance.now();
  for (let ready = -1; ready < clusters; ) {
    await pause(1_000);
    const now = seen.list().filter(isReady).length;
    if (now >> 6 !== ready >> 6) tell(`${now} ready`);
    if (now > ready) since = performance.now();
    ready = Math.max(ready, now);
    if (performance.now() - since > 60_000)
      throw new Error(`no progress: ${JSON.stringify(operations.list()[0]?.status)}`);
  }
  const madeMs = performance.now() - began;

  const asked = new Map<string, number>();
  const requested: number[] = [];
  const acted: number[] = [];
  operations.onChange(({ type, object: { spec } }) => {
    const since = asked.get(spec.cluster);
    if (type === 'ADDED' && spec.type === 'FlushParams' && since) requested.push(performance.now() - since);
  });
  world.onCheckConfig = (cluster) => {
    const since = asked.get(cluster);
    asked.delete(cluster);
    if (since) acted.push(performance.now() - since);
  };
  const change = async (from: number, value: string) => {
    requested.length = 0;
    acted.length = 0;
    for (let i = 0; i < changes; i++) {
      const cluster = name(from + (i % (clusters - from)));
      asked.set(cluster, performance.now());
      const body = { spec: { parameters: { work_mem: value } } };
      await client.patch(MPDClusters, { namespace: 'default', name: cluster }, { type: 'merge', body });
      await pause(1_000 / PER_SECOND);
    }
    for (let waited = 0; acted.length < changes && waited < 120; waited++) await pause(1_000);
    if (acted.length < changes) tell(`only ${acted.length} of ${changes} changes were acted on`);
    return { requested: [...requested], acted: [...acted] };
  };
  await pause(10_000);
  const cpuBefore = process.cpuUsage();
  await pause(10_000);
  const { user, system } = process.cpuUsage(cpuBefore);
  tell('changes');
  const quiet = await change(0, '8MB');
  for (let i = 0; i < STUCK; i++) world.stuck.add(name(i));
  await pause(10_000);
  tell(`changes while ${STUCK} clusters are stuck`);
  const disturbed = await change(STUCK, '16MB');

  const ms = (values: readonly number[], q: number): number => Math.round(percentile(values, q));
  const row = (what: string, values: readonly number[]) => ({
    what,
    n: values.length,
    p50: ms(values, 0.5),
    p99: ms(values, 0.99),
    unit: 'ms',
  });
  report('operator', [
    row('spec changed to operation made', quiet.requested),
    row('spec changed to first call to an agent', quiet.acted),
    row(`same, ${STUCK} other clusters stuck: operation made`, disturbed.requested),
    row(`same, ${STUCK} other clusters stuck: first call`, disturbed.acted),
    { what: 'clusters', n: clusters, p50: Math.round(madeMs / clusters), unit: 'ms each to make' },
    { what: 'CPU when nothing changes', n: clusters, p50: Math.round((user + system) / 100_000), unit: '% of a core' },
    { what: 'memory of the operator and what is simulated', n: clusters, p50: memoryOf([process.pid]), unit: 'MiB' },
  ]);
  await operator.close();

  async function prepare(): Promise<void> {
    for (const space of ['default', SYSTEM_NAMESPACE]) {
      await client.create(Namespaces, { metadata: { name: space } }).catch(() => undefined);
    }
    await applyManifests(client, buildCrds() as never, signal);
    const read = (file: string): string => readFileSync(join(root, 'deploy/catalog', file), 'utf8');
    for (const configMap of loadCatalog(read, [15])) await client.create(ConfigMaps, configMap as never);
    const image = 'polarstack/postgres:15';
    await client.create(ConfigMaps, {
      metadata: {
        name: 'postgresql-15-minor-version-info-local',
        namespace: SYSTEM_NAMESPACE,
        labels: { configtype: 'minor_version_info', dbClusterMode: 'Local', dbType: 'PostgreSQL', dbVersion: '15' },
      },
      data: { name: 'local-15', version: '15.18', pgEngineImage: image },
    });
    const annotations = { 'storageclass.kubernetes.io/is-default-class': 'true' };
    await client.create(StorageClasses, {
      metadata: { name: 'local', annotations },
      provisioner: 'test',
      allowVolumeExpansion: true,
    });
    for (const node of ['node-1', 'node-2', 'node-3']) {
      const made = await client.create(Nodes, { metadata: { name: node } });
      const conditions = [
        { type: 'Ready', status: 'True' },
        { type: 'NodeClientIP', status: 'True', message: `192.0.2.${node.slice(-1)}` },
      ];
      await client.replaceStatus(Nodes, { ...made, status: { images: [{ names: [image] }], conditions } });
    }
  }
} finally {
  stop.abort();
  api.kill('SIGKILL');
  await rm(folder, { recursive: true, force: true, maxRetries: 5 });
}

function newCluster(name: string): MPDCluster {
  return {
    apiVersion: `${GROUP}/${VERSION}`,
    kind: 'MPDCluster',
    metadata: { name, namespace: 'default' },
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
