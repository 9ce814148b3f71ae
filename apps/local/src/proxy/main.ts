/** The proxy process: `polarstack-proxy --folder <home>/proxy`, with how to reach the API on its standard input. */
import { text } from 'node:stream/consumers';
import { parseArgs } from 'node:util';
import { createLogger, StackError } from '@polarstack/base';
import type { KubeConnection } from '@polarstack/kube';
import { openRotatingLog } from '../machine/rotating-log.ts';
import { runProcess } from '../machine/run-process.ts';
import { runProxy } from './proxy.ts';
import { proxyFiles } from './proxy-folder.ts';

const { values } = parseArgs({ options: { folder: { type: 'string' } } });
if (values.folder === undefined) throw new StackError('InvalidConfig', '--folder is needed');
const files = proxyFiles(values.folder);
const log = createLogger({ component: 'proxy', destination: openRotatingLog(files.log) });

runProcess(log, async (signal) => {
  const connection = JSON.parse(await text(process.stdin)) as KubeConnection;
  await runProxy({ connection, routesFile: files.routes, log, signal });
});
