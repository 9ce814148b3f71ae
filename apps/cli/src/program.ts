import { Command } from 'commander';
import { addAllGlobals, addGlobals, globalsOf } from './connect/globals.ts';
import type { Io } from './io.ts';
import { exitCodes } from './report-error.ts';

/** A command whose module is loaded only when it is run or when its own help is wanted. */
export interface LazyCommand {
  readonly names: readonly string[];
  readonly summary: string;
  readonly load: () => Promise<(program: Command, io: Io) => void>;
}

/** A verb that changes a cluster. */
const verb = (name: string, summary: string): LazyCommand => ({
  names: [name],
  summary,
  load: async () => (await import('./commands/verb.ts')).registerNamedVerb(name),
});

/** In the order in which `--help` shows them. */
export const lazyCommands: readonly LazyCommand[] = [
  {
    names: ['up'],
    summary: 'start the local home in the background, and a demo cluster in a new one',
    load: async () => (await import('./commands/up.ts')).registerUp,
  },
  {
    names: ['down'],
    summary: 'stop everything of the local home; the data stays unless --delete',
    load: async () => (await import('./commands/down.ts')).registerDown,
  },
  {
    names: ['status'],
    summary: 'show clusters and their instances',
    load: async () => (await import('./commands/status.ts')).registerStatus,
  },
  {
    names: ['create'],
    summary: 'make a cluster from options or from a file',
    load: async () => (await import('./commands/create.ts')).registerCreate,
  },
  {
    names: ['delete'],
    summary: 'delete a cluster with its data, after asking',
    load: async () => (await import('./commands/delete.ts')).registerDelete,
  },
  {
    names: ['list', 'ls'],
    summary: 'list clusters',
    load: async () => (await import('./commands/list.ts')).registerList,
  },
  {
    names: ['psql'],
    summary: 'connect to a cluster with psql',
    load: async () => (await import('./commands/psql.ts')).registerPsql,
  },
  {
    names: ['logs'],
    summary: 'print what instances have logged',
    load: async () => (await import('./commands/logs.ts')).registerLogs,
  },
  {
    names: ['events'],
    summary: 'show what happened',
    load: async () => (await import('./commands/events.ts')).registerEvents,
  },
  {
    names: ['why'],
    summary: 'say in one sentence what is wrong with a cluster or under way on it',
    load: async () => (await import('./commands/why.ts')).registerWhy,
  },
  {
    names: ['apply'],
    summary: 'make clusters what a file says, after checking and saying what will happen',
    load: async () => (await import('./commands/apply.ts')).registerApply,
  },
  {
    names: ['plan'],
    summary: 'say what a verb below would do, and change nothing',
    load: async () => (await import('./commands/verb.ts')).registerPlan,
  },
  verb('switchover', 'move the RW to another instance'),
  verb('scale', 'change the number of ROs'),
  verb('set-class', 'change the class (size) of the instances'),
  verb('set-param', 'change parameters of the engine'),
  verb('restart', 'restart one instance, or all'),
  verb('migrate', 'move an instance to another node'),
  verb('rebuild', 'make a RO anew from the RW'),
  verb('remove-replica', 'remove a chosen RO'),
  verb('upgrade', 'change to a newer minor version'),
  verb('extend', 'make the volumes larger'),
  {
    names: ['operations', 'ops'],
    summary: 'list operations on clusters and their steps',
    load: async () => (await import('./commands/operations.ts')).registerOperations,
  },
  {
    names: ['operation', 'op'],
    summary: 'show, approve, pause, resume, retry, skip or cancel an operation',
    load: async () => (await import('./commands/operation.ts')).registerOperation,
  },
  {
    names: ['history'],
    summary: 'what was done to a cluster, and how it ended',
    load: async () => (await import('./commands/history.ts')).registerHistory,
  },
  {
    names: ['ha'],
    summary: 'who is primary and why, how it came to be so, and pauses of failover',
    load: async () => (await import('./commands/ha.ts')).registerHa,
  },
  {
    names: ['node'],
    summary: 'list nodes, pull the plug of one, put it back',
    load: async () => (await import('./commands/node.ts')).registerNode,
  },
  {
    names: ['token'],
    summary: 'make, list and revoke tokens of the REST API',
    load: async () => (await import('./commands/token.ts')).registerToken,
  },
  {
    names: ['kubeconfig'],
    summary: 'print the kubeconfig of the local home',
    load: async () => (await import('./commands/kubeconfig.ts')).registerKubeconfig,
  },
  {
    names: ['doctor'],
    summary: 'check this machine and the local home, and say what mends what is wrong',
    load: async () => (await import('./commands/doctor.ts')).registerDoctor,
  },
  {
    names: ['version'],
    summary: 'print the versions of this program and of the server',
    load: async () => (await import('./commands/version.ts')).registerVersion,
  },
  {
    names: ['completion'],
    summary: 'print a completion script for bash, zsh or fish',
    load: async () => (await import('./commands/completion.ts')).registerCompletion,
  },
];

/** Options of the program that take a value: the word after them is no command. */
const withValue = new Set(['--home', '--kubeconfig', '--context', '-n', '--namespace', '-o', '--output']);

/** The first word that is neither an option of the program nor the value of one. */
export function commandWord(args: readonly string[]): string | undefined {
  for (let i = 0; i < args.length; i++) {
    const word = args[i] ?? '';
    if (word === 'help') continue;
    if (!word.startsWith('-')) return word;
    if (withValue.has(word)) i++;
  }
  return undefined;
}

/** The program with the one command that `args` name loaded, and the others by name only. */
export async function createProgram(args: readonly string[], io: Io): Promise<Command> {
  const program = new Command('polarstack')
    .description('PolarDB Stack: database clusters on this machine, or on any Kubernetes cluster')
    .enablePositionalOptions()
    .showHelpAfterError('(see --help)')
    .exitOverride()
    .configureOutput({
      writeOut: (text) => io.stdout.write(text),
      writeErr: (text) => io.stderr.write(text),
      getOutHasColors: () => false,
      getErrHasColors: () => false,
    })
    .addHelpText('after', () => targetHelp + exitCodeHelp());
  addAllGlobals(program);
  const word = commandWord(args);
  // Completion describes every command, so it needs them all.
  const all = word === 'completion';
  for (const { names, summary, load } of lazyCommands) {
    const [name = '', ...aliases] = names;
    if (all || (word !== undefined && names.includes(word))) (await load())(program, io);
    else program.command(name).aliases(aliases).description(summary).allowUnknownOption();
  }
  for (const command of program.commands) offerNoColor(command);
  passGlobals(program);
  return program;
}

/** Every command takes `--no-color`, whoever wrote it. */
function offerNoColor(command: Command): void {
  if (!command.options.some(({ long }) => long === '--no-color')) addGlobals(command, 'color');
  for (const child of command.commands) offerNoColor(child);
}

/** Commands of the local home read `--home` as an option of their own; it may stand before their name as well. */
function passGlobals(program: Command): void {
  program.hook('preAction', (_, action) => {
    const { home } = globalsOf(action);
    const own = action.options.some(({ long }) => long === '--home');
    if (own && home !== undefined) action.setOptionValueWithSource('home', home, 'cli');
  });
}

const targetHelp = `
Which server is asked: that of --kubeconfig; else the local home, where there is one; else that of the environment's
KUBECONFIG (several files are merged, as by kubectl); else, with --context, that of ~/.kube/config. A home that
--home or POLARSTACK_HOME names is never passed over.
`;

function exitCodeHelp(): string {
  const lines = exitCodes.map(([code, meaning]) => `  ${code.padEnd(6)}${meaning}`);
  return `\nExit codes:\n${lines.join('\n')}\n`;
}
