import { HA_RECORD_KEY, MPDOperations, names } from '@polarstack/api';
import { isStackError } from '@polarstack/base';
import { ageOf, type SwitchHistory, switchHistoryOf, type Why, why } from '@polarstack/domain';
import { ConfigMaps } from '@polarstack/kube';
import type { Command } from 'commander';
import { getCluster } from '../cluster/find-cluster.ts';
import { type Connection, withConnection } from '../connect/connect.ts';
import { addGlobals, connectionOptions, globalsOf } from '../connect/globals.ts';
import type { Io } from '../io.ts';
import type { Colors } from '../output/colors.ts';
import { outputFormat, renderValue } from '../output/format.ts';
import { colorsFor, write } from '../output/screen.ts';
import { untilInterrupted } from './interrupt.ts';

export function registerWhy(program: Command, io: Io): void {
  const command = program
    .command('why')
    .argument('<cluster>', 'its name')
    .description('say in one sentence what is wrong with a cluster or under way on it, since when, and what helps');
  addGlobals(command, ...connectionOptions, 'output').action(async (name: string) => {
    const globals = globalsOf(command);
    const format = outputFormat(globals.output, ['json', 'yaml']);
    await untilInterrupted(
      async (signal) =>
        await withConnection(globals, async (connection) => {
          const cluster = await getCluster(connection, name, signal);
          const { namespace = 'default' } = cluster.metadata;
          const [{ items }, switches] = await Promise.all([
            connection.client.list(MPDOperations, { namespace }, signal),
            readSwitches(connection, namespace, name, signal),
          ]);
          const now = new Date();
          const answer = why({ cluster, operations: items, now, ...(switches && { switches }) });
          const text =
            format === 'json' || format === 'yaml'
              ? await renderValue(format, { cluster: name, namespace, ...answer })
              : renderWhy(answer, colorsFor(io, globals), now);
          await write(io, text);
        }),
    );
  });
}

/** What the HA record says of switches; undefined where there is none, or this user may not read it. */
export async function readSwitches(
  { client }: Connection,
  namespace: string,
  cluster: string,
  signal: AbortSignal,
): Promise<SwitchHistory | undefined> {
  try {
    const found = await client.find(ConfigMaps, { namespace, name: names.haRecord(cluster) }, signal);
    return switchHistoryOf(found?.data?.[HA_RECORD_KEY]);
  } catch (error) {
    if (isStackError(error, 'Forbidden')) return undefined;
    throw error;
  }
}

function renderWhy({ level, sentence, facts }: Why, colors: Colors, now: Date): string {
  const paint = { wrong: colors.bad, waits: colors.busy, busy: colors.busy, note: colors.dim, fine: colors.good };
  const details = facts.map((fact) => {
    const { since, help, code } = fact;
    const tail = [
      ...(since === undefined ? [] : [`    since:  ${since} (${ageOf(since, now)})\n`]),
      ...(code === undefined ? [] : [`    code:   ${code}\n`]),
      ...(help === undefined ? [] : [`    remedy: ${help}\n`]),
    ];
    return `  ${paint[fact.level](fact.level.padEnd(6))} ${fact.what}\n${tail.join('')}`;
  });
  // One fact without more to tell is the sentence again.
  const more = facts.length > 1 || level === 'wrong' ? `\n${details.join('')}` : '';
  return `${paint[level](sentence)}\n${more}`;
}
