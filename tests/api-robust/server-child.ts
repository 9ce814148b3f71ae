/**
 * An API server in a process of its own: `node server.mjs <folder>`, which has `settings.json`. It says `ready <port>` on
 * standard output, logs to standard error, and ends with SIGTERM.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { PodConnector } from '@polarstack/api';
import { createLogger, StackError } from '@polarstack/base';
import { type KubeServerOptions, openObjectStore, startKubeServer } from '@polarstack/kube-server';

export interface ChildSettings {
  readonly tls: KubeServerOptions['tls'];
  readonly port: number;
  readonly storeDir: string;
  readonly server: Partial<Omit<KubeServerOptions, 'store' | 'tls' | 'listen' | 'connector' | 'logger' | 'signal'>>;
}

/** A pod in which every command repeats its input. */
const echo: PodConnector = {
  exec: async (_ref, { command, stdin, stdout, stderr }, signal) => {
    if (command[0] === 'fail') throw new StackError('ExecFailed', 'the command does not exist');
    stderr.write('begin\n');
    if (stdin) for await (const chunk of stdin) stdout.write(chunk as Buffer);
    signal.throwIfAborted();
    return command.length % 3;
  },
  logs: async function* (_ref, request, signal) {
    for (let line = 0; line < 20; line++) {
      signal.throwIfAborted();
      yield Buffer.from(`line ${line}\n`);
    }
    if (request.follow && !signal.aborted) {
      await new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true }));
    }
  },
};

const folder = String(process.argv[2]);
const settings = JSON.parse(readFileSync(join(folder, 'settings.json'), 'utf8')) as ChildSettings;
const logger = createLogger({
  component: 'api',
  destination: { write: (line: string) => void process.stderr.write(line) },
});
const store = await openObjectStore({ dir: settings.storeDir, logger });
const stopping = new AbortController();
let last = 1;
const server = await startKubeServer({
  ...settings.server,
  store,
  tls: settings.tls,
  listen: { host: '127.0.0.1', port: settings.port },
  connector: () => echo,
  serviceIPs: { next: () => `127.9.${(last >> 8) & 255}.${last++ & 255}` },
  logger,
  signal: stopping.signal,
});
process.on('SIGTERM', () => {
  stopping.abort();
  void server
    .close()
    .then(() => store.close())
    .then(() => process.exit(0));
});
process.stdout.write(`ready ${server.port}\n`);
