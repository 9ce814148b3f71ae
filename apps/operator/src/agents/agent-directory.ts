import { names } from '@polarstack/api';
import { StackError } from '@polarstack/base';
import { type AgentApi, type AgentClient, createAgentClient } from '@polarstack/contracts';
import { type AgentAddress, type AgentDirectory, secretValue } from '@polarstack/domain';
import { type Informer, type KubeClient, Secrets } from '@polarstack/kube';
import type { Secret } from 'kubernetes-types/core/v1.js';

interface Cluster {
  readonly namespace: string;
  readonly name: string;
}

interface Identity {
  readonly caPem: string;
  readonly certPem: string;
  readonly keyPem: string;
}

interface Kept {
  /** Version of the Secret in the copy that it was read from; undefined where the API was asked. */
  readonly version: string | undefined;
  readonly identity: Promise<Identity>;
  readonly clients: Map<string, AgentClient>;
}

/**
 * Clients of the agents, by cluster: the operator's identity there is Secret `<c>-client-operator`, taken from the copy of the
 * Secrets, whose every change counts; where the copy has none the API is asked, once and again after `forget` (a renewal).
 * One client, and so one set of connections, for each address.
 */
export function createAgentDirectory(
  kube: Pick<KubeClient, 'get'>,
  secrets: Pick<Informer<Secret>, 'get'>,
): AgentDirectory & { close(): void } {
  const clusters = new Map<string, Kept>();

  const readIdentity = async (known: Secret | undefined, { namespace, name }: Cluster): Promise<Identity> => {
    const secret = known ?? (await kube.get(Secrets, { namespace, name: names.client(name, 'operator') }));
    const [caPem, certPem, keyPem] = ['ca.crt', 'tls.crt', 'tls.key'].map((key) => secretValue(secret, key));
    if (!caPem || !certPem || !keyPem) {
      throw new StackError('AgentUnreachable', `Secret ${names.client(name, 'operator')} is not complete`);
    }
    return { caPem, certPem, keyPem };
  };

  const keyOf = ({ namespace, name }: Cluster): string => `${namespace}/${name}`;

  const keptOf = (cluster: Cluster): Kept => {
    const key = keyOf(cluster);
    const copy = secrets.get(`${cluster.namespace}/${names.client(cluster.name, 'operator')}`);
    const version = copy?.metadata?.resourceVersion;
    const known = clusters.get(key);
    if (known && (version === undefined || version === known.version)) return known;
    // Calls under way end on the connections they have; agents close those that are idle.
    const kept: Kept = { version, identity: readIdentity(copy, cluster), clients: new Map() };
    clusters.set(key, kept);
    // A read that failed is tried again by the next call.
    kept.identity.catch(() => clusters.get(key) === kept && clusters.delete(key));
    return kept;
  };

  const clientOf = async (cluster: Cluster, address: AgentAddress): Promise<AgentClient> => {
    const kept = keptOf(cluster);
    const identity = await kept.identity;
    const key = `${address.host}:${address.port}/${address.serverName}`;
    const known = kept.clients.get(key);
    if (known) return known;
    for (const [other, client] of kept.clients) {
      // The pod got another address: its old connections are of no use any more.
      if (!other.endsWith(`/${address.serverName}`)) continue;
      client.close();
      kept.clients.delete(other);
    }
    const client = createAgentClient({ ...address, ...identity });
    kept.clients.set(key, client);
    return client;
  };

  const forget = (cluster: Cluster): void => {
    const kept = clusters.get(keyOf(cluster));
    clusters.delete(keyOf(cluster));
    for (const client of kept?.clients.values() ?? []) client.close();
  };

  return {
    agent: (cluster, address) => lazyAgent(async () => await clientOf(cluster, address)),
    forget,
    close: () => {
      for (const kept of clusters.values()) for (const client of kept.clients.values()) client.close();
      clusters.clear();
    },
  };
}

/** An agent whose client is looked up with each call, so that a renewed identity is used at once. */
function lazyAgent(client: () => Promise<AgentApi>): AgentApi {
  return {
    status: async (...args) => await (await client()).status(...args),
    setTerm: async (...args) => await (await client()).setTerm(...args),
    bootstrap: async (...args) => await (await client()).bootstrap(...args),
    task: async (...args) => await (await client()).task(...args),
    checkConfig: async (...args) => await (await client()).checkConfig(...args),
    setConfig: async (...args) => await (await client()).setConfig(...args),
    start: async (...args) => await (await client()).start(...args),
    stop: async (...args) => await (await client()).stop(...args),
    reload: async (...args) => await (await client()).reload(...args),
    fence: async (...args) => await (await client()).fence(...args),
    checkpoint: async (...args) => await (await client()).checkpoint(...args),
    promote: async (...args) => await (await client()).promote(...args),
    rewind: async (...args) => await (await client()).rewind(...args),
    setRoles: async (...args) => await (await client()).setRoles(...args),
    setDatabases: async (...args) => await (await client()).setDatabases(...args),
    checkDatabases: async (...args) => await (await client()).checkDatabases(...args),
    setSlots: async (...args) => await (await client()).setSlots(...args),
    writeCanary: async (...args) => await (await client()).writeCanary(...args),
    readCanary: async (...args) => await (await client()).readCanary(...args),
  };
}
