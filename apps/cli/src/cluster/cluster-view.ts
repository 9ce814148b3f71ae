import type { InstanceStatus, MPDCluster } from '@polarstack/api';
import type { AgentStatus } from '@polarstack/contracts';
import { engineStateName, lagBytes } from '@polarstack/domain';

/** What `polarstack status` says of an instance; null: not known (yet). The field names are a promise to scripts. */
export interface InstanceView {
  /**
   * `agent`: role, state, process and positions are what its agent said just now. `api`: nobody answered; they are what
   * the API has last seen (`observedAt`), and what may have ended since (pid, lag, streaming) is not known.
   */
  readonly source: 'agent' | 'api';
  readonly name: string;
  readonly id: string;
  /** What the engine itself says: `primary` or `replica`; `unknown` before anybody has asked it. */
  readonly role: string;
  readonly ready: boolean;
  readonly node: string;
  readonly host: string;
  readonly port: number | null;
  readonly state: string;
  readonly pid: number | null;
  readonly dataDir: string | null;
  readonly version: string | null;
  readonly lsn: string | null;
  /** Bytes of log that a replica has not replayed yet. */
  readonly lag: number | null;
  readonly streaming: boolean | null;
  /** When role, positions and engine were seen. */
  readonly observedAt: string | null;
}

export interface EndpointView {
  readonly host: string;
  readonly port: number;
}

export interface ConditionView {
  readonly type: string;
  readonly status: string;
  readonly reason: string;
  readonly message: string;
}

export interface ClusterView {
  readonly name: string;
  readonly namespace: string;
  readonly status: string;
  readonly version: string | null;
  readonly createdAt: string | null;
  readonly currentOperation: string | null;
  readonly conditions: readonly ConditionView[];
  readonly endpoints: { readonly rw: EndpointView | null; readonly ro: EndpointView | null };
  /** The primary first, then by name. */
  readonly instances: readonly InstanceView[];
}

export interface SeenElsewhere {
  /** What the agents say now, by name of the pod. */
  readonly reports?: ReadonlyMap<string, AgentStatus>;
  /** Names of the nodes that are not ready: nothing on them is, whatever has been written about it before. */
  readonly nodesDown?: ReadonlySet<string>;
}

export function clusterView(cluster: MPDCluster, seen: SeenElsewhere = {}): ClusterView {
  const { reports = new Map<string, AgentStatus>(), nodesDown = new Set<string>() } = seen;
  const { metadata, status } = cluster;
  const primary = [...reports.values()].find(({ engine }) => engine.role === 'primary');
  const instances = Object.entries(status?.dbInstanceStatus ?? {}).map(([id, instance]): InstanceView => {
    const report = reports.get(instance.podName ?? '');
    return {
      name: instance.podName ?? '',
      id,
      node: instance.nodeName ?? '',
      host: instance.netInfo?.workingHostIP ?? '',
      port: instance.netInfo?.workingPort ?? null,
      ...(report
        ? saidNow(instance, report, primary?.engine.lsn)
        : seenLast(instance, nodesDown.has(instance.nodeName ?? ''))),
    };
  });
  return {
    name: metadata.name ?? '',
    namespace: metadata.namespace ?? '',
    status: metadata.deletionTimestamp === undefined ? (status?.clusterStatus ?? 'Pending') : 'Deleting',
    version: status?.engine?.version ?? null,
    createdAt: metadata.creationTimestamp ?? null,
    currentOperation: status?.currentOperation || null,
    conditions: (status?.conditions ?? []).map(({ type, status: value, reason, message }) => ({
      type,
      status: value,
      reason: reason ?? '',
      message: message ?? '',
    })),
    endpoints: { rw: endpoint(status?.endpoints?.rw), ro: endpoint(status?.endpoints?.ro) },
    instances: instances.sort(primaryFirst),
  };
}

type Figures = Omit<InstanceView, 'name' | 'id' | 'node' | 'host' | 'port'>;

function saidNow(
  instance: InstanceStatus,
  { engine, observedAt }: AgentStatus,
  primaryLsn: string | undefined,
): Figures {
  return {
    source: 'agent',
    role: engine.role ?? 'unknown',
    // Whether services lead to it is the pod's; an engine that stands still is not ready, whoever has not noticed yet.
    ready: instance.ready === true && engine.state === 'running',
    state: engineStateName(engine.state),
    pid: engine.pid ?? null,
    dataDir: engine.dataDir,
    version: engine.version ?? null,
    lsn: engine.lsn ?? null,
    lag: engine.role === 'replica' ? (lagBytes(primaryLsn, engine.lsn) ?? null) : null,
    streaming: engine.role === 'replica' ? engine.streaming === true : null,
    observedAt,
  };
}

function seenLast(instance: InstanceStatus, nodeDown: boolean): Figures {
  return {
    source: 'api',
    role: instance.role || 'unknown',
    ready: instance.ready === true && !nodeDown,
    state: instance.currentState?.state ?? '',
    pid: null,
    dataDir: instance.engine?.dataDir ?? null,
    version: instance.engine?.version ?? null,
    lsn: instance.lsn ?? null,
    lag: null,
    streaming: null,
    observedAt: instance.observedAt ?? null,
  };
}

function endpoint(seen: { readonly host?: string; readonly port?: number } | undefined): EndpointView | null {
  return seen?.host && seen.port ? { host: seen.host, port: seen.port } : null;
}

function primaryFirst(a: InstanceView, b: InstanceView): number {
  const rank = ({ role }: InstanceView): number => (role === 'primary' ? 0 : 1);
  return rank(a) - rank(b) || a.name.localeCompare(b.name, 'en');
}

/** Shown as ready instances of all. */
export function readiness({ instances }: ClusterView): string {
  return `${instances.filter(({ ready }) => ready).length}/${instances.length}`;
}
