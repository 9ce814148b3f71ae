/** The embedded API server on a free port, with its store in a temporary folder and an administrator's kubeconfig. */
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import type { PodConnector } from '@polarstack/api';
import { silentLogger, waitFor } from '@polarstack/base';
import { createKubeClient, type KubeConnection, type KubeHttpClient, type KubeObject } from '@polarstack/kube';
import { openObjectStore, startKubeServer } from '@polarstack/kube-server';
import { createAuthority, issueCertificate } from '@polarstack/pki';
import { parseAllDocuments, stringify } from 'yaml';

export interface EmbeddedApi {
  readonly folder: string;
  readonly kubeconfig: string;
  readonly connection: KubeConnection;
  readonly client: KubeHttpClient;
  /** Creates every object of a folder of `deploy/`. */
  deploy(name: 'crds' | 'catalog'): Promise<void>;
  /** Stops the server (a kill as far as clients can see) and starts it again on the same port and store. */
  restart(): Promise<void>;
  /** Stops the server for good; what it stored stays until `stop`. */
  halt(): Promise<void>;
  stop(): Promise<void>;
}

const serviceAddresses = Array.from({ length: 250 }, (_, i) => `127.0.20.${i + 2}`);
const checkout = resolve(import.meta.dirname, '../..');

export async function startEmbeddedApi(options: { readonly connector?: PodConnector } = {}): Promise<EmbeddedApi> {
  const folder = mkdtempSync(join(tmpdir(), 'polarstack-toolkit-'));
  const now = new Date();
  const authority = await createAuthority({ commonName: 'test', days: 1, now });
  const serverPair = await issueCertificate({
    authority,
    commonName: 'api',
    ipAddresses: ['127.0.0.1'],
    usages: ['server'],
    days: 1,
    now,
  });
  const admin = await issueCertificate({
    authority,
    commonName: 'polarstack-admin',
    organizations: ['system:masters'],
    usages: ['client'],
    days: 1,
    now,
  });

  const start = async (port: number) => {
    const stopping = new AbortController();
    const store = await openObjectStore({ dir: join(folder, 'api'), logger: silentLogger });
    const server = await startKubeServer({
      store,
      listen: { host: '127.0.0.1', port },
      tls: { certPem: serverPair.certPem, keyPem: serverPair.keyPem, clientCaPem: authority.certPem },
      connector: () => options.connector,
      serviceIPs: { next: (used) => serviceAddresses.find((address) => !used.has(address)) },
      logger: silentLogger,
      signal: stopping.signal,
    });
    return {
      port: server.port,
      stop: async () => {
        stopping.abort();
        await server.close();
        await store.close();
      },
    };
  };

  let running = await start(0);
  let halted = false;
  const connection: KubeConnection = {
    server: `https://127.0.0.1:${running.port}`,
    caPem: authority.certPem,
    certPem: admin.certPem,
    keyPem: admin.keyPem,
  };
  const kubeconfig = join(folder, 'kubeconfig');
  writeFileSync(kubeconfig, renderKubeconfig(connection), { mode: 0o600 });
  const client = createKubeClient(connection);

  async function deploy(name: 'crds' | 'catalog'): Promise<void> {
    const from = join(checkout, 'deploy', name);
    for (const file of readdirSync(from).filter((name) => name.endsWith('.yaml'))) {
      for (const document of parseAllDocuments(readFileSync(join(from, file), 'utf8'))) {
        const object = document.toJS() as KubeObject;
        await client.create(kindOf(object), object);
        if (name === 'crds') await established(client, object);
      }
    }
  }

  return {
    folder,
    kubeconfig,
    connection,
    client,
    deploy,
    restart: async () => {
      const { port } = running;
      await running.stop();
      running = await start(port);
    },
    halt: async () => {
      halted = true;
      await running.stop();
    },
    stop: async () => {
      await client.close();
      if (!halted) await running.stop();
      rmSync(folder, { recursive: true });
    },
  };
}

function kindOf({ kind = '', apiVersion = '' }: KubeObject) {
  const [group = '', version = ''] = apiVersion.includes('/') ? apiVersion.split('/') : ['', apiVersion];
  const namespaced = kind === 'ConfigMap';
  return { group, version, kind, plural: `${kind.toLowerCase()}s`, namespaced };
}

/** A new kind is served a moment after its definition is stored. */
async function established(client: KubeHttpClient, definition: KubeObject): Promise<void> {
  const { group, names } = (definition as { spec: { group: string; names: { plural: string } } }).spec;
  await waitFor(
    `the kind ${names.plural}`,
    async (signal) => await client.raw(`/apis/${group}/v1/${names.plural}`, signal),
    { signal: AbortSignal.timeout(30_000), timeoutMs: 20_000, intervalMs: 10 },
  );
}

function renderKubeconfig({ server, caPem = '', certPem = '', keyPem = '' }: KubeConnection): string {
  const base64 = (text: string): string => Buffer.from(text).toString('base64');
  return stringify({
    apiVersion: 'v1',
    kind: 'Config',
    'current-context': 'test',
    contexts: [{ name: 'test', context: { cluster: 'test', user: 'admin' } }],
    clusters: [{ name: 'test', cluster: { server, 'certificate-authority-data': base64(caPem) } }],
    users: [
      {
        name: 'admin',
        user: { 'client-certificate-data': base64(certPem), 'client-key-data': base64(keyPem) },
      },
    ],
  });
}
