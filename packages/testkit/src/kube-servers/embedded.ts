import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { PodConnector } from '@polarstack/api';
import { silentLogger } from '@polarstack/base';
import { openObjectStore, startKubeServer } from '@polarstack/kube-server';
import { agentOf, createIdentity } from './identity.ts';
import { writeKubeconfig } from './kubeconfig.ts';
import type { KubeTestServer } from './server.ts';

const serviceAddresses = Array.from({ length: 250 }, (_, i) => `10.96.0.${i + 2}`);

export interface EmbeddedOptions {
  /** Its kubelet, where pods are run or played. */
  readonly connector?: PodConnector | undefined;
  /** How often watchers hear of the present version, in milliseconds. Default 1000. */
  readonly bookmarkMs?: number;
  /** How many events are kept. Default: what the store keeps by itself. */
  readonly historyEvents?: number;
}

/** Our API server on a store in a temporary folder, in this process. */
export async function startEmbeddedKube(options: EmbeddedOptions = {}): Promise<KubeTestServer> {
  const { connector, bookmarkMs = 1_000, historyEvents = 10_000 } = options;
  const historyLimit = { events: historyEvents, bytes: 16 * 1024 * 1024 };
  const folder = await mkdtemp(join(tmpdir(), 'polarstack-contract-'));
  const identity = await createIdentity();
  const start = async (port: number) => {
    const store = await openObjectStore({ dir: join(folder, 'api'), logger: silentLogger, historyLimit });
    const stopping = new AbortController();
    const server = await startKubeServer({
      store,
      listen: { host: '127.0.0.1', port },
      tls: { ...identity.serving, clientCaPem: identity.caPem },
      connector: () => connector,
      serviceIPs: { next: (used) => serviceAddresses.find((address) => !used.has(address)) },
      logger: silentLogger,
      signal: stopping.signal,
      bookmarkMs,
      // What the history has forgotten is forgotten: see `forget`.
      pageMs: 0,
    });
    const end = async (): Promise<void> => {
      stopping.abort();
      await server.close();
      await store.close();
    };
    return { port: server.port, end, store };
  };
  let running = await start(0);
  const { port } = running;
  const url = `https://127.0.0.1:${port}`;
  const agent = agentOf(identity);
  return {
    kind: 'embedded',
    title: 'ours',
    endpoint: { host: '127.0.0.1', port, agent },
    url,
    identity,
    folder,
    kubeconfig: await writeKubeconfig(folder, identity, url),
    connection: { server: url, caPem: identity.caPem, ...identity.admin },
    forget: async () => {
      const metadata = { name: 'forgotten', namespace: 'default' };
      const decision = { type: 'put', object: { apiVersion: 'v1', kind: 'ConfigMap', metadata } } as const;
      const writes = Array.from({ length: historyEvents + 1 }, () =>
        running.store.transact('core/configmaps/default/forgotten', () => decision),
      );
      await Promise.all(writes);
    },
    restart: async () => {
      await running.end();
      running = await start(port);
    },
    stop: async () => {
      agent.destroy();
      await running.end();
      await rm(folder, { recursive: true, force: true });
    },
  };
}
