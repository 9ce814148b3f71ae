import type { InstanceStatus, MPDCluster, MPDClusterStatus } from '@polarstack/api';
import { clusterStatus, isCreated, primaryOf, withPrimary } from '@polarstack/domain';
import { announce } from '../controllers/announce.ts';
import { updateClusterStatus } from '../kube/cluster-status-writer.ts';
import { type ClusterStep, clusterOf, membersOf } from './services.ts';

/** The cluster is made: from this write on it is looked after, and Ready as far as it is. */
export const updateRunningStatus: ClusterStep = {
  name: 'UpdateRunningStatus',
  timeoutMs: 30_000,
  run: async (step) => {
    const { client, clock, observe, events } = step.services;
    const cluster = await clusterOf(step);
    const seen = await observe(cluster, step.signal);
    const primary = primaryOf(membersOf(cluster))?.instanceId;
    const ready = (held: MPDCluster): MPDClusterStatus => {
      const current = withPrimary(held, primary);
      const entries = Object.entries(current.status?.dbInstanceStatus ?? {});
      // In a cluster that was made before, whoever adds an instance says when it belongs to it.
      const isNew = !isCreated(current);
      const dbInstanceStatus = Object.fromEntries(
        entries.map(([id, entry]) => [id, isNew ? { ...entry, installed: true } : settled(entry)]),
      );
      return clusterStatus({
        cluster: { ...current, status: { ...current.status, dbInstanceStatus } },
        seen,
        positionsDue: true,
        now: clock.now().toISOString(),
      });
    };
    const written = await updateClusterStatus(client, cluster, ready, step.signal);
    announce(events, cluster, written);
    const count = written.status?.instances ?? '';
    events.record(written, { type: 'Normal', reason: 'ClusterReady', message: `All instances work (${count})` });
    return undefined;
  },
};

/** One that belongs to the cluster is no operation's any more. */
function settled({ operation, ...entry }: InstanceStatus): InstanceStatus {
  return entry.installed === true || operation === undefined ? entry : { ...entry, operation };
}
