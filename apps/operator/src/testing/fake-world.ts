/**
 * Nodes, endpoints and agents in memory: what stands around the operator, for tests of the operator alone. Effects on
 * an instance last as long as its volume, so that a pod that is made again finds its data.
 */
import { readFileSync } from 'node:fs';
import { labels, SYSTEM_NAMESPACE } from '@polarstack/api';
import { StackError } from '@polarstack/base';
import type { AgentApi, AgentTask, Bootstrap, EngineConfig, EngineReport, Term } from '@polarstack/contracts';
import { type AgentAddress, type AgentDirectory, loadCatalog } from '@polarstack/domain';
import {
  ConfigMaps,
  EndpointSlices,
  Nodes,
  PersistentVolumeClaims,
  Pods,
  Services,
  StorageClasses,
} from '@polarstack/kube';
import type { PersistentVolumeClaim, Pod, Service } from 'kubernetes-types/core/v1.js';
import type { FakeKube } from './fake-kube.ts';

export interface FakeInstance {
  readonly pod: string;
  term?: Term;
  state: EngineReport['state'];
  config?: EngineConfig;
  /** The config that its engine was started with. */
  runs?: EngineConfig;
  /** False: its replication is broken. */
  streams?: boolean;
  /** How often its engine was started. */
  starts: number;
  bootstrapped: number;
  readonly tasks: Map<string, AgentTask>;
  readonly bootstraps: Bootstrap[];
  /** Physical slots that it has. */
  slots: readonly string[];
  readonly calls: string[];
  /** Verifiers of the roles that were set. */
  readonly verifiers: Map<string, string>;
  /** Databases that were made on this primary, by name: their owners. */
  readonly databases: Map<string, string>;
}

export interface FakeWorld {
  readonly agents: AgentDirectory;
  readonly instances: ReadonlyMap<string, FakeInstance>;
  /** The volume of this pod's instance is empty. */
  loseData(pod: string): void;
  /** Pods of these names are not run. */
  readonly off: Set<string>;
  /** How many engines ran at each moment when a pod that runs once came to its end. */
  readonly ended: readonly number[];
  /** The next calls fail: `call pod`; `run` is of pods that run once. */
  readonly failures: Map<string, StackError>;
  close(): void;
}

const image = 'polarstack/postgres:15';

/** Values that wait for a restart. */
const fixedWhileRunning = ['max_connections', 'shared_buffers'];

function pendingOf({ config, runs }: FakeInstance): readonly string[] {
  return fixedWhileRunning.filter((name) => config?.parameters[name] !== runs?.parameters[name]);
}

/** What an image is, by its tag. */
const versionOf = (pod: Pod | undefined): string =>
  /:(\d+\.\d+)$/.exec(pod?.spec?.containers[0]?.image ?? '')?.[1] ?? '15.18';

/** The catalog as it is installed, one PostgreSQL, three nodes. */
export async function installCatalog(kube: FakeKube): Promise<void> {
  const read = (file: string): string =>
    readFileSync(new URL(`../../../../deploy/catalog/${file}`, import.meta.url), 'utf8');
  for (const configMap of loadCatalog(read, [15])) await kube.create(ConfigMaps, configMap as never);
  await kube.create(ConfigMaps, {
    metadata: {
      name: 'postgresql-15-minor-version-info-local',
      namespace: SYSTEM_NAMESPACE,
      labels: { configtype: 'minor_version_info', dbClusterMode: 'Local', dbType: 'PostgreSQL', dbVersion: '15' },
    },
    data: { name: 'local-15', version: '15.18', pgEngineImage: image },
  });
  const marks = { 'storageclass.kubernetes.io/is-default-class': 'true' };
  await kube.create(StorageClasses, {
    metadata: { name: 'local', annotations: marks },
    provisioner: 'test',
    allowVolumeExpansion: true,
  });
  for (const name of ['node-1', 'node-2', 'node-3']) {
    const node = await kube.create(Nodes, { metadata: { name } });
    const conditions = [
      { type: 'Ready', status: 'True' },
      { type: 'NodeClientIP', status: 'True', message: `192.0.2.${name.slice(-1)}` },
    ];
    await kube.replaceStatus(Nodes, { ...node, status: { images: [{ names: [image] }], conditions } });
  }
}

/** Keeps the world going: pods run at once, get ready when their engine runs, and services lead to those that are. */
export function createFakeWorld(kube: FakeKube): FakeWorld {
  const instances = new Map<string, FakeInstance>();
  const off = new Set<string>();
  const failures = new Map<string, StackError>();
  const ended: number[] = [];
  const canaries = new Map<string, string>();
  let nextIP = 1;
  let closed = false;

  const instanceOf = (pod: string): FakeInstance => {
    const known = instances.get(pod);
    if (known) return known;
    const made: FakeInstance = {
      pod,
      state: 'absent',
      starts: 0,
      bootstrapped: 0,
      tasks: new Map(),
      bootstraps: [],
      slots: [],
      calls: [],
      verifiers: new Map(),
      databases: new Map(),
    };
    instances.set(pod, made);
    return made;
  };
  const podOf = (name: string): Pod | undefined => kube.all(Pods).find(({ metadata }) => metadata?.name === name);

  const settle = async (): Promise<void> => {
    for (const pod of kube.all(Pods)) {
      const { name = '', deletionTimestamp, namespace = 'default', uid = '' } = pod.metadata ?? {};
      if (off.has(name)) continue;
      if (deletionTimestamp) {
        await kube.delete(Pods, { namespace, name }, { gracePeriodSeconds: 0, preconditions: { uid } }).catch(() => {});
        // Its next pod starts the engine again.
        const ended = instances.get(name);
        if (ended?.config) {
          ended.runs = ended.config;
          ended.starts++;
        }
        continue;
      }
      if (pod.spec?.restartPolicy === 'Never') {
        await runOnce(pod);
        continue;
      }
      const ready = instances.get(name)?.state === 'running' ? 'True' : 'False';
      const podIP = pod.status?.podIP ?? `10.0.0.${nextIP++}`;
      const conditions = [
        { type: 'PodScheduled', status: 'True' },
        { type: 'Ready', status: ready },
      ];
      await kube.replaceStatus(Pods, { ...pod, status: { phase: 'Running', podIP, conditions } }).catch(() => {});
    }
    for (const service of kube.all(Services)) await settleEndpoints(service);
    for (const claim of kube.all(PersistentVolumeClaims)) await settleVolume(claim);
  };

  const runOnce = async (pod: Pod): Promise<void> => {
    const { name = '' } = pod.metadata ?? {};
    if (pod.status?.phase === 'Succeeded' || pod.status?.phase === 'Failed') return;
    const failure = failures.get(`run ${name}`);
    failures.delete(`run ${name}`);
    if (!failure) ended.push([...instances.values()].filter(({ state }) => state === 'running').length);
    const terminated = { exitCode: failure ? 3 : 0, message: failure?.message ?? '' };
    const containerStatuses = [
      { name: 'main', image: '', imageID: '', ready: false, restartCount: 0, state: { terminated } },
    ];
    await kube
      .replaceStatus(Pods, { ...pod, status: { phase: failure ? 'Failed' : 'Succeeded', containerStatuses } })
      .catch(() => {});
  };

  /** Bound at once, with the size that is asked for. */
  const settleVolume = async (claim: PersistentVolumeClaim): Promise<void> => {
    const storage = claim.spec?.resources?.requests?.storage ?? '';
    if (claim.status?.capacity?.storage === storage) return;
    const status = { phase: 'Bound', capacity: { storage } };
    await kube.replaceStatus(PersistentVolumeClaims, { ...claim, status }).catch(() => {});
  };

  const settleEndpoints = async (service: Service): Promise<void> => {
    const { name = '', namespace = 'default' } = service.metadata ?? {};
    const selector = Object.entries(service.spec?.selector ?? {});
    const chosen = kube
      .all(Pods)
      .filter(({ metadata }) => selector.every(([key, value]) => metadata?.labels?.[key] === value));
    const endpoints = chosen.map(({ status }) => ({
      addresses: [status?.podIP ?? ''],
      conditions: {
        ready: status?.conditions?.some(({ type, status: value }) => type === 'Ready' && value === 'True') ?? false,
      },
    }));
    const metadata = {
      name,
      namespace,
      labels: { 'kubernetes.io/service-name': name },
      ownerReferences: ownerOf(service),
    };
    const current = await kube.find(EndpointSlices, { namespace, name });
    if (!current) await kube.create(EndpointSlices, { metadata, addressType: 'IPv4', endpoints }).catch(() => {});
    else await kube.replace(EndpointSlices, { ...current, endpoints }).catch(() => {});
  };

  const ownerOf = ({ metadata }: Service) => [
    { apiVersion: 'v1', kind: 'Service', name: metadata?.name ?? '', uid: metadata?.uid ?? '' },
  ];

  let pending = false;
  const poke = (): void => {
    if (pending || closed) return;
    pending = true;
    setImmediate(() => {
      pending = false;
      const { beforeWrite, afterWrite } = kube;
      // Hooks are for the operator's writes.
      Object.assign(kube, { beforeWrite: undefined, afterWrite: undefined });
      const restore = (): void => void Object.assign(kube, { beforeWrite, afterWrite });
      settle().then(restore, restore);
    });
  };
  const unsubscribe = kube.onChange(({ plural }) => {
    if (['pods', 'services', 'persistentvolumeclaims'].includes(plural)) poke();
  });

  const agent = (address: AgentAddress): AgentApi => {
    const pod = address.serverName;
    const reach = (call: string): FakeInstance => {
      const failure = failures.get(`${call} ${pod}`);
      if (failure) {
        failures.delete(`${call} ${pod}`);
        throw failure;
      }
      const found = podOf(pod);
      if (off.has(pod) || !found || found.status?.podIP !== address.host) {
        throw new StackError('AgentUnreachable', `${pod} does not answer`);
      }
      const instance = instanceOf(pod);
      instance.calls.push(call);
      return instance;
    };
    const cluster = podOf(pod)?.metadata?.labels?.[labels.clusterName] ?? '';
    const report = (instance: FakeInstance): EngineReport => {
      const { state, term, starts, config } = instance;
      return {
        state,
        dataDir: '/data/pgdata',
        configVersion: config?.version ?? 0,
        ...(state === 'running' &&
          term && {
            role: term.role,
            pid: 4711,
            startedAt: `start ${starts}`,
            version: versionOf(podOf(pod)),
            pendingRestart: pendingOf(instance),
            lsn: '0/3000000',
            timeline: 1,
          }),
        ...(state === 'running' &&
          term?.role === 'replica' && { streaming: instance.streams !== false, receivedLsn: '0/3000000' }),
      };
    };
    return {
      status: async () => {
        const instance = reach('status');
        return {
          instanceId: pod,
          agent: { version: '1', pid: 1, startedAt: '' },
          engine: report(instance),
          observedAt: new Date().toISOString(),
          ...(instance.term && { term: instance.term }),
        };
      },
      setTerm: async (term) => {
        reach('setTerm').term = term;
        return term;
      },
      bootstrap: async (id, bootstrap) => {
        const instance = reach('bootstrap');
        const known = instance.tasks.get(id);
        if (known) return known;
        instance.bootstraps.push(bootstrap);
        if (instance.state === 'absent') instance.bootstrapped++;
        if (instance.state !== 'running') instance.starts++;
        instance.term = bootstrap.term;
        instance.config = bootstrap.config;
        instance.runs = bootstrap.config;
        instance.slots = bootstrap.slots;
        instance.state = 'running';
        const kind = bootstrap.kind;
        const task: AgentTask = { id, kind, state: 'done', startedAt: '' };
        instance.tasks.set(id, task);
        poke();
        return task;
      },
      task: async (id) => reach('task').tasks.get(id) ?? { id, kind: 'initdb', state: 'failed', startedAt: '' },
      checkConfig: async () => void reach('checkConfig'),
      setConfig: async (config) => {
        const instance = reach('setConfig');
        instance.config = config;
        return { pendingRestart: pendingOf(instance) };
      },
      start: async () => {
        const instance = reach('start');
        if (instance.state !== 'running') {
          instance.starts++;
          if (instance.config) instance.runs = instance.config;
        }
        instance.state = 'running';
        poke();
        return report(instance);
      },
      stop: async () => {
        const instance = reach('stop');
        instance.state = 'stopped';
        poke();
        return report(instance);
      },
      reload: async () => report(reach('reload')),
      fence: async ({ epoch }) => {
        reach('fence').state = 'stopped';
        return { instanceId: pod, epoch, bootId: 'b', cleanStop: true, at: '' };
      },
      checkpoint: async () => ({ durationMs: reach('checkpoint') ? 1 : 0 }),
      promote: async () => report(reach('promote')),
      rewind: async (id) => ({ id, kind: 'rewind', state: reach('rewind') ? 'done' : 'failed', startedAt: '' }),
      setRoles: async (roles) => {
        const { verifiers } = reach('setRoles');
        for (const { name, verifier = '' } of roles) verifiers.set(name, verifier);
      },
      setDatabases: async (wanted) => {
        const { databases } = reach('setDatabases');
        for (const { name, owner } of wanted) databases.set(name, owner);
      },
      checkDatabases: async (wanted) => {
        const { term } = reach('checkDatabases');
        const { databases } = instanceOf(term?.upstream?.serverName ?? pod);
        const missing = wanted.find((name) => !databases.has(name));
        if (missing !== undefined) throw new StackError('EngineQueryFailed', `database "${missing}" does not exist`);
      },
      setSlots: async (slots) => {
        reach('setSlots').slots = slots;
      },
      writeCanary: async (token) => {
        reach('writeCanary');
        canaries.set(cluster, token);
        return { lsn: '0/3000000' };
      },
      readCanary: async () => {
        reach('readCanary');
        return { token: canaries.get(cluster) ?? null };
      },
    };
  };

  return {
    agents: { agent: (_, address) => agent(address), forget: () => {} },
    instances,
    loseData: (pod) => void instances.delete(pod),
    off,
    failures,
    ended,
    close: () => {
      closed = true;
      unsubscribe();
    },
  };
}
