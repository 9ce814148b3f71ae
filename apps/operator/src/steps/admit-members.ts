import type { MPDCluster, MPDClusterStatus } from '@polarstack/api';
import { toStackError, withDeadline } from '@polarstack/base';
import { clusterFacts } from '@polarstack/domain';
import { addMember } from '@polarstack/ha';
import { changeRecord } from '../ha/ha-record.ts';
import { clusterKey, updateClusterStatus } from '../kube/cluster-status-writer.ts';
import { addedIds, membersFrom } from './added-members.ts';
import { slotsFor } from './bootstrap-primary.ts';
import { type ClusterStep, type ClusterStepContext, clusterOf, membersOf } from './services.ts';

const AGENT_MS = 10_000;

/** Makes instances that have caught up members: in the HA record, by slots on every instance, and in the status. */
export async function admitMembers(step: ClusterStepContext, ids: readonly string[]): Promise<string | undefined> {
  const { client, clock, pods } = step.services;
  const cluster = await clusterOf(step);
  const added = membersFrom(cluster, ids);
  const namespace = cluster.metadata.namespace ?? 'default';
  await changeRecord(
    client,
    clusterKey(cluster),
    (record) =>
      added.reduce((held, { instanceId, pod }) => {
        const node = pods.get(`${namespace}/${pod}`)?.spec?.nodeName;
        return addMember(held, instanceId, { pod, ...(node && { node }) }, clock.now());
      }, record),
    step.signal,
  );
  const silent = await setSlotsOfAll(step, cluster);
  const installed = (current: MPDCluster): MPDClusterStatus => {
    const entries = Object.entries(current.status?.dbInstanceStatus ?? {});
    const dbInstanceStatus = Object.fromEntries(
      entries.map(([id, entry]) => [id, ids.includes(id) ? { ...entry, installed: true } : entry]),
    );
    return { ...current.status, dbInstanceStatus };
  };
  await updateClusterStatus(client, cluster, installed, step.signal);
  return silent;
}

/**
 * Slots on every instance for every other one. One that does not answer is left out and named: before it ever becomes the
 * primary the cluster manager sets its slots.
 */
export async function setSlotsOfAll(
  { services: { pods, agents }, signal }: ClusterStepContext,
  cluster: MPDCluster,
  but?: string,
): Promise<string | undefined> {
  const { namespace, name, ports } = clusterFacts(cluster);
  const membership = membersOf(cluster);
  const rest = { ...membership, members: membership.members.filter(({ instanceId }) => instanceId !== but) };
  const silent = await Promise.all(
    rest.members.map(async (member) => {
      const host = pods.get(`${namespace}/${member.pod}`)?.status?.podIP;
      if (!host) return [`${member.pod} has no address`];
      const agent = agents.agent({ namespace, name }, { host, port: ports.agentPort, serverName: member.pod });
      try {
        await withDeadline(AGENT_MS, signal, async (limited) => {
          await agent.setSlots(slotsFor(rest, member), limited);
        });
        return [];
      } catch (error) {
        signal.throwIfAborted();
        return [`${member.pod}: ${toStackError(error).message}`];
      }
    }),
  );
  const texts = silent.flat();
  return texts.length > 0 ? `slots left to a later look: ${texts.join('; ')}` : undefined;
}

export const admitMembersStep: ClusterStep = {
  name: 'AdmitMembers',
  timeoutMs: 120_000,
  retry: { limit: 5 },
  run: async (step) => {
    const message = await admitMembers(step, addedIds(step));
    return { type: 'done', ...(message !== undefined && { message }) };
  },
};
