import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type MPDCluster, MPDClusters, names } from '@polarstack/api';
import { isStackError, StackError, systemClock } from '@polarstack/base';
import { ConfigMaps, createKubeClient, type KubeClient, loadKubeconfig } from '@polarstack/kube';
import {
  authorityFile,
  chooseHome,
  down,
  type Home,
  type Progress,
  parseManifests,
  runningControl,
  up,
  waitForCluster,
  writeAuthority,
} from '@polarstack/local';
import Table from 'cli-table3';
import { type Command, InvalidArgumentError } from 'commander';
import type { Io } from '../io.ts';
import { untilInterrupted } from './interrupt.ts';
import { createStepsView } from './steps-view.ts';

interface UpFlags {
  readonly home?: string;
  readonly demo: boolean;
  readonly timeout: number;
  readonly verbose?: boolean;
  readonly foreground?: boolean;
}

function seconds(text: string): number {
  const value = Number(text);
  if (!Number.isFinite(value) || value <= 0 || value > 86_400) {
    throw new InvalidArgumentError('a number of seconds from 1 to 86400 is needed');
  }
  return value;
}

export function registerUp(program: Command, io: Io): void {
  program
    .command('up')
    .description('start the local home in the background, and a demo cluster in a new one; changes nothing that runs')
    .option('--home <folder>', 'the data folder (default: POLARSTACK_HOME, else .polarstack in the checkout)')
    .option('--no-demo', 'do not make the cluster demo in a home without clusters')
    .option('--timeout <seconds>', 'how long to wait for the clusters to be ready', seconds, 180)
    .option('-v, --verbose', 'say more')
    .option('--foreground', 'stay until SIGINT or SIGTERM, then stop everything (for systemd and containers)')
    .action((flags: UpFlags) => runUp(flags, io));
}

async function runUp(flags: UpFlags, io: Io): Promise<void> {
  const view = createStepsView(io.stdout);
  await untilInterrupted(async (signal) => {
    if (flags.foreground !== true) {
      await bringUp(flags, io, view, signal);
      return;
    }
    try {
      const home = await bringUp(flags, io, view, signal);
      io.stdout.write('\nRunning in the foreground; Ctrl-C stops everything.\n');
      await watchControl(home, signal);
    } catch (error) {
      if (!signal.aborted) throw error;
    }
    // Whoever supervises us expects nothing to be left, however far we had come.
    const { home } = chooseHome(flags.home);
    await down({ home, remove: false, progress: view, signal: new AbortController().signal });
  });
}

async function bringUp(flags: UpFlags, io: Io, view: Progress, signal: AbortSignal): Promise<Home> {
  const started = performance.now();
  let demo = false;
  const result = await up({
    home: flags.home,
    progress: view,
    signal,
    populate: async (home) => {
      demo = flags.demo && (await createDemo(home, signal));
    },
  });
  const { home, why, build } = result;
  if (flags.verbose) view.note(`Home ${home.root}, ${why}; build ${build.id} (${build.version})`);
  const client = createKubeClient(await loadKubeconfig(home.kubeconfig));
  try {
    const clusters = await waitForAll(client, view, flags.timeout * 1000, signal);
    await writeAuthorities(home, clusters, client, signal);
    const took = ((performance.now() - started) / 1000).toFixed(1);
    const unchanged = result.control === 'unchanged' && !demo;
    io.stdout.write(
      unchanged ? `\nNothing changed: ${home.root} already runs this version.\n` : `\nReady in ${took} s.\n`,
    );
    io.stdout.write(`\n${describe(home, why, clusters, !unchanged || flags.verbose === true)}`);
  } finally {
    await client.close();
  }
  return home;
}

/** Makes the cluster of examples/demo.yaml where the home has none; answers whether it did. */
async function createDemo(home: Home, signal: AbortSignal): Promise<boolean> {
  const client = createKubeClient(await loadKubeconfig(home.kubeconfig));
  try {
    const { items } = await client.list(MPDClusters, {}, signal);
    if (items.length > 0) return false;
    const { build } = JSON.parse(readFileSync(home.controlState, 'utf8')) as { readonly build: string };
    const file = join(home.versions, build, 'manifests', 'examples', 'demo.yaml');
    for (const object of parseManifests(readFileSync(file, 'utf8'), file)) {
      const { namespace = 'default', ...metadata } = object.metadata ?? {};
      await client.create(MPDClusters, { ...(object as MPDCluster), metadata: { ...metadata, namespace } }, signal);
    }
    return true;
  } finally {
    await client.close();
  }
}

/** Every cluster that is meant to run; one that is being deleted, or was refused, is shown and not waited for. */
async function waitForAll(
  client: KubeClient,
  view: Progress,
  timeoutMs: number,
  signal: AbortSignal,
): Promise<readonly MPDCluster[]> {
  const { items } = await client.list(MPDClusters, {}, signal);
  const single = items.length === 1;
  for (const { metadata } of items) {
    const { name = '', namespace = '', deletionTimestamp } = metadata;
    if (deletionTimestamp !== undefined) continue;
    await view.step(`Cluster ${namespace}/${name}`, async (say) => {
      try {
        await waitForCluster(namespace, name, { client, clock: systemClock, signal, timeoutMs, say });
        say('ready');
      } catch (error) {
        const refused = isStackError(error, 'ClusterNotReady') && error.details.accepted === false;
        const gone = isStackError(error, 'NotFound');
        if ((!refused && !gone) || single) throw error;
        say(error.message);
      }
    });
  }
  return (await client.list(MPDClusters, {}, signal)).items;
}

function describe(home: Home, why: string, clusters: readonly MPDCluster[], whole: boolean): string {
  const lines: string[] = [];
  for (const cluster of clusters) lines.push(describeCluster(home, cluster));
  if (whole) {
    lines.push(
      'Use kubectl with it:',
      `  export KUBECONFIG=${home.kubeconfig}`,
      '  kubectl get mpd',
      '',
      `Data: ${home.root} (${why})`,
      'Stop it: make down, or polarstack down (add --delete to remove the data)',
      '',
    );
  }
  return lines.join('\n');
}

/** For the lines that we show: while the home is down anybody may listen at its addresses, and be given the password. */
async function writeAuthorities(
  home: Home,
  clusters: readonly MPDCluster[],
  client: KubeClient,
  signal: AbortSignal,
): Promise<void> {
  for (const { metadata } of clusters) {
    const { name = '', namespace = 'default' } = metadata;
    const authority = await client.find(ConfigMaps, { namespace, name: names.ca(name) }, signal);
    const caPem = authority?.data?.['ca.crt'];
    if (caPem !== undefined) writeAuthority(home, namespace, name, caPem);
  }
}

/** A value of a connection string. */
function quoted(value: string): string {
  return /[\s'\\]/.test(value) ? `'${value.replace(/['\\]/g, '\\$&')}'` : value;
}

function describeCluster(home: Home, cluster: MPDCluster): string {
  const { name = '', namespace = 'default' } = cluster.metadata;
  const table = new Table({ head: ['INSTANCE', 'ROLE', 'READY', 'NODE', 'ADDRESS'], style: { head: [], border: [] } });
  for (const instance of Object.values(cluster.status?.dbInstanceStatus ?? {})) {
    const { podName = '', insType = '', ready, nodeName = '', netInfo } = instance;
    const address = `${netInfo?.workingHostIP ?? ''}:${netInfo?.workingPort ?? ''}`;
    table.push([podName, insType.toUpperCase(), ready === true ? 'yes' : 'no', nodeName, address]);
  }
  const { rw, ro } = cluster.status?.endpoints ?? {};
  const verified = `sslmode=verify-full sslrootcert=${quoted(authorityFile(home, namespace, name))}`;
  const psql = (endpoint: typeof rw): string =>
    `psql "host=${endpoint?.host} port=${endpoint?.port} dbname=app user=app ${verified}"`;
  const secret = `kubectl -n ${namespace} get secret ${name}-app`;
  return [
    `Cluster ${namespace}/${name}`,
    table.toString(),
    '',
    'Connect:',
    `  read and write  ${psql(rw)}`,
    ...(ro?.host ? [`  read only       ${psql(ro)}`] : []),
    `  without asking  polarstack psql ${name}${namespace === 'default' ? '' : ` -n ${namespace}`} [--ro]`,
    `  the password    ${secret} -o jsonpath='{.data.password}' | base64 -d`,
    '',
  ].join('\n');
}

const LOOK_MS = 1_000;

/**
 * Returns when the signal aborts. Where the control process dies first this is an error, so that whoever supervises us
 * starts us again; databases go on meanwhile.
 */
async function watchControl(home: Home, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    if (runningControl(home) === undefined) {
      throw new StackError('ControlFailed', 'the control process has died; the databases go on without it');
    }
    await systemClock.sleep(LOOK_MS, signal);
  }
}
