import { MPDClusters } from '@polarstack/api';
import { createInformer, Events, type KubeClient } from '@polarstack/kube';
import type { Command } from 'commander';
import type { Event } from 'kubernetes-types/core/v1.js';
import { isAbout, renderEvents, sortEvents } from '../cluster/events.ts';
import { getCluster } from '../cluster/find-cluster.ts';
import { withConnection } from '../connect/connect.ts';
import { addGlobals, connectionOptions, globalsOf } from '../connect/globals.ts';
import type { Io } from '../io.ts';
import { outputFormat, renderValue } from '../output/format.ts';
import { colorsFor, write } from '../output/screen.ts';
import { untilInterrupted } from './interrupt.ts';

interface EventFlags {
  readonly watch?: boolean;
}

export function registerEvents(program: Command, io: Io): void {
  const command = program
    .command('events')
    .argument('[cluster]', 'only those about this cluster and what belongs to it')
    .description('show what happened, the newest last')
    .option('-w, --watch', 'stay, and show what comes');
  addGlobals(command, ...connectionOptions, 'allNamespaces', 'output').action(
    async (name: string | undefined, flags: EventFlags) => {
      const globals = globalsOf(command);
      const format = outputFormat(globals.output, ['json', 'yaml']);
      const colors = colorsFor(io, globals);
      await untilInterrupted(
        async (signal) =>
          await withConnection(globals, async (connection) => {
            const { client } = connection;
            if (name !== undefined) await getClusterOrItsEvents(connection, name, signal);
            const namespace = globals.allNamespaces === true ? undefined : connection.namespace;
            const options = namespace === undefined ? {} : { namespace };
            const clusters = name === undefined ? [] : await clusterNames(client, options, signal);
            const wanted = (event: Event): boolean => name === undefined || isAbout(event, name, clusters);
            const render = async (events: readonly Event[], head: boolean): Promise<string> =>
              format === 'json' || format === 'yaml'
                ? await renderValue(format, events)
                : renderEvents(events, colors, new Date(), head);
            if (flags.watch !== true) {
              const { items } = await client.list(Events, options, signal);
              const events = sortEvents(items.filter(wanted));
              await write(
                io,
                events.length === 0 && format === 'table' ? 'Nothing happened lately.\n' : await render(events, true),
              );
              return;
            }
            await watch({ client, options, wanted, render, io, signal });
          }),
      );
    },
  );
}

/** A cluster that is gone may still have events: only one that nothing is known of is an error. */
async function getClusterOrItsEvents(
  connection: Parameters<typeof getCluster>[0],
  name: string,
  signal: AbortSignal,
): Promise<void> {
  const { client, namespace } = connection;
  const { items } = await client.list(Events, { namespace, fieldSelector: `involvedObject.name=${name}` }, signal);
  if (items.length === 0) await getCluster(connection, name, signal);
}

async function clusterNames(
  client: KubeClient,
  options: { readonly namespace?: string },
  signal: AbortSignal,
): Promise<readonly string[]> {
  return (await client.list(MPDClusters, options, signal)).items.map(({ metadata }) => metadata.name ?? '');
}

async function watch(options: {
  readonly client: KubeClient;
  readonly options: { readonly namespace?: string };
  readonly wanted: (event: Event) => boolean;
  readonly render: (events: readonly Event[], head: boolean) => Promise<string>;
  readonly io: Io;
  readonly signal: AbortSignal;
}): Promise<void> {
  const { client, wanted, render, io, signal } = options;
  const informer = createInformer<Event>({ client, resource: Events, ...options.options });
  const running = informer.start(signal);
  await Promise.race([informer.synced, running]);
  if (signal.aborted) return;
  const known = sortEvents(informer.list().filter(wanted));
  await write(io, await render(known, true));
  const shown = new Map(known.map((event) => [event.metadata.uid, event.metadata.resourceVersion]));
  informer.onChange(async (change) => {
    const { metadata } = change.object;
    // The first changes repeat what is there.
    if (change.type === 'DELETED' || !wanted(change.object) || shown.get(metadata.uid) === metadata.resourceVersion)
      return;
    shown.set(metadata.uid, metadata.resourceVersion);
    await write(io, await render([change.object], false));
  });
  await running;
}
