/** The control process: `polarstack-control --home <folder> [--report]`. */
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { createLogger, isStackError, StackError } from '@polarstack/base';
import { findBuild } from '../home/build.ts';
import { homeAt } from '../home/home.ts';
import { openRotatingLog } from '../machine/rotating-log.ts';
import { runProcess } from '../machine/run-process.ts';
import { runControl } from './control.ts';
import { createStartupReporter } from './startup-channel.ts';

const { values } = parseArgs({ options: { home: { type: 'string' }, report: { type: 'boolean' } } });
if (values.home === undefined) throw new StackError('InvalidConfig', '--home is needed');
// Folders that we make must let the engines' user pass, whatever the umask of the user's shell; secrets have modes.
process.umask(0o022);
const home = homeAt(values.home);
const log = createLogger({ component: 'control', destination: openRotatingLog(join(home.logs, 'control.log')) });
const reporter = createStartupReporter(values.report === true);

// SIGUSR2 stops the pods too: what `polarstack down` sends. Any other end leaves them running.
let stopsPods = false;
process.on('SIGUSR2', () => {
  stopsPods = true;
  process.kill(process.pid, 'SIGTERM');
});

runProcess(log, async (signal) => {
  try {
    await runControl({ home, build: findBuild(), log, reporter, signal, stopPods: () => stopsPods });
  } catch (error) {
    reporter.failed(error);
    if (!isStackError(error) || error.code === 'Internal') throw error;
    // An expected reason, with its remedy: a stack would only hide it.
    log.error({ code: error.code, remedy: error.remedy }, error.message);
    process.exit(1);
  }
});
