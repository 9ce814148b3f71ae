import { names } from '@polarstack/api';
import { isStackError, StackError, systemClock } from '@polarstack/base';
import { type AgentClient, createAgentClient, type PulseSource } from '@polarstack/contracts';
import type { MemberAgent } from '@polarstack/ha';
import { type KubeClient, type ObjectKey, Secrets } from '@polarstack/kube';

export interface AgentAddress {
  readonly host: string;
  readonly port: number;
  /** The name its certificate must bear: the pod's. */
  readonly serverName: string;
}

export interface ClusterAgents {
  /** The agent at the address that `find` gives at each call. */
  agent(find: () => AgentAddress): MemberAgent & PulseSource;
  close(): void;
}

interface Identity {
  readonly caPem: string;
  readonly certPem: string;
  readonly keyPem: string;
}

/** A renewed certificate is looked for where calls fail, and not more often than this. */
const REREAD_MS = 10_000;

/** Clients of the agents of one cluster; connections are kept, for a switch must not begin with handshakes. */
export function createClusterAgents(kube: Pick<KubeClient, 'get'>, cluster: Required<ObjectKey>): ClusterAgents {
  const clients = new Map<string, { readonly address: string; readonly client: AgentClient }>();
  let identity: Promise<Identity> | undefined;
  let readAt = 0;

  const readIdentity = async (): Promise<Identity> => {
    const name = names.client(cluster.name, 'cluster-manager');
    const { data = {} } = await kube.get(Secrets, { namespace: cluster.namespace, name });
    const value = (key: string): string => Buffer.from(data[key] ?? '', 'base64').toString();
    const [caPem, certPem, keyPem] = [value('ca.crt'), value('tls.crt'), value('tls.key')];
    if (!caPem || !certPem || !keyPem) throw new StackError('AgentUnreachable', `Secret ${name} is not complete`);
    return { caPem, certPem, keyPem };
  };

  const forget = (): void => {
    identity = undefined;
    for (const { client } of clients.values()) client.close();
    clients.clear();
  };

  const identityNow = async (): Promise<Identity> => {
    if (identity === undefined) {
      readAt = systemClock.monotonic();
      identity = readIdentity();
      identity.catch(() => {
        identity = undefined;
      });
    }
    try {
      return await identity;
    } catch (error) {
      throw isStackError(error) ? new StackError('AgentUnreachable', error.message, { cause: error }) : error;
    }
  };

  const clientAt = async ({ host, port, serverName }: AgentAddress): Promise<AgentClient> => {
    const pair = await identityNow();
    const address = `${host}:${port}`;
    const known = clients.get(serverName);
    if (known?.address === address) return known.client;
    known?.client.close();
    const client = createAgentClient({ host, port, serverName, ...pair });
    clients.set(serverName, { address, client });
    return client;
  };

  const call = async <T>(find: () => AgentAddress, work: (client: AgentClient) => Promise<T>): Promise<T> => {
    const client = await clientAt(find());
    try {
      return await work(client);
    } catch (error) {
      const isOld = systemClock.monotonic() - readAt > REREAD_MS;
      const mayBeRenewed = isStackError(error, 'AgentUnreachable') || isStackError(error, 'AgentUnauthenticated');
      if (isOld && mayBeRenewed) forget();
      throw error;
    }
  };

  return {
    agent: (find) => ({
      status: async (...args) => await call(find, async (agent) => await agent.status(...args)),
      setTerm: async (...args) => await call(find, async (agent) => await agent.setTerm(...args)),
      setSlots: async (...args) => await call(find, async (agent) => await agent.setSlots(...args)),
      checkpoint: async (...args) => await call(find, async (agent) => await agent.checkpoint(...args)),
      start: async (...args) => await call(find, async (agent) => await agent.start(...args)),
      stop: async (...args) => await call(find, async (agent) => await agent.stop(...args)),
      fence: async (...args) => await call(find, async (agent) => await agent.fence(...args)),
      promote: async (...args) => await call(find, async (agent) => await agent.promote(...args)),
      rewind: async (...args) => await call(find, async (agent) => await agent.rewind(...args)),
      task: async (...args) => await call(find, async (agent) => await agent.task(...args)),
      writeCanary: async (...args) => await call(find, async (agent) => await agent.writeCanary(...args)),
      readCanary: async (...args) => await call(find, async (agent) => await agent.readCanary(...args)),
      watch: async (...args) => await call(find, async (agent) => await agent.watch(...args)),
    }),
    close: forget,
  };
}
