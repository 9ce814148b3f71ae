import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { PodConnector } from '@polarstack/api';
import { silentLogger } from '@polarstack/base';
import { openObjectStore, startKubeServer } from '@polarstack/kube-server';
import { agentOf, createIdentity } from './identity.ts';
import type { ContractServer } from './server.ts';

const serviceAddresses = Array.from({ length: 250 }, (_, i) => `10.96.0.${i + 2}`);

/** Our API server on a store in a temporary folder. */
export async function startOurs(connector?: PodConnector): Promise<ContractServer> {
  const folder = await mkdtemp(join(tmpdir(), 'polarstack-contract-'));
  const identity = await createIdentity();
  const store = await openObjectStore({ dir: folder, logger: silentLogger });
  const stopping = new AbortController();
  const server = await startKubeServer({
    store,
    listen: { host: '127.0.0.1', port: 0 },
    tls: { ...identity.serving, clientCaPem: identity.caPem },
    connector: () => connector,
    serviceIPs: { next: (used) => serviceAddresses.find((address) => !used.has(address)) },
    logger: silentLogger,
    signal: stopping.signal,
    bookmarkMs: 1_000,
  });
  const agent = agentOf(identity);
  return {
    title: 'ours',
    endpoint: { host: '127.0.0.1', port: server.port, agent },
    stop: async () => {
      agent.destroy();
      stopping.abort();
      await server.close();
      await store.close();
      await rm(folder, { recursive: true, force: true });
    },
  };
}
