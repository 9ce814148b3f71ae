/**
 * The operator against the real parts, in one process: the embedded API server on a store on disk, the node runtime,
 * and agents and engines as processes of an ordinary user. Only the proxy and the command line are missing.
 */

import { type ChildProcess, spawn } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { chmod, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { GROUP, type MPDCluster, MPDClusters, VERSION } from '@polarstack/api';
import { createLogger, type Logger, silentLogger, waitFor } from '@polarstack/base';
import { startClusterManager } from '@polarstack/cluster-manager';
import { conditionOf, loadCatalog } from '@polarstack/domain';
import { ConfigMaps, createKubeClient, type KubeClient, type KubeObject, type Resource } from '@polarstack/kube';
import { type KubeServer, openObjectStore, startKubeServer } from '@polarstack/kube-server';
import { findProcesses, killAll, type NodeRuntime, startNodeRuntime } from '@polarstack/node-runtime';
import { type Operator, startOperator } from '@polarstack/operator';
import { createAuthority, issueCertificate } from '@polarstack/pki';
import { parse, stringify } from 'yaml';
import { bundle } from './bundle.ts';

const root = join(import.meta.dirname, '../..');
const ENGINE_BIN = '/usr/lib/postgresql/15/bin';
const never = new AbortController().signal;
/** As root, containers run as somebody else: `nobody` is on every machine. */
const user = process.getuid?.() === 0 ? { uid: 65_534, gid: 65_534, name: 'nobody' } : undefined;
let blocks = 160 + (process.pid % 60);

const crds: Resource<KubeObject> = {
  group: 'apiextensions.k8s.io',
  version: 'v1',
  kind: 'CustomResourceDefinition',
  plural: 'customresourcedefinitions',
  namespaced: false,
};

export interface Stack {
  readonly client: KubeClient;
  readonly home: string;
  /** Starts an operator with a client of its own, as a new process would have. */
  startOperator(): Promise<Operator>;
  /** Starts a cluster manager, which tells instances who is primary and where. */
  startClusterManager(): Promise<void>;
  /** Starts the operator as a process of its own, without a Lease unless seconds are given; the caller ends it. */
  spawnOperator(leaseSeconds?: number): Promise<ChildProcess>;
  create(name: string, spec?: Partial<MPDCluster['spec']>): Promise<MPDCluster>;
  until(name: string, type: Parameters<typeof conditionOf>[1], status?: 'True' | 'False'): Promise<MPDCluster>;
  untilGone(name: string): Promise<void>;
  /** Processes that belong to the home. */
  processes(): readonly number[];
  dispose(): Promise<void>;
}

async function installAgent(folder: string): Promise<void> {
  const outfile = await bundle('agent', folder);
  const script = `#!/bin/sh\nexec '${process.execPath}' '${outfile}' "$@"\n`;
  await writeFile(join(folder, 'polarstack-agent'), script, { mode: 0o755 });
}

/** API server, catalog and nodes; no operator yet. */
export async function createStack(): Promise<Stack> {
  const logger: Logger = process.env.POLARSTACK_TEST_LOG
    ? createLogger({ component: 'test', level: 'debug' })
    : silentLogger;
  const home = await mkdtemp(join(tmpdir(), 'operator-'));
  await chmod(home, 0o755);
  const block = blocks++;
  const binDir = join(home, 'versions', 'test', 'bin');
  await mkdir(binDir, { recursive: true });
  await installAgent(binDir);

  const now = new Date();
  const authority = await createAuthority({ commonName: 'test', days: 2, now });
  const sign = async (commonName: string, organizations: readonly string[]) =>
    await issueCertificate({ authority, commonName, organizations, usages: ['client'], days: 1, now });
  const serving = await issueCertificate({
    authority,
    commonName: 'kube-apiserver',
    ipAddresses: ['127.0.0.1'],
    usages: ['server'],
    days: 1,
    now,
  });
  const store = await openObjectStore({ dir: join(home, 'api'), logger });
  let runtime: NodeRuntime | undefined;
  const server: KubeServer = await startKubeServer({
    store,
    listen: { host: '127.0.0.1', port: 0 },
    tls: { certPem: serving.certPem, keyPem: serving.keyPem, clientCaPem: authority.certPem },
    connector: () => runtime?.connector,
    serviceIPs: {
      next: (used) =>
        Array.from({ length: 250 }, (_, i) => `127.${block}.20.${i + 1}`).find((address) => !used.has(address)),
    },
    logger,
    signal: never,
  });
  const connect = async (name: string, organizations: readonly string[]): Promise<KubeClient> => {
    const { certPem, keyPem } = await sign(name, organizations);
    return createKubeClient({ server: server.url, caPem: authority.certPem, certPem, keyPem });
  };
  const client = await connect('polarstack-admin', ['system:masters']);
  await install(client);
  const runtimeClient = await connect('polarstack-node-runtime', ['polarstack:components']);
  runtime = await startNodeRuntime({
    client: runtimeClient,
    home,
    block,
    nodes: [1, 2, 3].map((i) => ({
      name: `node-${i}`,
      address: `127.${block}.0.${10 + i}`,
      podAddress: (x) => `127.${block}.${10 + i}.${x + 1}`,
    })),
    images: [
      {
        name: 'polarstack/postgres:15',
        env: { POLARSTACK_ENGINE_BIN: ENGINE_BIN },
        pathDirs: [ENGINE_BIN],
        sizeBytes: 1,
      },
    ],
    ...(user ? { user } : {}),
    binDir,
    runBase: `/tmp/psop-${user?.uid ?? process.getuid?.()}`,
    logger,
    signal: never,
  });
  let operatorBundle: Promise<string> | undefined;
  const operators: Operator[] = [];
  const managers: (() => Promise<void>)[] = [];
  const scope = { roots: [], folders: [home], markers: [`POLARSTACK_ROOT=${home}/`] };
  const find = async (name: string) => await client.find(MPDClusters, { namespace: 'default', name });

  return {
    client,
    home,
    startOperator: async () => {
      const own = await connect('polarstack-operator', ['polarstack:components']);
      const operator = await startOperator({ client: own, logger, signal: never });
      const closing: Operator = {
        view: operator.view,
        close: async () => {
          await operator.close();
          await own.close();
        },
      };
      operators.push(closing);
      return closing;
    },
    startClusterManager: async () => {
      const own = await connect('polarstack-cluster-manager', ['polarstack:components']);
      const manager = await startClusterManager({ client: own, logger, signal: never });
      managers.push(async () => {
        await manager.close();
        await own.close();
      });
    },
    spawnOperator: async (leaseSeconds = 0) => {
      operatorBundle ??= bundle('operator', home);
      const { certPem, keyPem } = await sign('polarstack-operator', ['polarstack:components']);
      const kubeconfig = join(home, 'operator.kubeconfig');
      await writeFile(kubeconfig, kubeconfigText(server.url, authority.certPem, certPem, keyPem), { mode: 0o600 });
      const log = process.env.POLARSTACK_TEST_LOG ? 'inherit' : 'ignore';
      const env = { PATH: process.env.PATH, KUBECONFIG: kubeconfig, POLARSTACK_LEASE_SECONDS: `${leaseSeconds}` };
      return spawn(process.execPath, [await operatorBundle], { stdio: ['ignore', log, log], env });
    },
    create: async (name, spec = {}) =>
      await client.create(MPDClusters, {
        apiVersion: `${GROUP}/${VERSION}`,
        kind: 'MPDCluster',
        metadata: { name, namespace: 'default' },
        spec: { dbClusterType: 'local', followerNum: 2, classInfo: { className: 'local.small' }, ...spec },
      } as MPDCluster),
    until: async (name, type, status = 'True') => {
      let last: MPDCluster | undefined;
      try {
        return await waitFor(
          `${name} to be ${type}=${status}`,
          async () => {
            last = await find(name);
            return conditionOf(last?.status?.conditions, type)?.status === status ? last : undefined;
          },
          { signal: never, timeoutMs: 90_000, intervalMs: 10 },
        );
      } catch (error) {
        throw new Error(
          `${error instanceof Error ? error.message : ''}\n${JSON.stringify(last?.status, undefined, 2)}`,
        );
      }
    },
    untilGone: async (name) => {
      await waitFor(`${name} to be gone`, async () => ((await find(name)) ? undefined : true), {
        signal: never,
        timeoutMs: 90_000,
        intervalMs: 10,
      });
    },
    processes: () => findProcesses(scope).map(({ pid }) => pid),
    dispose: async () => {
      for (const close of managers) await close();
      for (const operator of operators) await operator.close();
      await runtime?.close();
      await killAll(() => findProcesses(scope));
      await runtimeClient.close();
      await client.close();
      await server.close();
      await store.close();
      await rm(home, { recursive: true, force: true });
    },
  };
}

function kubeconfigText(url: string, ca: string, cert: string, key: string): string {
  const base64 = (text: string): string => Buffer.from(text).toString('base64');
  return stringify({
    apiVersion: 'v1',
    kind: 'Config',
    'current-context': 'test',
    contexts: [{ name: 'test', context: { cluster: 'test', user: 'operator' } }],
    clusters: [{ name: 'test', cluster: { server: url, 'certificate-authority-data': base64(ca) } }],
    users: [
      {
        name: 'operator',
        user: { 'client-certificate-data': base64(cert), 'client-key-data': base64(key) },
      },
    ],
  });
}

/** What `up` installs: the resource types and the catalog. */
async function install(client: KubeClient): Promise<void> {
  const folder = join(root, 'deploy/crds');
  for (const file of readdirSync(folder)) await client.create(crds, parse(await readFile(join(folder, file), 'utf8')));
  const read = (file: string): string => readFileSync(join(root, 'deploy/catalog', file), 'utf8');
  for (const configMap of loadCatalog(read, [15])) await client.create(ConfigMaps, configMap as never);
  await client.create(ConfigMaps, {
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: {
      name: 'postgresql-15-minor-version-info-local',
      namespace: 'kube-system',
      labels: { configtype: 'minor_version_info', dbClusterMode: 'Local', dbType: 'PostgreSQL', dbVersion: '15' },
    },
    data: { name: 'postgresql-15', version: '15.18', pgEngineImage: 'polarstack/postgres:15' },
  });
}
