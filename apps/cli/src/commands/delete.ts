import { MPDClusters } from '@polarstack/api';
import { StackError } from '@polarstack/base';
import type { Command } from 'commander';
import { getCluster } from '../cluster/find-cluster.ts';
import { followOperation } from '../cluster/follow-operation.ts';
import { createProgressPrinter } from '../cluster/progress-printer.ts';
import { withConnection } from '../connect/connect.ts';
import { addGlobals, connectionOptions, globalsOf } from '../connect/globals.ts';
import type { Io } from '../io.ts';
import { colorsFor, write } from '../output/screen.ts';
import { seconds } from './arguments.ts';
import { untilInterrupted } from './interrupt.ts';

interface DeleteFlags {
  readonly yes?: boolean;
  readonly wait: boolean;
  readonly timeout: number;
}

export function registerDelete(program: Command, io: Io): void {
  const command = program
    .command('delete')
    .argument('<cluster>', 'its name')
    .description('delete a cluster with its data, after asking')
    .option('-y, --yes', 'do not ask')
    .option('--wait', 'wait until it is gone', true)
    .option('--no-wait', 'do not wait')
    .option('--timeout <seconds>', 'how long to wait', seconds, 300);
  addGlobals(command, ...connectionOptions).action(async (name: string, flags: DeleteFlags) => {
    const globals = globalsOf(command);
    await untilInterrupted(
      async (signal) =>
        await withConnection(globals, async (connection) => {
          const { client } = connection;
          const cluster = await getCluster(connection, name, signal);
          const { namespace = connection.namespace, uid = '' } = cluster.metadata;
          if (cluster.spec.deletionProtection === true) {
            throw new StackError('DeletionProtected', `cluster ${name} has spec.deletionProtection: true`, {
              remedy:
                `If it is really to go: kubectl -n ${namespace} patch mpd ${name} --type=merge ` +
                `-p '{"spec":{"deletionProtection":false}}', then delete it again.`,
            });
          }
          if (flags.yes !== true && !(await mayDelete(io, namespace, name))) {
            await write(io, 'Nothing was changed.\n');
            return;
          }
          // Another cluster of the same name, made meanwhile, is not the one that was confirmed.
          await client.delete(MPDClusters, { namespace, name }, { preconditions: { uid } }, signal);
          if (!flags.wait) {
            await write(io, `Cluster ${namespace}/${name} is being deleted.\n`);
            return;
          }
          const printer = createProgressPrinter(io, colorsFor(io, globals));
          await followOperation({
            client,
            namespace,
            name,
            uid,
            wish: 'Gone',
            timeoutMs: flags.timeout * 1000,
            printer,
            signal,
          });
          await write(io, `Cluster ${namespace}/${name} is deleted.\n`);
        }),
    );
  });
}

async function mayDelete(io: Io, namespace: string, name: string): Promise<boolean> {
  const answer = await io.confirm(`Delete cluster ${namespace}/${name} with all its data? This cannot be undone.`);
  if (answer === undefined) {
    throw new StackError('ConfirmationNeeded', `this would delete cluster ${namespace}/${name} with its data`);
  }
  return answer;
}
