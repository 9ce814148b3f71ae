/** The proxy process: `polarstack-proxy --folder <home>/proxy --code <hash>`. */
import { readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { createLogger, StackError } from '@polarstack/base';
import type { KubeConnection } from '@polarstack/kube';
import { writeFileAtomic } from '../machine/atomic-file.ts';
import { identifyProcess } from '../machine/process-identity.ts';
import { openRotatingLog } from '../machine/rotating-log.ts';
import { runProcess } from '../machine/run-process.ts';
import { runProxy } from './proxy.ts';
import { proxyFiles } from './proxy-folder.ts';

const { values } = parseArgs({ options: { folder: { type: 'string' }, code: { type: 'string' } } });
if (values.folder === undefined) throw new StackError('InvalidConfig', '--folder is needed');
const files = proxyFiles(values.folder);
const log = createLogger({ component: 'proxy', destination: openRotatingLog(files.log) });

runProcess(log, async (signal) => {
  const state = { ...identifyProcess(process.pid), code: values.code ?? '' };
  writeFileAtomic(files.state, `${JSON.stringify(state)}\n`, { mode: 0o644 });
  const connection = JSON.parse(readFileSync(files.connection, 'utf8')) as KubeConnection;
  await runProxy({ connection, routesFile: files.routes, log, signal });
});
