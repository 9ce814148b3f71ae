/**
 * Our API server alone in a process, with addresses for services. Says its port when it accepts requests. Usage:
 * api-child <folder with store and certificates>
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { silentLogger } from '@polarstack/base';
import { openObjectStore, startKubeServer } from '@polarstack/kube-server';

const folder = process.argv[2] ?? '';
const read = (name: string): string => readFileSync(join(folder, name), 'utf8');
const store = await openObjectStore({ dir: join(folder, 'api'), logger: silentLogger });
let last = 0;
const server = await startKubeServer({
  store,
  listen: { host: '127.0.0.1', port: 0 },
  tls: { certPem: read('server.crt'), keyPem: read('server.key'), clientCaPem: read('ca.crt') },
  connector: () => undefined,
  serviceIPs: { next: () => `10.96.${++last >> 8}.${last & 255}` },
  logger: silentLogger,
  signal: new AbortController().signal,
});
process.stdout.write(`${server.port}\n`);
