import type { Command } from 'commander';
import { carryOut } from '../change/carry-out.ts';
import { getCluster } from '../cluster/find-cluster.ts';
import { seconds } from '../commands/arguments.ts';
import { untilInterrupted } from '../commands/interrupt.ts';
import { withConnection } from '../connect/connect.ts';
import { addGlobals, connectionOptions, globalsOf } from '../connect/globals.ts';
import type { Io } from '../io.ts';
import { outputFormat } from '../output/format.ts';
import type { Verb } from './verb.ts';

interface Flags {
  readonly plan?: boolean;
  readonly wait?: boolean;
  readonly timeout?: number;
  readonly approveLater?: boolean;
  readonly reason?: string;
}

const specHelp = `
It edits the spec of the cluster, as kubectl edit would, and the operator does the rest. Where the spec lies in a
repository, change it there as well: whatever applies it next would ask for the old one again.
`;
const operationHelp = `
It makes an MPDOperation; the spec of the cluster stays as it is.
`;

/** Adds a verb to the program, or to `plan`, where it only says what it would do. */
export function registerVerb(parent: Command, verb: Verb, io: Io, planOnly = false): void {
  const command = parent.command(verb.name).argument('<cluster>', 'its name');
  verb.declare(command).description(planOnly ? `plan: ${verb.description}` : verb.description);
  addGlobals(command, ...connectionOptions);
  command.option(
    '-o, --output <format>',
    planOnly ? 'output format: json or yaml' : 'output format: json, yaml or name',
  );
  if (!planOnly) {
    command
      .option('--plan', 'only say what would be done: steps, restarts, moves, write pauses, risks')
      .option('--wait', 'wait for the end, showing each step', true)
      .option('--no-wait', 'return as soon as it is asked for')
      .option('--timeout <seconds>', 'how long to wait', seconds, 600)
      .addHelpText('after', verb.how === 'spec' ? specHelp : operationHelp);
    if (verb.how === 'operation') {
      command
        .option('--approve-later', 'make it wait, with its plan, for `polarstack operation approve`')
        .option('--reason <text>', 'why; it is kept with the operation');
    }
  }
  command.action(async (name: string, ...rest: unknown[]) => {
    const globals = globalsOf(command);
    const given = command.opts<Flags & Record<string, unknown>>();
    const only = planOnly || given.plan === true;
    const format = outputFormat(globals.output, only ? ['json', 'yaml'] : ['json', 'yaml', 'name']);
    const words = rest.slice(0, -2).flatMap((word) => (word === undefined ? [] : [word].flat().map(String)));
    await untilInterrupted(
      async (signal) =>
        await withConnection(globals, async (connection) => {
          const cluster = await getCluster(connection, name, signal);
          const wish = await verb.wish({ connection, cluster, signal }, { words, flags: given });
          await carryOut(
            { connection, cluster, signal },
            {
              wish,
              planOnly: only,
              wait: given.wait !== false && given.approveLater !== true,
              approveLater: given.approveLater === true,
              reason: given.reason ?? `polarstack ${verb.name}`,
              timeoutMs: (given.timeout ?? 600) * 1000,
              format,
              color: globals.color !== false,
              io,
            },
          );
        }),
    );
  });
}
