import { type MPDCluster, MPDClusters } from '@polarstack/api';
import type { Command } from 'commander';
import manifest from '../../package.json' with { type: 'json' };
import { type ClusterView, clusterView } from '../cluster/cluster-view.ts';
import { getCluster } from '../cluster/find-cluster.ts';
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

export function registerStatus(program: Command, io: Io): void {
  const command = program
    .command('status')
    .argument('[cluster]', 'only this one')
    .description('show clusters and their instances, in all namespaces unless -n names one')
    .option('-w, --watch', 'stay, and show every change')
    .addHelpText('after', '\nPositions and roles are those the operator saw last; -o json says when (observedAt).\n');
  addGlobals(command, ...connectionOptions, 'allNamespaces', 'output').action(
    async (name: string | undefined, flags: StatusFlags) => {
      const globals = globalsOf(command);
      const format = outputFormat(globals.output, ['json', 'yaml']);
      await untilInterrupted(
        async (signal) =>
          await withConnection(globals, async (connection) => {
            const show = async (clusters: readonly ClusterView[]): Promise<string> =>
              await render(clusters, { connection, format, io, color: globals.color !== false, one: flags.watch });
            if (flags.watch === true) {
              const picture =
                format === 'table' ? createLivePicture(io) : async (text: string) => await write(io, text);
              await watch(connection, name, picture, show, signal);
            } else await write(io, await show(await readClusters(connection, name, signal)));
          }),
      );
    },
  );
}

async function readClusters(
  connection: Connection,
  name: string | undefined,
  signal: AbortSignal,
): Promise<readonly ClusterView[]> {
  if (name !== undefined) return [clusterView(await getCluster(connection, name, signal))];
  const { client, listNamespace } = connection;
  const options = listNamespace === undefined ? {} : { namespace: listNamespace };
  return sorted((await client.list(MPDClusters, options, signal)).items);
}

function sorted(clusters: readonly MPDCluster[]): readonly ClusterView[] {
  const key = ({ namespace, name }: ClusterView): string => `${namespace}/${name}`;
  return clusters.map(clusterView).sort((a, b) => (key(a) < key(b) ? -1 : 1));
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

async function watch(
  connection: Connection,
  name: string | undefined,
  picture: (text: string) => Promise<void>,
  show: (clusters: readonly ClusterView[]) => Promise<string>,
  signal: AbortSignal,
): Promise<void> {
  if (name !== undefined) await getCluster(connection, name, signal);
  const { createInformer } = await import('@polarstack/kube');
  const namespace = name === undefined ? connection.listNamespace : connection.namespace;
  const informer = createInformer<MPDCluster>({
    client: connection.client,
    resource: MPDClusters,
    ...(namespace === undefined ? {} : { namespace }),
    ...(name === undefined ? {} : { fieldSelector: `metadata.name=${name}` }),
  });
  let last = '';
  const draw = async (): Promise<void> => {
    const text = await show(sorted(informer.list()));
    if (text !== last) await picture(text);
    last = text;
  };
  const running = informer.start(signal);
  await Promise.race([informer.synced, running]);
  if (signal.aborted) return;
  await draw();
  informer.onChange(draw);
  await running;
}
