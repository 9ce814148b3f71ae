import { Agent, request } from 'node:https';
import type { PodConnector } from '@polarstack/api';
import { type Logger, silentLogger } from '@polarstack/base';
import { createAuthority, issueCertificate, type KeyPair } from '@polarstack/pki';
import { isObject, type JsonObject } from '../json.ts';
import { type KubeServer, type KubeServerOptions, startKubeServer } from '../server.ts';
import { createMemoryStore } from '../store/memory-store.ts';
import type { ObjectStore } from '../store/object-store.ts';

export interface Answer {
  readonly code: number;
  readonly body: JsonObject;
  readonly text: string;
  readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>;
}

export interface TestClient {
  call(method: string, path: string, body?: unknown, headers?: Readonly<Record<string, string>>): Promise<Answer>;
  readonly agent: Agent;
}

/** A server with a store in memory (or the one given), and clients with certificates of its authority. */
export interface TestServer {
  readonly server: KubeServer;
  readonly store: ObjectStore;
  readonly caPem: string;
  issue(user: string, groups: readonly string[]): Promise<KeyPair>;
  client(keys?: KeyPair): TestClient;
  /** An administrator. */
  readonly admin: TestClient;
  readonly adminKeys: KeyPair;
  stop(): Promise<void>;
}

export interface TestServerOptions {
  readonly store?: ObjectStore;
  readonly connector?: PodConnector;
  readonly logger?: Logger;
  readonly server?: Partial<KubeServerOptions>;
}

const now = new Date();

export async function startTestServer(options: TestServerOptions = {}): Promise<TestServer> {
  const store = options.store ?? createMemoryStore();
  const authority = await createAuthority({ commonName: 'test-ca', days: 1, now });
  const serving = await issueCertificate({
    authority,
    commonName: 'kube-apiserver',
    dnsNames: ['localhost'],
    ipAddresses: ['127.0.0.1'],
    usages: ['server'],
    days: 1,
    now,
  });
  const stopping = new AbortController();
  const server = await startKubeServer({
    store,
    listen: { host: '127.0.0.1', port: 0 },
    tls: { ...serving, clientCaPem: authority.certPem },
    connector: () => options.connector,
    serviceIPs: { next: (used) => range().find((address) => !used.has(address)) },
    logger: options.logger ?? silentLogger,
    signal: stopping.signal,
    ...options.server,
  });
  const issue = (commonName: string, organizations: readonly string[]): Promise<KeyPair> =>
    issueCertificate({ authority, commonName, organizations, usages: ['client'], days: 1, now });
  const agents: Agent[] = [];
  const client = (keys?: KeyPair): TestClient => {
    const agent = new Agent({
      keepAlive: true,
      ca: authority.certPem,
      ...(keys ? { cert: keys.certPem, key: keys.keyPem } : {}),
    });
    agents.push(agent);
    return { agent, call: (...parameters) => call(agent, server.port, ...parameters) };
  };
  const adminKeys = await issue('polarstack-admin', ['system:masters']);
  return {
    server,
    store,
    caPem: authority.certPem,
    issue,
    client,
    admin: client(adminKeys),
    adminKeys,
    stop: async () => {
      for (const agent of agents) agent.destroy();
      stopping.abort();
      await server.close();
      await store.close();
    },
  };
}

function range(): readonly string[] {
  return Array.from({ length: 50 }, (_, i) => `127.0.20.${i + 1}`);
}

function call(
  agent: Agent,
  port: number,
  method: string,
  path: string,
  body?: unknown,
  headers: Readonly<Record<string, string>> = {},
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const text = body === undefined ? undefined : typeof body === 'string' ? body : JSON.stringify(body);
    const sent = request(
      {
        agent,
        port,
        host: '127.0.0.1',
        method,
        path,
        headers: {
          ...(text === undefined
            ? {}
            : { 'content-type': 'application/json', 'content-length': Buffer.byteLength(text) }),
          ...headers,
        },
      },
      (response) => {
        const chunks: Buffer[] = [];
        response.on('data', (chunk: Buffer) => chunks.push(chunk));
        response.on('error', reject);
        response.on('end', () => {
          const answer = Buffer.concat(chunks).toString('utf8');
          resolve({ code: response.statusCode ?? 0, text: answer, body: parse(answer), headers: response.headers });
        });
      },
    );
    sent.on('error', reject);
    sent.end(text);
  });
}

function parse(text: string): JsonObject {
  if (!text.startsWith('{')) return {};
  const value: unknown = JSON.parse(text);
  return isObject(value) ? value : {};
}
