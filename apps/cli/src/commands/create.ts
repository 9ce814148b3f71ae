import { StackError } from '@polarstack/base';
import type { Command } from 'commander';
import { withConnection } from '../connect/connect.ts';
import { addGlobals, connectionOptions, globalsOf } from '../connect/globals.ts';
import { checkNew } from '../create/check-new.ts';
import { makeNew } from '../create/make-new.ts';
import { type ClusterFlags, clusterFromFlags, clustersFromText } from '../create/manifest.ts';
import { nameOfManifest, readManifest } from '../create/read-manifest.ts';
import type { Io } from '../io.ts';
import { outputFormat, renderValue } from '../output/format.ts';
import { write } from '../output/screen.ts';
import { keyValue, seconds, wholeNumber } from './arguments.ts';
import { untilInterrupted } from './interrupt.ts';

interface CreateFlags extends ClusterFlags {
  readonly name?: string;
  readonly file?: string;
  readonly wait: boolean;
  readonly dryRun?: boolean;
  readonly timeout: number;
}

export function registerCreate(program: Command, io: Io): void {
  const command = program
    .command('create')
    .argument('[name]', 'name of the cluster (or --name, or a file)')
    .description('make a cluster from options or from a file, after checking it against what is installed')
    .option('--name <name>', 'name of the cluster')
    .option('-f, --file <file>', 'YAML or JSON with one or more MPDClusters; - reads standard input')
    .option('--replicas <number>', 'how many read-only instances stand beside the primary', wholeNumber(0, 15), 2)
    .option('--class <name>', 'class (size) of the instances', 'local.small')
    .option('--engine-version <version>', 'major or exact version of PostgreSQL (default: the newest installed)')
    .option('--param <name=value>', 'engine parameter, e.g. work_mem=8MB; may be repeated', keyValue, {})
    .option('--storage <size>', 'size of the volume of each instance, e.g. 5Gi')
    .option('--port <number>', 'use the network of the host, with this port', wholeNumber(1024, 65_535))
    .option('--database <name>', 'name of the first database (default: app)')
    .option('--owner <name>', 'owner of the first database (default: app)')
    .option('--description <text>', 'free text')
    .option('--deletion-protection', 'refuse to delete the cluster until this is taken back')
    .option('--wait', 'wait until it is ready, showing each step', true)
    .option('--no-wait', 'return as soon as the wish is written')
    .option('--timeout <seconds>', 'how long to wait', seconds, 300)
    .option('--dry-run', 'check everything, print what would be written, and write nothing');
  addGlobals(command, ...connectionOptions, 'output').action(
    async (argument: string | undefined, flags: CreateFlags) => {
      const globals = globalsOf(command);
      const format = outputFormat(globals.output, ['json', 'yaml']);
      const source = await readSource(argument, flags, command, io);
      await untilInterrupted(
        async (signal) =>
          await withConnection(globals, async (connection) => {
            const inputs =
              source.text === undefined
                ? [clusterFromFlags(source.name, connection.namespace, flags)]
                : await clustersFromText(source.text, source.name, connection.namespace);
            const checked = await checkNew(connection, inputs, signal);
            if (flags.dryRun === true) {
              const shown = checked.length === 1 ? checked[0] : checked;
              await write(io, await renderValue(format === 'json' ? 'json' : 'yaml', shown));
              return;
            }
            for (const input of inputs)
              await makeNew(connection, input, { ...flags, io, color: globals.color !== false, signal });
          }),
      );
    },
  );
}

type Source = { readonly name: string; readonly text?: string };

async function readSource(argument: string | undefined, flags: CreateFlags, command: Command, io: Io): Promise<Source> {
  if (argument !== undefined && flags.name !== undefined && argument !== flags.name) {
    throw new StackError('Usage', `two names: ${argument} and ${flags.name}`);
  }
  const name = argument ?? flags.name;
  if (flags.file === undefined) {
    if (name === undefined) throw new StackError('Usage', 'a name or -f FILE is needed');
    return { name };
  }
  const describing = [
    'replicas',
    'class',
    'engineVersion',
    'param',
    'storage',
    'port',
    'database',
    'owner',
    'description',
    'deletionProtection',
  ];
  const both = describing.filter((option) => command.getOptionValueSource(option) === 'cli');
  if (name !== undefined || both.length > 0) {
    throw new StackError(
      'Usage',
      'a file says everything about its clusters: leave the other options out, or the file',
    );
  }
  return { name: nameOfManifest(flags.file), text: await readManifest(flags.file, io) };
}
