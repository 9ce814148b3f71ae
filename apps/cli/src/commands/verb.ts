import type { Command } from 'commander';
import type { Io } from '../io.ts';
import { verbs } from '../verbs/all.ts';
import { registerVerb } from '../verbs/register-verb.ts';

/** Registers the verb of this name as a command of the program. */
export function registerNamedVerb(name: string): (program: Command, io: Io) => void {
  return (program, io) => {
    for (const verb of verbs) if (verb.name === name) registerVerb(program, verb, io);
  };
}

/** `polarstack plan VERB ...`: the same as `polarstack VERB ... --plan`. */
export function registerPlan(program: Command, io: Io): void {
  const plan = program
    .command('plan')
    .description(
      'say what a verb would do: steps, restarts, moves, write pauses, checks and risks; nothing is changed',
    );
  for (const verb of verbs) registerVerb(plan, verb, io, true);
}
