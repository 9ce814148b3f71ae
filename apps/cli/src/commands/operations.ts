import { MPDOperations } from '@polarstack/api';
import type { Command } from 'commander';
import { renderOperations, renderSteps, sortOperations } from '../cluster/render-operations.ts';
import { withConnection } from '../connect/connect.ts';
import { addGlobals, connectionOptions, globalsOf } from '../connect/globals.ts';
import type { Io } from '../io.ts';
import { outputFormat, renderValue } from '../output/format.ts';
import { colorsFor, write } from '../output/screen.ts';
import { untilInterrupted } from './interrupt.ts';

export function registerOperations(program: Command, io: Io): void {
  const command = program
    .command('operations')
    .alias('ops')
    .argument('[cluster]', 'only those of this cluster, with the steps of the last one')
    .description(
      'list operations on clusters, those under way and those that ended, in all namespaces unless -n names one',
    );
  addGlobals(command, ...connectionOptions, 'allNamespaces', 'output').action(async (name: string | undefined) => {
    const globals = globalsOf(command);
    const format = outputFormat(globals.output, ['json', 'yaml']);
    await untilInterrupted(
      async (signal) =>
        await withConnection(globals, async ({ client, namespace, listNamespace }) => {
          const where = name === undefined || globals.allNamespaces === true ? listNamespace : namespace;
          const { items } = await client.list(MPDOperations, where === undefined ? {} : { namespace: where }, signal);
          const found = sortOperations(items.filter(({ spec }) => name === undefined || spec.cluster === name));
          if (format === 'json' || format === 'yaml') {
            await write(io, await renderValue(format, found));
            return;
          }
          if (found.length === 0) {
            await write(io, 'There are no operations.\n');
            return;
          }
          const colors = colorsFor(io, globals);
          await write(io, renderOperations(found, colors, new Date()));
          const last = found.at(-1);
          if (name !== undefined && last !== undefined) await write(io, `\n${renderSteps(last, colors)}`);
        }),
    );
  });
}
