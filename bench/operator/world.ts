/** Nodes and agents of many clusters of one instance, in memory: pods run at once, engines do what they are told. */
import { setTimeout as pause } from 'node:timers/promises';
import { labels } from '@polarstack/api';
import { StackError } from '@polarstack/base';
import type { AgentApi, AgentTask, EngineConfig, EngineReport, Term } from '@polarstack/contracts';
import type { AgentAddress, AgentDirectory } from '@polarstack/domain';
import { createInformer, EndpointSlices, type KubeClient, Pods, Services } from '@polarstack/kube';
import type { Pod } from 'kubernetes-types/core/v1.js';

/** How long a call to an agent that does not answer takes to fail, in milliseconds; as that of the real client. */
const NO_ANSWER_MS = 5_000;

interface Instance {
  state: EngineReport['state'];
  term?: Term;
  config?: EngineConfig;
  readonly tasks: Map<string, AgentTask>;
  readonly roles: Set<string>;
  canary?: string;
}

export interface World {
  readonly agents: AgentDirectory;
  /** Clusters whose agents do not answer. */
  readonly stuck: Set<string>;
  /** Called with the name of the cluster whose agent is asked to check a config: the first effect of a change. */
  onCheckConfig: (cluster: string) => void;
  start(signal: AbortSignal): Promise<void>;
}

export function createWorld(client: KubeClient): World {
  const instances = new Map<string, Instance>();
  const stuck = new Set<string>();
  const clusterOfPod = new Map<string, string>();
  const ips = new Map<string, string>();
  const pods = createInformer({ client, resource: Pods, labelSelector: labels.clusterName });
  const services = createInformer({ client, resource: Services });
  let work: Promise<void> = Promise.resolve();

  const instanceOf = (pod: string): Instance => {
    const made: Instance = instances.get(pod) ?? { state: 'absent', tasks: new Map(), roles: new Set() };
    instances.set(pod, made);
    return made;
  };
  const show = async (pod: Pod): Promise<void> => {
    const { name = '', namespace = 'default' } = pod.metadata ?? {};
    const cluster = pod.metadata?.labels?.[labels.clusterName] ?? '';
    clusterOfPod.set(name, cluster);
    const podIP = ips.get(name) ?? `10.${ips.size >> 16}.${(ips.size >> 8) & 255}.${ips.size & 255}`;
    ips.set(name, podIP);
    const isReady = instanceOf(name).state === 'running';
    const shown = pod.status?.conditions?.some(({ type, status }) => type === 'Ready' && status === 'True') ?? false;
    if (pod.status?.podIP === podIP && shown === isReady) return;
    const conditions = [
      { type: 'PodScheduled', status: 'True' },
      { type: 'Ready', status: isReady ? 'True' : 'False' },
    ];
    const body = { status: { phase: 'Running', podIP, conditions } };
    await client.patchStatus(Pods, { namespace, name }, { type: 'merge', body }).catch(() => undefined);
    if (isReady) for (const kind of ['rw', 'r']) await lead(namespace, cluster, kind, podIP);
  };
  const lead = async (namespace: string, cluster: string, kind: string, ip: string): Promise<void> => {
    const service = services.list().find(({ metadata }) => metadata?.name === `${cluster}-${kind}`);
    if (!service?.metadata) return;
    const { name = '', uid = '' } = service.metadata;
    await client
      .create(EndpointSlices, {
        metadata: {
          name,
          namespace,
          labels: { 'kubernetes.io/service-name': name },
          ownerReferences: [{ apiVersion: 'v1', kind: 'Service', name, uid }],
        },
        addressType: 'IPv4',
        endpoints: [{ addresses: [ip], conditions: { ready: true } }],
      })
      .catch(() => undefined);
  };
  const poke = (pod: string): void => {
    const found = pods.list().find(({ metadata }) => metadata?.name === pod);
    if (found) work = work.then(async () => await show(found));
  };

  const agent = ({ serverName: pod }: AgentAddress): AgentApi => {
    const reach = async (): Promise<Instance> => {
      if (stuck.has(clusterOfPod.get(pod) ?? '')) {
        await pause(NO_ANSWER_MS);
        throw new StackError('AgentUnreachable', `${pod} does not answer`);
      }
      return instanceOf(pod);
    };
    const report = ({ state, term, config }: Instance): EngineReport => ({
      state,
      dataDir: '/data/pgdata',
      configVersion: config?.version ?? 0,
      ...(state === 'running' &&
        term && {
          role: term.role,
          pid: 4711,
          startedAt: '2026-01-01T00:00:00Z',
          version: '15.18',
          pendingRestart: [],
          lsn: '0/3000000',
          timeline: 1,
        }),
    });
    const known: Partial<AgentApi> = {
      status: async () => {
        const instance = await reach();
        return {
          instanceId: pod,
          agent: { version: '1', pid: 1, startedAt: '2026-01-01T00:00:00Z' },
          engine: report(instance),
          observedAt: new Date().toISOString(),
          ...(instance.term && { term: instance.term }),
        };
      },
      bootstrap: async (id, { term, config, kind }) => {
        const instance = await reach();
        const task: AgentTask = { id, kind, state: 'done', startedAt: '2026-01-01T00:00:00Z' };
        Object.assign(instance, { term, config, state: 'running' });
        instance.tasks.set(id, task);
        poke(pod);
        return task;
      },
      task: async (id) =>
        (await reach()).tasks.get(id) ?? { id, kind: 'initdb', state: 'failed', startedAt: '2026-01-01T00:00:00Z' },
      checkConfig: async () => {
        await reach();
        world.onCheckConfig(clusterOfPod.get(pod) ?? '');
      },
      setConfig: async (config) => {
        (await reach()).config = config;
        return { pendingRestart: [] };
      },
      setTerm: async (term) => {
        (await reach()).term = term;
        return term;
      },
      start: async () => report(await reach()),
      reload: async () => report(await reach()),
      checkpoint: async () => ({ durationMs: (await reach()) ? 1 : 0 }),
      writeCanary: async (token) => {
        (await reach()).canary = token;
        return { lsn: '0/3000000' };
      },
      readCanary: async () => ({ token: (await reach()).canary ?? null }),
      setRoles: async () => void (await reach()),
      setDatabases: async () => void (await reach()),
      checkDatabases: async () => void (await reach()),
      setSlots: async () => void (await reach()),
    };
    return new Proxy(known as AgentApi, {
      get: (target, name) =>
        Reflect.get(target, name) ??
        (() => {
          throw new Error(`the simulated agent cannot ${String(name)}`);
        }),
    });
  };

  const world: World = {
    agents: { agent: (_, address) => agent(address), forget: () => {} },
    stuck,
    onCheckConfig: () => {},
    start: async (signal) => {
      pods.onChange(({ type, object }) => {
        if (type === 'ADDED') work = work.then(async () => await show(object));
      });
      void Promise.all([pods.start(signal), services.start(signal)]).catch((error: unknown) => {
        if (!signal.aborted) throw error;
      });
      await Promise.all([pods.synced, services.synced]);
    },
  };
  return world;
}
