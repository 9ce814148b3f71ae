import { type MPDCluster, type MPDClusterInput, MPDClusters } from '@polarstack/api';
import { StackError } from '@polarstack/base';
import type { Command } from 'commander';
import { applyDifferences, type Differences, differencesOf } from '../change/apply.ts';
import { createOperationView } from '../change/operation-view.ts';
import { inNamespace } from '../change/outcome.ts';
import { type PlanView, planOf, renderPlan } from '../change/plan.ts';
import { type Connection, withConnection } from '../connect/connect.ts';
import { addGlobals, connectionOptions, globalsOf } from '../connect/globals.ts';
import { checkNew } from '../create/check-new.ts';
import { makeNew } from '../create/make-new.ts';
import { clustersFromText } from '../create/manifest.ts';
import { nameOfManifest, readManifest } from '../create/read-manifest.ts';
import type { Io } from '../io.ts';
import { colorsFor, write } from '../output/screen.ts';
import { seconds } from './arguments.ts';
import { untilInterrupted } from './interrupt.ts';

interface Flags {
  readonly file: string;
  readonly plan?: boolean;
  readonly wait: boolean;
  readonly timeout: number;
}

const aboutFiles = `
The file says everything about the spec of its clusters: what it leaves out goes back to its default. Labels and
annotations are added, never taken away. All clusters are checked and planned before the first is written.
`;

export function registerApply(program: Command, io: Io): void {
  const command = program
    .command('apply')
    .description('make clusters what a file says, after checking it and saying what will happen')
    .requiredOption('-f, --file <file>', 'YAML or JSON with one or more MPDClusters; - reads standard input')
    .option('--plan', 'only say what would happen')
    .option('--wait', 'wait until it is so, showing each step', true)
    .option('--no-wait', 'return as soon as the wish is written')
    .option('--timeout <seconds>', 'how long to wait for each operation', seconds, 600)
    .addHelpText('after', aboutFiles);
  addGlobals(command, ...connectionOptions).action(async (flags: Flags) => {
    const globals = globalsOf(command);
    const colors = colorsFor(io, globals);
    const text = await readManifest(flags.file, io);
    await untilInterrupted(
      async (signal) =>
        await withConnection(globals, async (connection) => {
          const inputs = await clustersFromText(text, nameOfManifest(flags.file), connection.namespace);
          mustDiffer(inputs);
          const intents = await Promise.all(inputs.map((input) => intentOf(connection, input, signal)));
          const fresh = intents.flatMap((intent) => (intent.kind === 'new' ? [intent.input] : []));
          if (fresh.length > 0) await checkNew(connection, fresh, signal);
          for (const intent of intents) {
            await write(io, describe(intent, colors.bold));
            if (flags.plan !== true || intent.kind === 'new') continue;
            const podOf = (id: string): string | undefined => intent.cluster.status?.dbInstanceStatus?.[id]?.podName;
            for (const plan of intent.plans) await write(io, `\n${renderPlan(plan, podOf, colors)}\n`);
          }
          if (flags.plan === true) return;
          const common = { ...flags, io, color: globals.color !== false, signal };
          for (const intent of intents) {
            if (intent.kind === 'new') {
              await makeNew(connection, intent.input, common);
              continue;
            }
            const { changes } = intent.differences;
            if (changes.length === 0) continue;
            await applyDifferences({ connection, signal }, intent.differences, {
              wait: flags.wait,
              timeoutMs: flags.timeout * 1000,
              view: () => createOperationView(io, colors),
            });
            await write(io, ending(intent, flags.wait));
          }
        }),
    );
  });
}

type Intent =
  | { readonly kind: 'new'; readonly input: MPDClusterInput }
  | {
      readonly kind: 'edit';
      readonly cluster: MPDCluster;
      readonly differences: Differences;
      readonly plans: readonly PlanView[];
    };

type Edit = Extract<Intent, { kind: 'edit' }>;

/** What applying one cluster of the file comes to. Throws where it would be refused. */
async function intentOf(connection: Connection, input: MPDClusterInput, signal: AbortSignal): Promise<Intent> {
  const { client } = connection;
  const { namespace = connection.namespace, name = '' } = input.metadata;
  const cluster = await client.find(MPDClusters, { namespace, name }, signal);
  if (!cluster) return { kind: 'new', input };
  if (cluster.metadata.deletionTimestamp !== undefined) {
    throw new StackError('Conflict', `cluster ${namespace}/${name} is being deleted`, {
      remedy: 'Wait until it is gone (polarstack status), then apply the file again.',
    });
  }
  const differences = await differencesOf({ connection, cluster, signal }, input);
  const plans: PlanView[] = [];
  if (differences.changes.length > 0) {
    for (const { type, parameters } of differences.wishes) {
      plans.push(await planOf(client, cluster, { type, parameters, patch: differences.patch }, signal));
    }
  }
  return { kind: 'edit', cluster, differences, plans };
}

function mustDiffer(inputs: readonly MPDClusterInput[]): void {
  const seen = new Set<string>();
  for (const { metadata } of inputs) {
    const key = `${metadata.namespace}/${metadata.name}`;
    if (seen.has(key)) throw new StackError('ManifestInvalid', `cluster ${key} is in it twice`);
    seen.add(key);
  }
}

const titleOf = ({ metadata }: MPDCluster | MPDClusterInput): string => `${metadata.namespace}/${metadata.name}`;

function describe(intent: Intent, bold: (text: string) => string): string {
  if (intent.kind === 'new') return `${bold(titleOf(intent.input))} will be made.\n`;
  const { cluster, differences, plans } = intent;
  if (differences.changes.length === 0) return `${bold(titleOf(cluster))} is as the file says.\n`;
  const changes = differences.changes.map(({ path, from, to }) => `  ${path}: ${from} -> ${to}\n`);
  const works = plans.map(({ type, steps, restarts, writePauses, outcome, message }) =>
    outcome === 'nothing'
      ? `  ${type}: nothing to do: ${message}\n`
      : `  ${type}: ${steps.length} steps, ${count(restarts.length, 'restart')}, ${count(writePauses.length, 'write pause')}\n`,
  );
  return `${bold(titleOf(cluster))} will be changed:\n${changes.join('')}${works.join('')}`;
}

const count = (number: number, what: string): string =>
  number === 0 ? `no ${what}` : `${number} ${what}${number === 1 ? '' : 's'}`;

function ending({ cluster }: Edit, waited: boolean): string {
  const { name = '', namespace } = cluster.metadata;
  return waited
    ? `Cluster ${titleOf(cluster)} is as the file says.\n`
    : `Cluster ${titleOf(cluster)} is changed; see polarstack operations ${name}${inNamespace(namespace)} -w.\n`;
}
