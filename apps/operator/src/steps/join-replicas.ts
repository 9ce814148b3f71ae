import { StackError } from '@polarstack/base';
import type { Upstream } from '@polarstack/contracts';
import { type Bootstrap, slotName } from '@polarstack/contracts';
import { type ClusterFacts, clusterFacts, type Member, primaryOf } from '@polarstack/domain';
import { FIRST_EPOCH, slotsFor, taskId } from './bootstrap-primary.ts';
import { engineConfig } from './ensure-parameters.ts';
import { type ClusterStep, clusterOf, membersOf } from './services.ts';
import { awaitTask, waitForAgent } from './wait-for-agent.ts';

/** How `member` reaches the primary. */
export const upstreamOf = (facts: ClusterFacts, primary: Member, host: string, member: Member): Upstream => ({
  instanceId: primary.instanceId,
  host,
  port: facts.ports.enginePort,
  serverName: primary.pod,
  slot: slotName(member.instanceId),
});

/** All replicas at once: each copies the primary and begins to stream. One that fails does not stop the others. */
export const joinReplicas: ClusterStep = {
  name: 'JoinReplicas',
  timeoutMs: 6 * 3_600_000,
  retry: { limit: 5 },
  run: async (step) => {
    const cluster = await clusterOf(step);
    const membership = membersOf(cluster);
    const primary = primaryOf(membership);
    if (!primary) throw new StackError('Internal', 'the cluster has no primary');
    const replicas = membership.members.filter(({ role }) => role === 'replica');
    const facts = clusterFacts(cluster);
    const [{ podIP }, config] = await Promise.all([
      waitForAgent(step, cluster, primary),
      engineConfig(cluster, step.services, step.signal),
    ]);
    const joined = await Promise.allSettled(
      replicas.map(async (replica) => {
        const { agent } = await waitForAgent(step, cluster, replica);
        const upstream = upstreamOf(facts, primary, podIP, replica);
        const bootstrap: Bootstrap = {
          kind: 'basebackup',
          term: { epoch: FIRST_EPOCH, role: 'replica', upstream },
          config,
          slots: slotsFor(membership, replica),
        };
        await awaitTask(agent, await agent.bootstrap(taskId(step, replica), bootstrap, step.signal), step);
      }),
    );
    const failed = joined.find((result) => result.status === 'rejected');
    if (failed) throw failed.reason;
    return undefined;
  },
};
