import { isStackError, StackError } from '@polarstack/base';
import { chooseHome, down, type Home, readHomeRecord } from '@polarstack/local';
import type { Command } from 'commander';
import type { Io } from '../io.ts';
import { untilInterrupted } from './interrupt.ts';
import { createStepsView } from './steps-view.ts';

interface DownFlags {
  readonly home?: string;
  readonly delete?: boolean;
  readonly yes?: boolean;
}

export function registerDown(program: Command, io: Io): void {
  const print = (text: string): void => void io.stdout.write(text);
  program
    .command('down')
    .description('stop everything of this home: control process, proxy and databases; data stays unless --delete')
    .option('--home <folder>', 'the data folder (default: POLARSTACK_HOME, else .polarstack in the checkout)')
    .option('--delete', 'remove the data too, after asking')
    .option('--yes', 'do not ask')
    .action(async (flags: DownFlags) => {
      const { home } = chooseHome(flags.home);
      if (!isHome(home)) {
        print(`Nothing runs: ${home.root} is not a local home.\n`);
        return;
      }
      const remove = flags.delete === true;
      if (remove && flags.yes !== true && !(await mayRemove(home, io))) {
        print('Nothing was changed.\n');
        return;
      }
      const view = createStepsView(io.stdout);
      const { stopped, removed } = await untilInterrupted((signal) => down({ home, remove, progress: view, signal }));
      print(stopped === 0 ? 'Nothing was running.\n' : `Stopped ${stopped} processes.\n`);
      print(
        removed ? `Removed ${home.root}.\n` : `The data stays in ${home.root}; \`polarstack up\` starts it again.\n`,
      );
    });
}

function isHome(home: Home): boolean {
  try {
    readHomeRecord(home);
    return true;
  } catch (error) {
    if (isStackError(error, 'HomeMissing')) return false;
    throw error;
  }
}

async function mayRemove(home: Home, io: Io): Promise<boolean> {
  const answer = await io.confirm(`Remove ${home.root} with every database in it? This cannot be undone.`);
  if (answer === undefined) throw new StackError('ConfirmationNeeded', `--delete would remove ${home.root}`);
  return answer;
}
