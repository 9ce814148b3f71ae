import { StackError } from '@polarstack/base';
import type { Command } from 'commander';
import { completionScript, type Shell, shells } from '../completion/scripts.ts';
import { wordsOf } from '../completion/words.ts';
import type { Io } from '../io.ts';
import { write } from '../output/screen.ts';

export function registerCompletion(program: Command, io: Io): void {
  program
    .command('completion')
    .argument('<shell>', shells.join(', '))
    .description('print a script that teaches a shell to complete polarstack commands')
    .addHelpText(
      'after',
      [
        '',
        'bash: source <(polarstack completion bash)',
        'zsh:  source <(polarstack completion zsh)',
        'fish: polarstack completion fish | source',
        '',
      ].join('\n'),
    )
    .action(async (name: string) => {
      const shell = shells.find((each): each is Shell => each === name);
      if (shell === undefined)
        throw new StackError('Usage', `no completion for ${name}; there are: ${shells.join(', ')}`);
      await write(io, completionScript(shell, wordsOf(program)));
    });
}
