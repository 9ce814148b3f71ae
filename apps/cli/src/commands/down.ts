import { confirm, isCancel } from '@clack/prompts';
import { isStackError, StackError } from '@polarstack/base';
import { chooseHome, down, type Home, readHomeRecord } from '@polarstack/local';
import type { Command } from 'commander';
import { untilInterrupted } from './interrupt.ts';
import { createStepsView } from './steps-view.ts';

interface DownFlags {
  readonly home?: string;
  readonly delete?: boolean;
  readonly yes?: boolean;
}

export function registerDown(program: Command): void {
  program
    .command('down')
    .description('stop everything of this home: control process, proxy and databases; data stays unless --delete')
    .option('--home <folder>', 'the data folder (default: POLARSTACK_HOME, else .polarstack in the checkout)')
    .option('--delete', 'remove the data too, after asking')
    .option('--yes', 'do not ask')
    .action(async (flags: DownFlags) => {
      const { home } = chooseHome(flags.home);
      if (!isHome(home)) {
        process.stdout.write(`Nothing runs: ${home.root} is not a local home.\n`);
        return;
      }
      const remove = flags.delete === true;
      if (remove && flags.yes !== true && !(await mayRemove(home))) {
        process.stdout.write('Nothing was changed.\n');
        return;
      }
      const view = createStepsView();
      const { stopped, removed } = await untilInterrupted((signal) => down({ home, remove, progress: view, signal }));
      process.stdout.write(stopped === 0 ? 'Nothing was running.\n' : `Stopped ${stopped} processes.\n`);
      process.stdout.write(
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

async function mayRemove(home: Home): Promise<boolean> {
  if (!process.stdin.isTTY) throw new StackError('ConfirmationNeeded', `--delete would remove ${home.root}`);
  const answer = await confirm({
    message: `Remove ${home.root} with every database in it? This cannot be undone.`,
    initialValue: false,
  });
  return !isCancel(answer) && answer;
}
