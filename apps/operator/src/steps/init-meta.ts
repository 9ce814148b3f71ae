import { engineType, hostPort, type MPDCluster, type MPDClusterStatus } from '@polarstack/api';
import { StackError } from '@polarstack/base';
import { AGENT_PORT, ENGINE_PORT } from '@polarstack/contracts';
import {
  appliedSpec,
  classInfoOf,
  idsNeeded,
  type Membership,
  membershipFromIds,
  newInstanceEntries,
  primaryOf,
  recordedMembership,
  validateCluster,
} from '@polarstack/domain';
import { done } from '@polarstack/workflow';
import { updateClusterStatus } from '../kube/cluster-status-writer.ts';
import { type ClusterStep, clusterOf } from './services.ts';

/**
 * Allocates ids and ports once, and records them in the status before anything is made with them, together with the
 * version, the class and the part of the spec that the cluster gets: every later step reads them from there.
 */
export const initMeta: ClusterStep = {
  name: 'InitMeta',
  timeoutMs: 30_000,
  run: async (step) => {
    const { client, catalog, allocate } = step.services;
    const cluster = await clusterOf(step);
    if (recordedMembership(cluster)) return done({}, 'ids were allocated before');
    const { spec } = cluster;
    const lookups = await catalog.lookups(cluster, step.signal);
    // The spec may have changed since it was accepted: what is recorded here is what everybody goes by.
    const [problem] = validateCluster(cluster, lookups);
    if (problem) {
      throw new StackError(problem.code, `${problem.path}: ${problem.message}`, { remedy: problem.remedy });
    }
    const version = catalog.version(cluster);
    const sizes = catalog.instanceClass(spec.classInfo.className);
    if (!sizes) throw new StackError('ClassUnknown', `there is no class ${spec.classInfo.className}`);

    const host = hostPort(spec);
    const claimed = [...(lookups.claimedPorts?.keys() ?? []), ...(host === undefined ? [] : [host])];
    const wish = { ids: idsNeeded(spec.followerNum), agentPort: host !== undefined, claimedPorts: claimed };
    const { firstId, agentPort = AGENT_PORT } = await allocate(wish, step.signal);
    const membership = membershipFromIds(cluster.metadata.name ?? '', spec.followerNum, firstId);
    const ports = { enginePort: host ?? ENGINE_PORT, agentPort, host: host !== undefined };

    const recorded = (current: MPDCluster): MPDClusterStatus =>
      // Somebody else recorded ids meanwhile: theirs hold, ours stay a gap.
      recordedMembership(current)
        ? (current.status ?? {})
        : {
            ...current.status,
            clusterStatus: 'Creating',
            logicId: membership.logicId,
            followerNum: spec.followerNum,
            engine: { type: engineType(spec), version: String(version.major), image: version.image },
            appliedSpec: appliedSpec(cluster),
            insClassInfo: classInfoOf(spec.classInfo.className, sizes),
            dbInstanceStatus: newInstanceEntries(membership, cluster.metadata.namespace ?? 'default', ports),
            ...leader(membership),
          };
    await updateClusterStatus(client, cluster, recorded, step.signal);
    return done({}, `ids ${firstId} to ${firstId + wish.ids - 1}`);
  },
};

function leader(membership: Membership): Pick<MPDClusterStatus, 'leaderInstanceId'> {
  const primary = primaryOf(membership);
  return primary ? { leaderInstanceId: primary.instanceId } : {};
}
