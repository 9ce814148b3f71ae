import type { Command } from 'commander';

/** What can follow on the command line. */
export interface CommandWords {
  /** Words that lead here: `''` for the program, `node stop` for a command of a command. */
  readonly path: string;
  readonly description: string;
  /** Names of the commands below. */
  readonly commands: readonly string[];
  readonly options: readonly string[];
  /** What its first argument names. */
  readonly argument: 'cluster' | 'node' | 'operation' | 'shell' | 'none';
}

/** The tree of commands as a list; hidden ones are left out. */
export function wordsOf(program: Command): readonly CommandWords[] {
  return below(program, []);
}

function below(command: Command, path: readonly string[]): readonly CommandWords[] {
  const children = command
    .createHelp()
    .visibleCommands(command)
    .filter((child) => child.name() !== 'help');
  const options = command
    .createHelp()
    .visibleOptions(command)
    .flatMap(({ short, long }) => [short, long].filter((flag) => flag !== undefined && flag !== null));
  return [
    {
      path: path.join(' '),
      description: command.description(),
      commands: children.map((child) => child.name()),
      options,
      argument: argumentOf(command),
    },
    ...children.flatMap((child) => below(child, [...path, child.name()])),
  ];
}

function argumentOf(command: Command): CommandWords['argument'] {
  const name = command.registeredArguments[0]?.name() ?? '';
  if (name.startsWith('cluster')) return 'cluster';
  return name === 'node' || name === 'operation' || name === 'shell' ? name : 'none';
}
