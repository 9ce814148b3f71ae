/**
 * Our API server alone in a process, with addresses for services. Says its port when it accepts requests, and when asked
 * how many requests each identity has sent. Usage: api-child <folder with store and certificates>
 */
import { subscribe } from 'node:diagnostics_channel';
import { readFileSync } from 'node:fs';
import type { IncomingMessage } from 'node:http';
import { join } from 'node:path';
import type { TLSSocket } from 'node:tls';
import { silentLogger } from '@polarstack/base';
import { openObjectStore, startKubeServer } from '@polarstack/kube-server';

const folder = process.argv[2] ?? '';
const read = (name: string): string => readFileSync(join(folder, name), 'utf8');

const identities = new WeakMap<object, string>();
const requests = new Map<string, number>();
subscribe('http.server.request.start', (message) => {
  const { socket, method, url = '' } = (message as { readonly request: IncomingMessage }).request;
  const identity = identities.get(socket) ?? String((socket as TLSSocket).getPeerCertificate().subject?.CN);
  identities.set(socket, identity);
  // Which call it is: without names and queries.
  const kind = /\/(?:namespaces\/[^/]+\/)?([a-z]+)(?:\/[^/?]+)?(\/status)?(?:\?|$)/.exec(url);
  const key = `${identity} ${method} ${kind?.[1] ?? url}${kind?.[2] ?? ''}`;
  requests.set(key, (requests.get(key) ?? 0) + 1);
});

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
process.on('message', () => process.send?.({ requests: Object.fromEntries(requests) }));
process.once('disconnect', () => process.exit());
process.send?.({ port: server.port });
