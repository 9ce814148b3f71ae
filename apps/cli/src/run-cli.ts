import { StackError } from '@polarstack/base';
import { CommanderError } from 'commander';
import type { Io } from './io.ts';
import { createProgram } from './program.ts';
import { splitPsqlArguments } from './psql/split-arguments.ts';
import { exitCodeOf, renderError } from './report-error.ts';

/**
 * Runs one command line (without the program's own name). Resolves with the exit code, or undefined where the command
 * has set the process's own (psql). Never rejects.
 */
export async function runCli(words: readonly string[], io: Io): Promise<number | undefined> {
  const args = splitPsqlArguments(words);
  try {
    const program = await createProgram(args, io);
    if (args.length === 0) {
      program.outputHelp();
      return exitCodeOf(new StackError('Usage', 'a command is needed'));
    }
    await program.parseAsync([...args], { from: 'user' });
    return undefined;
  } catch (error) {
    // commander has printed its message already.
    if (error instanceof CommanderError) {
      return error.exitCode === 0 ? 0 : exitCodeOf(new StackError('Usage', error.message));
    }
    const { text, exitCode } = renderError(error);
    io.stderr.write(text);
    return exitCode;
  }
}
