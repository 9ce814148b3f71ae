/**
 * A control process for tests: the real API server over a store on disk, and the node runtime as its client. Started
 * with a JSON of {@link ControlInput} as its argument; writes one line of JSON ({@link ControlReady}) when it is up.
 * SIGTERM shuts the pods down; anything harder leaves them running.
 */
import { createLogger, silentLogger } from '@polarstack/base';
import { createKubeClient } from '@polarstack/kube';
import { openObjectStore, startKubeServer } from '@polarstack/kube-server';
import { type NodeRuntime, startNodeRuntime } from '@polarstack/node-runtime';
import { createAuthority, issueCertificate } from '@polarstack/pki';
import { testImages, testNodes, testRunBase, testUser } from './fixtures.ts';

export interface ControlInput {
  readonly home: string;
  readonly block: number;
}

/** How to reach its API as an administrator. */
export interface ControlReady {
  readonly server: string;
  readonly caPem: string;
  readonly certPem: string;
  readonly keyPem: string;
}

const { home, block } = JSON.parse(process.argv[2] ?? '{}') as ControlInput;
const destination = { write: (line: string): boolean => process.stderr.write(line) };
const logger = process.env.POLARSTACK_TEST_LOG
  ? createLogger({ component: 'control', level: 'debug', destination })
  : silentLogger;
const now = new Date();
const host = '127.0.0.1';
const signal = new AbortController().signal;

const authority = await createAuthority({ commonName: 'test-ca', days: 1, now });
const issue = (commonName: string, organizations: readonly string[], usages: readonly ('server' | 'client')[]) =>
  issueCertificate({ authority, commonName, organizations, ipAddresses: [host], usages, days: 1, now });
const [serving, admin, own] = await Promise.all([
  issue('kube-apiserver', [], ['server']),
  issue('polarstack-admin', ['system:masters'], ['client']),
  issue('polarstack-node-runtime', ['polarstack:components'], ['client']),
]);
const store = await openObjectStore({ dir: `${home}/api`, logger });
let runtime: NodeRuntime | undefined;
const server = await startKubeServer({
  store,
  listen: { host, port: 0 },
  tls: { certPem: serving.certPem, keyPem: serving.keyPem, clientCaPem: authority.certPem },
  connector: () => runtime,
  serviceIPs: { next: (used) => [1, 2, 3, 4].map((x) => `127.${block}.20.${x}`).find((address) => !used.has(address)) },
  logger,
  signal,
});
const client = createKubeClient({
  server: server.url,
  caPem: authority.certPem,
  certPem: own.certPem,
  keyPem: own.keyPem,
});
runtime = await startNodeRuntime({
  client,
  home,
  block,
  nodes: testNodes(block),
  images: testImages,
  ...(testUser ? { user: testUser } : {}),
  binDir: `${home}/versions/test/bin`,
  runBase: testRunBase(home),
  logger,
  signal,
});
const ready: ControlReady = {
  server: server.url,
  caPem: authority.certPem,
  certPem: admin.certPem,
  keyPem: admin.keyPem,
};
process.stdout.write(`${JSON.stringify(ready)}\n`);

process.once('SIGTERM', () => {
  void (async () => {
    await runtime?.shutdown({ deadlineMs: 10_000 });
    await client.close();
    await server.close();
    await store.close();
    process.exit(0);
  })();
});
