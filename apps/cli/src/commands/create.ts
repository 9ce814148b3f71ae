import { readFile } from 'node:fs/promises';
import { type MPDCluster, type MPDClusterInput, MPDClusters } from '@polarstack/api';
import { isStackError, StackError } from '@polarstack/base';
import { type Problem, validateCluster } from '@polarstack/domain';
import type { Resource } from '@polarstack/kube';
import type { Command } from 'commander';
import { followOperation } from '../cluster/follow-operation.ts';
import { createProgressPrinter } from '../cluster/progress-printer.ts';
import { type Connection, withConnection } from '../connect/connect.ts';
import { addGlobals, connectionOptions, globalsOf } from '../connect/globals.ts';
import { readLookups } from '../create/lookups.ts';
import { type ClusterFlags, clusterFromFlags, clustersFromText } from '../create/manifest.ts';
import type { Io } from '../io.ts';
import { outputFormat, renderValue } from '../output/format.ts';
import { colorsFor, write } from '../output/screen.ts';
import { keyValue, seconds, wholeNumber } from './arguments.ts';
import { untilInterrupted } from './interrupt.ts';

interface CreateFlags extends ClusterFlags {
  readonly name?: string;
  readonly file?: string;
  readonly wait: boolean;
  readonly dryRun?: boolean;
  readonly timeout: number;
}

/** As the server takes it: without what its schema fills in. */
const ClusterInputs: Resource<MPDClusterInput> = MPDClusters as unknown as Resource<MPDClusterInput>;

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
            const checked = await check(connection, inputs, signal);
            if (flags.dryRun === true) {
              const shown = checked.length === 1 ? checked[0] : checked;
              await write(io, await renderValue(format === 'json' ? 'json' : 'yaml', shown));
              return;
            }
            for (const input of inputs)
              await createOne(connection, input, { flags, io, color: globals.color !== false, signal });
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
  if (flags.file === '-') return { name: 'standard input', text: await io.readInput() };
  try {
    return { name: flags.file, text: await readFile(flags.file, 'utf8') };
  } catch (cause) {
    throw new StackError('ManifestInvalid', `cannot read ${flags.file}: ${(cause as Error).message}`, { cause });
  }
}

/** Everything that can be known beforehand, for all of them, before anything is written. */
async function check(
  { client }: Connection,
  inputs: readonly MPDClusterInput[],
  signal: AbortSignal,
): Promise<readonly MPDCluster[]> {
  const lookups = await readLookups(client, signal);
  const checked: MPDCluster[] = [];
  for (const input of inputs) {
    const { namespace = 'default', name = '' } = input.metadata;
    let cluster: MPDCluster;
    try {
      // The server knows the schema, fills in its defaults, and says whether the name is free.
      cluster = (await client.dryRunCreate(ClusterInputs, input, signal)) as MPDCluster;
    } catch (error) {
      if (!isStackError(error, 'AlreadyExists')) throw error;
      throw new StackError('AlreadyExists', `cluster ${namespace}/${name} exists already`, { cause: error });
    }
    const problems = validateCluster(cluster, lookups);
    if (problems.length > 0) throw problemError(name, problems);
    checked.push(withoutServerFields(cluster));
  }
  return checked;
}

function problemError(name: string, problems: readonly Problem[]): StackError {
  const [first] = problems as readonly [Problem, ...Problem[]];
  return new StackError(first.code, `cluster ${name}: ${first.path}: ${first.message}`, {
    remedy: first.remedy,
    details: { problems },
  });
}

function withoutServerFields(cluster: MPDCluster): MPDCluster {
  const { uid: _, resourceVersion: __, creationTimestamp: ___, generation: ____, ...metadata } = cluster.metadata;
  return { ...cluster, metadata };
}

async function createOne(
  { client, namespace: fallback }: Connection,
  input: MPDClusterInput,
  options: { readonly flags: CreateFlags; readonly io: Io; readonly color: boolean; readonly signal: AbortSignal },
): Promise<void> {
  const { flags, io, color, signal } = options;
  const { metadata } = await client.create(ClusterInputs, input, signal);
  const { namespace = fallback, name = '', uid = '' } = metadata;
  if (!flags.wait) {
    await write(io, `Cluster ${namespace}/${name} is being made; see \`polarstack status ${name}\`.\n`);
    return;
  }
  const printer = createProgressPrinter(io, colorsFor(io, { color }));
  await followOperation({
    client,
    namespace,
    name,
    uid,
    wish: 'Ready',
    timeoutMs: flags.timeout * 1000,
    printer,
    signal,
  });
  const where = namespace === 'default' ? '' : ` -n ${namespace}`;
  await write(io, `Cluster ${namespace}/${name} is ready. Connect: polarstack psql ${name}${where}\n`);
}
