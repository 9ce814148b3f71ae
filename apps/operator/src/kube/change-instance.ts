import type { InstanceStatus, MPDCluster, MPDClusterStatus } from '@polarstack/api';
import type { KubeClient } from '@polarstack/kube';
import { type ClusterKey, readCluster, updateClusterStatus } from './cluster-status-writer.ts';

/** Changes what the status records of one instance, on top of the newest; an instance that is gone stays gone. */
export async function changeInstance(
  client: KubeClient,
  key: ClusterKey,
  instanceId: string,
  change: (entry: InstanceStatus) => InstanceStatus,
  signal: AbortSignal,
): Promise<void> {
  const cluster = await readCluster(client, key, signal);
  const changed = ({ status }: MPDCluster): MPDClusterStatus => {
    const entries = status?.dbInstanceStatus ?? {};
    const entry = entries[instanceId];
    return entry ? { ...status, dbInstanceStatus: { ...entries, [instanceId]: change(entry) } } : (status ?? {});
  };
  await updateClusterStatus(client, cluster, changed, signal);
}
