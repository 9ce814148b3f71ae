/** The control process: `polarstack-control --home <folder> [--report]`. */
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { createLogger, StackError } from '@polarstack/base';
import { findBuild } from '../home/build.ts';
import { homeAt } from '../home/home.ts';
import { openRotatingLog } from '../machine/rotating-log.ts';
import { runProcess } from '../machine/run-process.ts';
import { runControl } from './control.ts';
import { createStartupReporter } from './startup-channel.ts';

const { values } = parseArgs({ options: { home: { type: 'string' }, report: { type: 'boolean' } } });
if (values.home === undefined) throw new StackError('InvalidConfig', '--home is needed');
const home = homeAt(values.home);
const log = createLogger({ component: 'control', destination: openRotatingLog(join(home.logs, 'control.log')) });
const reporter = createStartupReporter(values.report === true);

runProcess(log, async (signal) => {
  try {
    await runControl({ home, build: findBuild(), log, reporter, signal });
  } catch (error) {
    reporter.failed(error);
    throw error;
  }
});
