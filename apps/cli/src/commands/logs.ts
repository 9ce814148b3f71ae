import { labels } from '@polarstack/api';
import { StackError } from '@polarstack/base';
import { type KubeHttpClient, Pods, queryString, resourcePath } from '@polarstack/kube';
import type { Command } from 'commander';
import { getCluster } from '../cluster/find-cluster.ts';
import { type Connection, withConnection } from '../connect/connect.ts';
import { addGlobals, connectionOptions, globalsOf } from '../connect/globals.ts';
import type { Io } from '../io.ts';
import { write } from '../output/screen.ts';
import { wholeNumber } from './arguments.ts';
import { untilInterrupted } from './interrupt.ts';

interface LogFlags {
  readonly follow?: boolean;
  readonly tail?: number;
  readonly since?: number;
  readonly previous?: boolean;
  readonly container?: string;
}

export function registerLogs(program: Command, io: Io): void {
  const command = program
    .command('logs')
    .argument('<cluster|pod>', 'all instances of a cluster, or one pod')
    .description('print what instances have logged')
    .option('-f, --follow', 'go on with what comes')
    .option('--tail <lines>', 'only the last lines', wholeNumber(0, 1_000_000))
    .option('--since <seconds>', 'only what is younger', wholeNumber(1, 100_000_000))
    .option('-p, --previous', 'of the run before this one')
    .option('-c, --container <name>', 'container (default: the only one)');
  addGlobals(command, ...connectionOptions).action(async (name: string, flags: LogFlags) => {
    await untilInterrupted(
      async (signal) =>
        await withConnection(globalsOf(command), async (connection) => {
          const pods = await podsOf(connection, name, signal);
          const prefixed = pods.length > 1;
          const print = async (pod: string): Promise<void> => {
            const path = logPath(connection.namespace, pod, flags);
            await printLog(connection.client, path, prefixed ? `${pod} | ` : '', io, signal);
          };
          try {
            if (flags.follow === true) await Promise.all(pods.map(print));
            else for (const pod of pods) await print(pod);
          } catch (error) {
            if (!signal.aborted) throw error;
          }
        }),
    );
  });
}

/** The pod of this name, or else the pods of the cluster of this name. */
async function podsOf(connection: Connection, name: string, signal: AbortSignal): Promise<readonly string[]> {
  const { client, namespace } = connection;
  if ((await client.find(Pods, { namespace, name }, signal)) !== undefined) return [name];
  await getCluster(connection, name, signal);
  const { items } = await client.list(Pods, { namespace, labelSelector: `${labels.clusterName}=${name}` }, signal);
  const pods = items.map(({ metadata }) => metadata?.name ?? '').sort();
  if (pods.length > 0) return pods;
  throw new StackError('NotFound', `cluster ${name} has no pods`, {
    remedy: `See polarstack status ${name} and polarstack events ${name} for why.`,
  });
}

function logPath(namespace: string, pod: string, flags: LogFlags): string {
  const query = queryString({
    follow: flags.follow,
    tailLines: flags.tail,
    sinceSeconds: flags.since,
    previous: flags.previous,
    container: flags.container,
  });
  return `${resourcePath(Pods, { namespace, name: pod, subresource: 'log' })}${query}`;
}

async function printLog(
  client: KubeHttpClient,
  path: string,
  prefix: string,
  io: Io,
  signal: AbortSignal,
): Promise<void> {
  const decoder = new TextDecoder();
  let rest = '';
  for await (const chunk of client.stream(path, signal)) {
    // Whole lines only, so that those of several pods do not mix.
    const text = rest + decoder.decode(chunk, { stream: true });
    const end = text.lastIndexOf('\n') + 1;
    rest = text.slice(end);
    if (end > 0) await write(io, withPrefix(text.slice(0, end), prefix));
  }
  if (rest !== '') await write(io, withPrefix(`${rest}\n`, prefix));
}

function withPrefix(lines: string, prefix: string): string {
  return prefix === '' ? lines : lines.replace(/^(?=.)/gm, prefix);
}
