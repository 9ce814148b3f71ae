import { createLogger, toStackError } from '@polarstack/base';
import { readConfig } from './config.ts';
import { runAgent } from './run.ts';

const VERSION = '0.1.0';
const log = createLogger({ component: 'agent' });
const stop = new AbortController();
for (const name of ['SIGTERM', 'SIGINT'] as const) process.on(name, () => stop.abort());

try {
  await runAgent({ config: readConfig(), version: VERSION, log, signal: stop.signal });
} catch (error) {
  const { code, message, remedy } = toStackError(error);
  log.error({ code, remedy, ...(code === 'Internal' ? { err: error } : {}) }, message);
  process.exitCode = 1;
}
