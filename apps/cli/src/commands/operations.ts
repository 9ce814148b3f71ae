import { type MPDOperation, MPDOperations } from '@polarstack/api';
import type { Command } from 'commander';
import { renderOperations, renderSteps, sortOperations } from '../cluster/render-operations.ts';
import { withConnection } from '../connect/connect.ts';
import { addGlobals, connectionOptions, globalsOf } from '../connect/globals.ts';
import type { Io } from '../io.ts';
import { outputFormat, renderValue } from '../output/format.ts';
import { colorsFor, createLivePicture, write } from '../output/screen.ts';
import { untilInterrupted } from './interrupt.ts';

interface OperationsFlags {
  readonly watch?: boolean;
}

export function registerOperations(program: Command, io: Io): void {
  const command = program
    .command('operations')
    .alias('ops')
    .argument('[cluster]', 'only those of this cluster, with the steps of the last one')
    .description(
      'list operations on clusters, those under way and those that ended, in all namespaces unless -n names one (-o name gives names)',
    )
    .option('-w, --watch', 'stay, and show every change');
  addGlobals(command, ...connectionOptions, 'allNamespaces', 'output').action(
    async (name: string | undefined, flags: OperationsFlags) => {
      const globals = globalsOf(command);
      const format = outputFormat(globals.output, ['json', 'yaml', 'name']);
      const colors = colorsFor(io, globals);
      const ours = (items: readonly MPDOperation[]): readonly MPDOperation[] =>
        sortOperations(items.filter(({ spec }) => name === undefined || spec.cluster === name));
      const render = async (found: readonly MPDOperation[]): Promise<string> => {
        switch (format) {
          case 'json':
            // While watching, each state is a line of its own.
            return flags.watch === true ? `${JSON.stringify(found)}\n` : await renderValue(format, found);
          case 'yaml':
            return `${flags.watch === true ? '---\n' : ''}${await renderValue(format, found)}`;
          case 'name':
            return found.map(({ metadata }) => `${metadata.name}\n`).join('');
          case 'table': {
            if (found.length === 0) return 'There are no operations.\n';
            const last = found.at(-1);
            const steps = name !== undefined && last !== undefined ? `\n${renderSteps(last, colors)}` : '';
            return renderOperations(found, colors, new Date()) + steps;
          }
        }
      };
      await untilInterrupted(
        async (signal) =>
          await withConnection(globals, async ({ client, namespace, listNamespace }) => {
            const where = name === undefined || globals.allNamespaces === true ? listNamespace : namespace;
            const options = where === undefined ? {} : { namespace: where };
            if (flags.watch !== true) {
              const { items } = await client.list(MPDOperations, options, signal);
              await write(io, await render(ours(items)));
              return;
            }
            const { createInformer } = await import('@polarstack/kube');
            const informer = createInformer<MPDOperation>({ client, resource: MPDOperations, ...options });
            const picture = format === 'table' ? createLivePicture(io) : async (text: string) => await write(io, text);
            const running = informer.start(signal);
            await Promise.race([informer.synced, running]);
            await eachChange(
              (handler) => informer.onChange(handler),
              signal,
              async () => await picture(await render(ours(informer.list()))),
            );
            await running;
          }),
      );
    },
  );
}

/** Draws now and after each change until the signal aborts; changes that come while it draws make one more drawing. */
async function eachChange(
  onChange: (handler: () => void) => () => void,
  signal: AbortSignal,
  draw: () => Promise<void>,
): Promise<void> {
  let wake = (): void => {};
  let dirty = true;
  const stir = (): void => {
    dirty = true;
    wake();
  };
  const forget = onChange(stir);
  signal.addEventListener('abort', stir, { once: true });
  while (!signal.aborted) {
    if (dirty) {
      dirty = false;
      await draw();
    } else {
      await new Promise<void>((resolve) => {
        wake = resolve;
      });
    }
  }
  forget();
}
