import type { MPDCluster } from '@polarstack/api';

/** What `polarstack status` says of an instance; null: not known (yet). The field names are a promise to scripts. */
export interface InstanceView {
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

export function clusterView(cluster: MPDCluster): ClusterView {
  const { metadata, status } = cluster;
  const instances = Object.entries(status?.dbInstanceStatus ?? {}).map(
    ([id, instance]): InstanceView => ({
      name: instance.podName ?? '',
      id,
      role: instance.role || 'unknown',
      ready: instance.ready === true,
      node: instance.nodeName ?? '',
      host: instance.netInfo?.workingHostIP ?? '',
      port: instance.netInfo?.workingPort ?? null,
      state: instance.currentState?.state ?? '',
      pid: instance.engine?.pid ?? null,
      dataDir: instance.engine?.dataDir ?? null,
      version: instance.engine?.version ?? null,
      lsn: instance.lsn ?? null,
      lag: instance.lagBytes ?? null,
      streaming: instance.streaming ?? null,
      observedAt: instance.observedAt ?? null,
    }),
  );
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
