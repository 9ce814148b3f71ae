import { MPDClusters } from '@polarstack/api';
import type { Command } from 'commander';
import { clusterView } from '../cluster/cluster-view.ts';
import { nodesDown } from '../cluster/nodes.ts';
import { renderClusters } from '../cluster/render-status.ts';
import { withConnection } from '../connect/connect.ts';
import { addGlobals, connectionOptions, globalsOf } from '../connect/globals.ts';
import type { Io } from '../io.ts';
import { outputFormat, renderValue } from '../output/format.ts';
import { colorsFor, write } from '../output/screen.ts';
import { untilInterrupted } from './interrupt.ts';

export function registerList(program: Command, io: Io): void {
  const command = program
    .command('list')
    .alias('ls')
    .description(
      'list clusters, in all namespaces unless -n names one (-o json|yaml gives the whole objects, -o name names)',
    );
  addGlobals(command, ...connectionOptions, 'allNamespaces', 'output').action(async () => {
    const globals = globalsOf(command);
    const format = outputFormat(globals.output, ['json', 'yaml', 'name']);
    await untilInterrupted(
      async (signal) =>
        await withConnection(globals, async ({ client, listNamespace }) => {
          const options = listNamespace === undefined ? {} : { namespace: listNamespace };
          const { items } = await client.list(MPDClusters, options, signal);
          switch (format) {
            case 'json':
            case 'yaml':
              await write(io, await renderValue(format, items));
              break;
            case 'name':
              await write(io, items.map(({ metadata }) => `${metadata.name}\n`).join(''));
              break;
            case 'table': {
              const seen = { nodesDown: await nodesDown(client, signal) };
              const views = items.map((item) => clusterView(item, seen));
              const table = renderClusters(views, colorsFor(io, globals), new Date());
              await write(io, items.length === 0 ? 'There are no clusters.\n' : table);
              break;
            }
          }
        }),
    );
  });
}
