/** Two agents of a cluster that answer `GET /v1/status` over mutual TLS with what a test says, and its access Secret. */
import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import type { MPDClusterStatus } from '@polarstack/api';
import type { AgentStatus, EngineReport } from '@polarstack/contracts';
import { type KubeClient, Secrets } from '@polarstack/kube';
import { createAuthority, issueCertificate } from '@polarstack/pki';

export interface PlayedAgents {
  /** By pod; one without an answer is silent. */
  readonly answers: Map<string, Partial<EngineReport>>;
  /** The agent of `pod` shows a certificate of this name from now on. */
  pretend(pod: string, name: string): void;
  /** The status with the addresses of these agents. */
  status(of: MPDClusterStatus): MPDClusterStatus;
  removeSecret(): Promise<void>;
  stop(): Promise<void>;
}

const pods = ['demo-1000-1000', 'demo-1001-1001'];

export async function playAgents(client: KubeClient, cluster: string): Promise<PlayedAgents> {
  const now = new Date();
  const authority = await createAuthority({ commonName: cluster, days: 1, now });
  const issue = async (commonName: string, usage: 'server' | 'client') =>
    await issueCertificate({ authority, commonName, dnsNames: [commonName], usages: [usage], days: 1, now });
  const names = new Map(
    await Promise.all([...pods, 'demo-9999-9999'].map(async (n) => [n, await issue(n, 'server')] as const)),
  );
  const operator = await issue('operator', 'client');
  const base64 = (text: string): string => Buffer.from(text).toString('base64');
  const secret = { namespace: 'default', name: `${cluster}-client-operator` };
  const data = { 'ca.crt': authority.certPem, 'tls.crt': operator.certPem, 'tls.key': operator.keyPem };
  await client.create(Secrets, {
    metadata: secret,
    type: 'kubernetes.io/tls',
    data: Object.fromEntries(Object.entries(data).map(([key, value]) => [key, base64(value)])),
  });

  const answers = new Map<string, Partial<EngineReport>>();
  const servers = new Map<string, Server>();
  for (const pod of pods) {
    const { certPem: cert, keyPem: key } = names.get(pod) ?? operator;
    const tls = { cert, key, ca: authority.certPem, requestCert: true, rejectUnauthorized: true };
    const server = createServer(tls, (request, response) => {
      const engine = answers.get(pod);
      // Silence: the connection stays, and nothing comes.
      if (!engine || request.url !== '/v1/status') return;
      const report: AgentStatus = {
        instanceId: pod,
        agent: { version: '1', pid: 1, startedAt: now.toISOString() },
        engine: { state: 'running', dataDir: '/live/pgdata', configVersion: 1, ...engine },
        observedAt: '2026-02-02T00:00:00.000Z',
      };
      response.end(JSON.stringify(report));
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    servers.set(pod, server);
  }
  const portOf = (pod: string): number => {
    const server = servers.get(pod);
    if (!server) throw new Error(`nobody plays ${pod}`);
    return (server.address() as AddressInfo).port;
  };

  return {
    answers,
    pretend: (pod, name) => {
      const pair = names.get(name);
      if (pair) servers.get(pod)?.setSecureContext({ cert: pair.certPem, key: pair.keyPem, ca: authority.certPem });
    },
    status: (of) => ({
      ...of,
      dbInstanceStatus: Object.fromEntries(
        Object.entries(of.dbInstanceStatus ?? {}).map(([id, entry]) => [
          id,
          {
            ...entry,
            netInfo: { workingHostIP: '127.0.0.1', workingPort: 5432, agentPort: portOf(entry.podName ?? '') },
          },
        ]),
      ),
    }),
    removeSecret: async () => {
      await client.delete(Secrets, secret);
    },
    stop: async () => {
      for (const server of servers.values()) {
        server.closeAllConnections();
        await new Promise((resolve) => server.close(resolve));
      }
    },
  };
}
