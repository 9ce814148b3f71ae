/**
 * The control process: API server, node runtime and operator of one home, and the supervisor of its proxy.
 *
 * Invariants (tests cite them):
 * - C1 One control process for a home: it holds `control.lock` for its life.
 * - C2 Pods and the proxy live on when it ends, however it ends; the next one adopts them.
 * - C3 `control.json` is written when everything is up, so whoever reads it can use what it says.
 */
import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { type PodConnector, STACK_NAMESPACE } from '@polarstack/api';
import { type Logger, StackError } from '@polarstack/base';
import { createKubeClient, type KubeClient, type KubeConnection } from '@polarstack/kube';
import { openObjectStore } from '@polarstack/kube-server';
import { type NodeRuntime, startNodeRuntime } from '@polarstack/node-runtime';
import { type Operator, type Rest, readPatience, startOperator, startRest } from '@polarstack/operator';
import { proxyProcesses } from '../commands/home-processes.ts';
import { readLocalSettings } from '../config.ts';
import { apiAddress } from '../home/block.ts';
import type { Build } from '../home/build.ts';
import type { Home } from '../home/home.ts';
import { readHomeRecord } from '../home/home-record.ts';
import { renderKubeconfig } from '../home/kubeconfig.ts';
import type { HomePki, Identity } from '../home/pki.ts';
import { writeFileAtomic } from '../machine/atomic-file.ts';
import { type FileLock, lockHolder, tryLock } from '../machine/file-lock.ts';
import { identifyProcess } from '../machine/process-identity.ts';
import { type Account, systemAccounts } from '../machine/system-user.ts';
import { discoverPostgres, type PostgresInstallation } from '../postgres/discovery.ts';
import { ensureProxyFolder } from '../proxy/proxy-folder.ts';
import { machineImages, machineNodes, machineObjects } from './catalog.ts';
import { PODS_TERM_MS, writeControlState } from './control-state.ts';
import { type KeepOptions, keepClusterManager } from './keep-cluster-manager.ts';
import { applyManifests, readManifests } from './manifests.ts';
import { superviseProxy } from './proxy-supervisor.ts';
import { startApi } from './start-api.ts';
import type { StartupReporter } from './startup-channel.ts';

export interface ControlOptions {
  readonly home: Home;
  readonly build: Build;
  readonly log: Logger;
  readonly reporter: StartupReporter;
  readonly signal: AbortSignal;
  /** Asked when the signal has aborted: whether the pods are to be stopped too. */
  readonly stopPods: () => boolean;
}

/** Runs the home until the signal aborts; then everything of this process has ended in order. */
export async function runControl(options: ControlOptions): Promise<void> {
  const { home, build, log, reporter, signal } = options;
  const lock = takeControlLock(home);
  // Not linked to `signal`: the parts end one after the other, the callers of the API before the API.
  const parts = new AbortController();
  const closers: (() => Promise<void>)[] = [];
  try {
    const url = await start(options, parts.signal, closers);
    log.info({ url, build: build.id }, 'ready');
    reporter.ready(url);
    if (!signal.aborted) await new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true }));
  } finally {
    for (const close of closers.reverse()) await close();
    parts.abort();
    lock.release();
  }
}

function takeControlLock(home: Home): FileLock {
  const lock = tryLock(home.controlLock, 'polarstack-control');
  if (lock) return lock;
  throw new StackError(
    'HomeBusy',
    `another control process (pid ${lockHolder(home.controlLock)?.pid ?? '?'}) runs here`,
  );
}

async function start(
  { home, build, log, reporter, signal, stopPods }: ControlOptions,
  partsSignal: AbortSignal,
  closers: (() => Promise<void>)[],
): Promise<string> {
  const record = readHomeRecord(home);
  const settings = readLocalSettings();
  const patience = readPatience();
  const { pods: account, proxy: proxyAccount, manager } = systemAccounts();
  const postgres = discoverPostgres({
    named: record.pgBin ?? settings.pgBin,
    path: settings.path,
    asOther: account !== undefined,
  });

  reporter.step('opening the state');
  const [store, { found, rejected }] = await Promise.all([
    openObjectStore({ dir: home.api, logger: log.child({ part: 'store' }) }),
    postgres,
  ]);
  closers.push(() => store.close());
  for (const folder of rejected) log.warn(folder, 'a PostgreSQL that cannot be used');

  reporter.step('starting the API server');
  let runtime: NodeRuntime | undefined;
  const connector = (): PodConnector | undefined => runtime?.connector;
  const { server, block, pki, url } = await startApi({ home, record, store, connector, log });
  closers.push(() => server.close());
  writeKubeconfig(home, url, pki);
  ensureProxyFolder(home.proxy, proxyAccount);

  reporter.step('starting the nodes');
  const connect = (who: Identity): ReturnType<typeof createKubeClient> => {
    const client = createKubeClient(connectionOf(url, pki, who));
    closers.push(() => client.close());
    return client;
  };
  closers.push(startProxySupervisor(home, build, connectionOf(url, pki, 'proxy'), proxyAccount, log));
  const [nodes] = await Promise.all([
    startNodeRuntime({
      client: connect('node-runtime'),
      home: home.root,
      block,
      nodes: machineNodes(block),
      images: machineImages(found),
      ...(account === undefined ? {} : { user: account }),
      ...(manager === undefined ? {} : { usersOfNamespaces: new Map([[STACK_NAMESPACE, manager]]) }),
      binDir: join(build.folder, 'bin'),
      logger: log.child({ part: 'node-runtime' }),
      signal: partsSignal,
    }),
    applyOurManifests(connect('admin'), build, found, log, signal),
  ]);
  runtime = nodes;
  closers.push(() => (stopPods() ? nodes.shutdown({ deadlineMs: PODS_TERM_MS }) : nodes.close()));

  reporter.step('starting the operator');
  const operator = await startOperator({
    client: connect('operator'),
    logger: log.child({ part: 'operator' }),
    patience,
    signal: partsSignal,
  });
  closers.push(() => operator.close());
  const rest = await serveRest(operator, block, settings.restPort, connect('operator'), pki, log, partsSignal);
  if (rest) closers.push(() => rest.close());
  const kubeconfig = renderKubeconfig({
    server: url,
    caPem: pki.caPem,
    client: pki.clients['cluster-manager'],
    user: 'polarstack-cluster-manager',
  });
  closers.push(
    startManagerKeeper({ client: connect('admin'), bundle: build.bundles['cluster-manager'], kubeconfig, log }),
  );

  const identity = identifyProcess(process.pid);
  if (identity === undefined) throw new StackError('Internal', 'this process does not find itself in /proc');
  writeControlState(home, { ...identity, build: build.id, url, ...(rest && { restUrl: rest.url }) });
  return url;
}

async function applyOurManifests(
  client: KubeClient,
  build: Build,
  found: readonly PostgresInstallation[],
  log: Logger,
  signal: AbortSignal,
): Promise<void> {
  const manifests = join(build.folder, 'manifests');
  const objects = [
    ...readManifests(join(manifests, 'crds')),
    ...machineObjects(found),
    ...readManifests(join(manifests, 'catalog')),
    ...readManifests(join(manifests, 'policies')),
    ...readManifests(join(manifests, 'rbac')),
  ];
  const written = await applyManifests(client, objects, signal);
  if (written > 0) log.info({ written, of: objects.length }, 'applied the manifests of this build');
}

/** Starts looking after the cluster manager's pod; what it answers ends that, and leaves the pod running. */
function startManagerKeeper(options: Omit<KeepOptions, 'signal'>): () => Promise<void> {
  const stop = new AbortController();
  const log = options.log.child({ part: 'cluster-manager' });
  const work = keepClusterManager({ ...options, log, signal: stop.signal }).catch((error: unknown) =>
    log.error({ err: error }, 'the cluster manager is no longer looked after'),
  );
  return async () => {
    stop.abort();
    await work;
  };
}

/** The REST API of the operator, at the home's own address. A home without it works; what is in its way is in the log. */
async function serveRest(
  { view }: Operator,
  block: number,
  port: number,
  client: KubeClient,
  { server }: HomePki,
  log: Logger,
  signal: AbortSignal,
): Promise<Rest | undefined> {
  if (port === 0) return undefined;
  const logger = log.child({ part: 'rest' });
  try {
    return await startRest({ client, view, host: apiAddress(block), port, tls: server, logger, signal });
  } catch (error) {
    logger.error({ err: error }, 'the REST API is not served');
    return undefined;
  }
}

function connectionOf(server: string, { caPem, clients }: HomePki, who: Identity): KubeConnection {
  return { server, caPem, ...clients[who] };
}

function writeKubeconfig(home: Home, server: string, pki: HomePki): void {
  const admin = renderKubeconfig({ server, caPem: pki.caPem, client: pki.clients.admin, user: 'polarstack-admin' });
  writeFileAtomic(home.kubeconfig, admin, { mode: 0o600 });
}

/** Starts the supervisor; what it answers ends it, and leaves the proxy running. */
function startProxySupervisor(
  home: Home,
  build: Build,
  connection: KubeConnection,
  account: Account | undefined,
  log: Logger,
): () => Promise<void> {
  const stop = new AbortController();
  const input = JSON.stringify(connection);
  // A proxy reads its certificate once, so a renewed one needs a new process as new code and another user do.
  const settings = createHash('sha256').update(`${account?.uid} ${input}`).digest('hex').slice(0, 12);
  const work = superviseProxy({
    folder: home.proxy,
    state: home.proxyState,
    output: join(home.logs, 'proxy.out'),
    program: join(build.folder, 'bin', 'polarstack-proxy'),
    input,
    find: () => proxyProcesses(home),
    code: `${build.bundles.proxy}-${settings}`,
    account,
    log: log.child({ part: 'proxy' }),
    signal: stop.signal,
  }).catch((error: unknown) => log.error({ error }, 'the proxy is no longer supervised'));
  return async () => {
    stop.abort();
    await work;
  };
}
