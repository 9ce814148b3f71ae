import { GROUP, labels, type MPDCluster, names } from '@polarstack/api';
import { ownedBy } from '@polarstack/domain';
import type { Container, EnvVar, Pod, PodTemplate } from 'kubernetes-types/core/v1.js';
import { clusterKey } from '../kube/cluster-status-writer.ts';

/** The variables of libpq: programs such as pg_dump need nothing else to connect as the owner of the application's database. */
function connection(cluster: string): readonly EnvVar[] {
  const of = (name: string, key: string): EnvVar => ({
    name,
    valueFrom: { secretKeyRef: { name: names.app(cluster), key } },
  });
  return [
    { name: 'POLARSTACK_CLUSTER', value: cluster },
    of('PGHOST', 'host'),
    of('PGPORT', 'port'),
    of('PGUSER', 'username'),
    of('PGPASSWORD', 'password'),
    of('PGDATABASE', 'dbname'),
    { name: 'PGSSLMODE', value: 'require' },
  ];
}

/** What the template sets itself stays as it is, and may refer to ours. */
function connected(container: Container, cluster: string): Container {
  const { env = [] } = container;
  const own = new Set(env.map(({ name }) => name));
  return { ...container, env: [...connection(cluster).filter(({ name }) => !own.has(name)), ...env] };
}

/** Labels by which our services and watchers find instances are none of a template's. */
const isFree = ([key]: readonly [string, unknown]): boolean =>
  !key.startsWith('apsara.') && !key.startsWith(`${GROUP}/`) && key !== labels.secretCluster;

/** The pod that makes the last backup of a cluster, as a template of the user says: it runs once, to its end. */
export function backupPod(cluster: MPDCluster, { template }: PodTemplate): Pod {
  const { name, namespace, uid } = clusterKey(cluster);
  const { metadata = {}, spec } = template ?? {};
  const meta = ownedBy(
    { name, namespace, uid },
    names.finalBackup(name),
    Object.fromEntries(Object.entries(metadata.labels ?? {}).filter(isFree)),
  );
  const { initContainers, containers = [], ...rest } = spec ?? {};
  return {
    metadata: { ...meta, ...(metadata.annotations && { annotations: metadata.annotations }) },
    spec: {
      ...rest,
      restartPolicy: 'Never',
      ...(initContainers && { initContainers: initContainers.map((one) => connected(one, name)) }),
      containers: containers.map((one) => connected(one, name)),
    },
  };
}

/** How a pod that failed ended, in words. */
export function endOf({ status }: Pod): string {
  const all = [...(status?.initContainerStatuses ?? []), ...(status?.containerStatuses ?? [])];
  const ended = all.flatMap(({ name, state }) => {
    const { exitCode, message = '' } = state?.terminated ?? {};
    return exitCode === undefined || exitCode === 0
      ? []
      : [`container ${name} ended with ${exitCode} ${message}`.trim()];
  });
  return ended.join('; ') || [status?.reason, status?.message].filter(Boolean).join(': ') || 'it failed';
}

/** What a pod that has not ended waits for, in words. */
export function stateOf({ status }: Pod): string {
  const waiting = (status?.containerStatuses ?? []).flatMap(({ name, state }) =>
    state?.waiting?.reason === undefined ? [] : [`${name}: ${state.waiting.reason}`],
  );
  const unscheduled = status?.conditions?.find(
    ({ type, status: value }) => type === 'PodScheduled' && value === 'False',
  );
  const why = [...waiting, ...(unscheduled?.message === undefined ? [] : [unscheduled.message])];
  return [status?.phase ?? 'Pending', ...why].join(', ');
}
