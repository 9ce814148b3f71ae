import { type MPDCluster, MPDClusters } from '@polarstack/api';
import { systemClock } from '@polarstack/base';
import type { Command } from 'commander';
import manifest from '../../package.json' with { type: 'json' };
import { type ClusterView, clusterView } from '../cluster/cluster-view.ts';
import { getCluster } from '../cluster/find-cluster.ts';
import { nodesDown } from '../cluster/nodes.ts';
import { renderStatus } from '../cluster/render-status.ts';
import { type Connection, withConnection } from '../connect/connect.ts';
import { addGlobals, connectionOptions, globalsOf } from '../connect/globals.ts';
import type { Io } from '../io.ts';
import { type OutputFormat, outputFormat, renderValue } from '../output/format.ts';
import { colorsFor, createLivePicture, write } from '../output/screen.ts';
import { untilInterrupted } from './interrupt.ts';

interface StatusFlags {
  readonly watch?: boolean;
}

/** `home` of the JSON: the version is release+build of what runs there. Null fields where the target is no local home. */
interface HomeView {
  readonly pid: number | null;
  readonly version: string | null;
  readonly dataDir: string | null;
}

const aboutFigures = `
Roles, processes and positions are asked of the agents. Where one does not answer within half a second, or its cluster's
access Secret cannot be read, the line shows what the API has seen and how long ago; pid and lag are unknown then
(JSON: source api, pid null, observedAt).
`;

/** While watching, how often agents are asked where nothing has changed in the API, in milliseconds. */
const ASK_AGAIN_MS = 2_000;

export function registerStatus(program: Command, io: Io): void {
  const command = program
    .command('status')
    .argument('[cluster]', 'only this one')
    .description('show clusters and their instances, in all namespaces unless -n names one')
    .option('-w, --watch', 'stay, and show every change')
    .addHelpText('after', aboutFigures);
  addGlobals(command, ...connectionOptions, 'allNamespaces', 'output').action(
    async (name: string | undefined, flags: StatusFlags) => {
      const globals = globalsOf(command);
      const format = outputFormat(globals.output, ['json', 'yaml']);
      await untilInterrupted(
        async (signal) =>
          await withConnection(globals, async (connection) => {
            const look = createLook(connection, io, signal);
            const show = async (clusters: readonly ClusterView[]): Promise<string> =>
              await render(clusters, { connection, format, io, color: globals.color !== false, one: flags.watch });
            if (flags.watch === true) {
              const picture =
                format === 'table' ? createLivePicture(io) : async (text: string) => await write(io, text);
              await watch({ connection, name, look, signal, draw: async (views) => await picture(await show(views)) });
            } else await write(io, await show(await look(await readClusters(connection, name, signal))));
          }),
      );
    },
  );
}

type Look = (clusters: readonly MPDCluster[]) => Promise<readonly ClusterView[]>;

/** Makes views of clusters, with what their agents say now; says once why some cannot be asked. */
function createLook({ client }: Connection, io: Io, signal: AbortSignal): Look {
  let said = false;
  const onRefused = (why: string): void => {
    if (!said) io.stderr.write(`agents cannot be asked (${why}); this is what the API has seen\n`);
    said = true;
  };
  return async (clusters) => {
    const { askAgents } = await import('../live/ask-agents.ts');
    const [reports, down] = await Promise.all([
      askAgents(clusters, { client, onRefused, signal }),
      nodesDown(client, signal),
    ]);
    const key = ({ namespace, name }: ClusterView): string => `${namespace}/${name}`;
    const views = clusters.map((cluster, index) =>
      clusterView(cluster, { reports: reports[index] ?? new Map(), nodesDown: down }),
    );
    return views.sort((a, b) => (key(a) < key(b) ? -1 : 1));
  };
}

async function readClusters(
  connection: Connection,
  name: string | undefined,
  signal: AbortSignal,
): Promise<readonly MPDCluster[]> {
  if (name !== undefined) return [await getCluster(connection, name, signal)];
  const { client, listNamespace } = connection;
  const options = listNamespace === undefined ? {} : { namespace: listNamespace };
  return (await client.list(MPDClusters, options, signal)).items;
}

async function render(
  clusters: readonly ClusterView[],
  options: {
    readonly connection: Connection;
    readonly format: OutputFormat;
    readonly io: Io;
    readonly color: boolean;
    readonly one: boolean | undefined;
  },
): Promise<string> {
  const { connection, format, io, color } = options;
  switch (format) {
    case 'json':
    case 'yaml': {
      const value = { home: await homeView(connection), clusters };
      // While watching, each state is a document of its own: a line of JSON, or a part of a YAML stream.
      if (options.one !== true) return await renderValue(format, value);
      return format === 'json' ? `${JSON.stringify(value)}\n` : `---\n${await renderValue('yaml', value)}`;
    }
    case 'table':
    case 'name':
      return renderStatus(clusters, colorsFor(io, { color }), new Date());
  }
}

async function homeView({ home }: Connection): Promise<HomeView> {
  if (home === undefined) return { pid: null, version: null, dataDir: null };
  const { runningControl } = await import('@polarstack/local');
  const control = runningControl(home);
  const version = control === undefined ? null : `${manifest.version}+${control.build}`;
  return { pid: control?.pid ?? null, version, dataDir: home.root };
}

interface Watch {
  readonly connection: Connection;
  readonly name: string | undefined;
  readonly look: Look;
  readonly draw: (clusters: readonly ClusterView[]) => Promise<void>;
  readonly signal: AbortSignal;
}

/** Draws when something has changed, in the API or as the agents see it, until the signal aborts. */
async function watch({ connection, name, look, draw, signal }: Watch): Promise<void> {
  if (name !== undefined) await getCluster(connection, name, signal);
  const { createInformer } = await import('@polarstack/kube');
  const { client, namespace, listNamespace } = connection;
  const where = name === undefined ? listNamespace : namespace;
  const informer = createInformer<MPDCluster>({
    client,
    resource: MPDClusters,
    ...(where === undefined ? {} : { namespace: where }),
    ...(name === undefined ? {} : { fieldSelector: `metadata.name=${name}` }),
  });
  let pause = new AbortController();
  informer.onChange(() => pause.abort());
  signal.addEventListener('abort', () => pause.abort(), { once: true });
  const running = informer.start(signal);
  await Promise.race([informer.synced, running]);
  let last = '';
  while (!signal.aborted) {
    pause = new AbortController();
    const views = await look(informer.list()).catch((error: unknown) => {
      if (!signal.aborted) throw error;
      return undefined;
    });
    if (!views) break;
    const seen = withoutTimes(views);
    if (seen !== last) await draw(views);
    last = seen;
    const waiting = systemClock.sleep(ASK_AGAIN_MS, pause.signal).catch(() => undefined);
    await Promise.race([waiting, running]);
  }
  await running;
}

/** That a figure was asked for again is no change. */
const withoutTimes = (views: readonly ClusterView[]): string =>
  JSON.stringify(views, (field, value: unknown) => (field === 'observedAt' ? undefined : value));
