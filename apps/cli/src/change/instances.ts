import type { MPDCluster } from '@polarstack/api';
import { StackError } from '@polarstack/base';

/** The id of an instance that was named by its id or by its pod. Throws `NotFound`, saying which there are. */
export function instanceId(cluster: MPDCluster, named: string): string {
  const entries = Object.entries(cluster.status?.dbInstanceStatus ?? {});
  const found = entries.find(([id, { podName }]) => id === named || podName === named);
  if (found) return found[0];
  const known = entries.map(([id, { podName, insType }]) => `${id} (${podName ?? '?'}, ${insType ?? '?'})`);
  throw new StackError('NotFound', `cluster ${cluster.metadata.name} has no instance ${named}`, {
    remedy: known.length === 0 ? 'It has none yet.' : `Its instances are: ${known.join(', ')}.`,
  });
}

export const isPrimary = ({ status }: MPDCluster, id: string): boolean =>
  status?.leaderInstanceId === id || status?.dbInstanceStatus?.[id]?.insType === 'rw';

/** How many ROs the cluster has: those that were made. */
export const replicasOf = ({ status }: MPDCluster): number =>
  Object.values(status?.dbInstanceStatus ?? {}).filter(({ insType }) => insType === 'ro').length;
