import { isDeepStrictEqual } from 'node:util';
import { type MPDCluster, type MPDClusterStatus, MPDClusters } from '@polarstack/api';
import { isStackError, StackError } from '@polarstack/base';
import { type KubeClient, updateWithRetry } from '@polarstack/kube';

export interface ClusterKey {
  readonly namespace: string;
  readonly name: string;
  readonly uid: string;
}

export const clusterKey = ({ metadata }: MPDCluster): ClusterKey => ({
  namespace: metadata.namespace ?? 'default',
  name: metadata.name ?? '',
  uid: metadata.uid ?? '',
});

/** The cluster as it is now; fails with `ClusterGone` where it, or the one of this uid, does not exist any more. */
export async function readCluster(client: KubeClient, key: ClusterKey, signal: AbortSignal): Promise<MPDCluster> {
  const cluster = await client.find(MPDClusters, key, signal);
  if (cluster?.metadata.uid !== key.uid) {
    throw new StackError('ClusterGone', `cluster ${key.namespace}/${key.name} does not exist any more`);
  }
  return cluster;
}

/**
 * Changes the status of a cluster, once more on top of the newest where somebody was faster; writes nothing where
 * `change` makes no difference. `known` saves a read where it is still the newest.
 */
export async function updateClusterStatus(
  client: KubeClient,
  known: MPDCluster,
  change: (cluster: MPDCluster) => MPDClusterStatus,
  signal: AbortSignal,
): Promise<MPDCluster> {
  const first = change(known);
  if (isDeepStrictEqual(first, known.status ?? {})) return known;
  try {
    return await client.replaceStatus(MPDClusters, { ...known, status: first }, signal);
  } catch (error) {
    if (!isStackError(error, 'Conflict')) throw error;
  }
  const uid = known.metadata.uid;
  return await updateWithRetry(
    client,
    MPDClusters,
    clusterKey(known),
    (cluster) => {
      if (cluster.metadata.uid !== uid) throw new StackError('ClusterGone', 'the cluster does not exist any more');
      const status = change(cluster);
      return isDeepStrictEqual(status, cluster.status ?? {}) ? undefined : { ...cluster, status };
    },
    { status: true, signal },
  );
}
