import { type Colors, stateCell } from '../output/colors.ts';
import { type Cell, renderTable } from '../output/table.ts';
import { age, bytes } from '../output/values.ts';
import { type ClusterView, type EndpointView, type InstanceView, readiness } from './cluster-view.ts';

const address = (endpoint: EndpointView | null): string => (endpoint ? `${endpoint.host}:${endpoint.port}` : '-');

/** One line for each cluster. */
export function renderClusters(clusters: readonly ClusterView[], colors: Colors, now: Date): string {
  return renderTable(
    ['NAMESPACE', 'CLUSTER', 'STATUS', 'READY', 'VERSION', 'RW', 'RO', 'AGE'],
    clusters.map((cluster) => [
      cluster.namespace,
      { text: cluster.name, paint: colors.bold },
      stateCell(colors, cluster.status),
      readiness(cluster),
      cluster.version ?? '-',
      address(cluster.endpoints.rw),
      address(cluster.endpoints.ro),
      age(cluster.createdAt ?? undefined, now),
    ]),
  );
}

/** One line for each instance; the cluster's name is left out where there is only one. */
export function renderInstances(clusters: readonly ClusterView[], colors: Colors, now: Date): string {
  const one = clusters.length === 1;
  const rows = clusters.flatMap((cluster) =>
    cluster.instances.map((instance) => [...(one ? [] : [cluster.name]), ...instanceCells(instance, colors, now)]),
  );
  const head = ['INSTANCE', 'ROLE', 'READY', 'NODE', 'ADDRESS', 'PID', 'LSN', 'LAG', 'SEEN'];
  return renderTable(one ? head : ['CLUSTER', ...head], rows);
}

const UNKNOWN = 'unknown';

function instanceCells(instance: InstanceView, colors: Colors, now: Date): readonly Cell[] {
  const asked = instance.source === 'agent';
  return [
    instance.name,
    instance.role,
    stateCell(colors, instance.ready ? 'yes' : 'no'),
    instance.node || '-',
    instance.port === null ? '-' : `${instance.host}:${instance.port}`,
    instance.pid === null ? (asked ? '-' : UNKNOWN) : String(instance.pid),
    instance.lsn ?? '-',
    lagText(instance),
    // Figures that are not of now say how old they are.
    asked ? 'now' : instance.observedAt === null ? 'never' : `${age(instance.observedAt, now)} ago`,
  ];
}

function lagText({ role, lag, streaming, source }: InstanceView): string {
  if (role === 'primary') return '-';
  if (source === 'api') return UNKNOWN;
  const text = lag === null ? '-' : bytes(lag);
  return streaming === false ? `${text}, not streaming` : text;
}

/** Conditions that a user should read: what is wrong, and what is going on. */
export function renderTroubles(clusters: readonly ClusterView[], colors: Colors): string {
  const lines = clusters.flatMap((cluster) =>
    cluster.conditions
      .filter(({ type, status }) => isTrouble(type, status))
      .map(({ type, status, reason, message }) => {
        const what = `${cluster.namespace}/${cluster.name} ${type}=${status}`;
        return `${type === 'Progressing' ? colors.busy(what) : colors.bad(what)} ${reason}: ${message}`;
      }),
  );
  return lines.length === 0 ? '' : `${lines.join('\n')}\n`;
}

function isTrouble(type: string, status: string): boolean {
  switch (type) {
    case 'Accepted':
    case 'Ready':
    case 'Available':
      return status === 'False';
    case 'Degraded':
    case 'DeletionRefused':
    case 'Progressing':
      return status === 'True';
    default:
      return false;
  }
}

/** The whole of `polarstack status`. */
export function renderStatus(clusters: readonly ClusterView[], colors: Colors, now: Date): string {
  if (clusters.length === 0) return 'There are no clusters. `polarstack create --name NAME` makes one.\n';
  const instances = clusters.some((cluster) => cluster.instances.length > 0);
  const troubles = renderTroubles(clusters, colors);
  return [
    renderClusters(clusters, colors, now),
    ...(instances ? ['\n', renderInstances(clusters, colors, now)] : []),
    ...(troubles === '' ? [] : ['\n', troubles]),
  ].join('');
}
