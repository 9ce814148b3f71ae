import { StackError } from '@polarstack/base';
import { type AgentApi, type AgentTask, type Bootstrap, slotName, type Upstream } from '@polarstack/contracts';
import { type ClusterFacts, clusterFacts, type Member, primaryOf } from '@polarstack/domain';
import { FIRST_EPOCH, slotsFor, taskId } from './bootstrap-primary.ts';
import { engineConfig } from './ensure-parameters.ts';
import { provisionAccounts } from './provision-accounts.ts';
import { type ClusterStep, clusterOf, membersOf } from './services.ts';
import { awaitTask, untilUnderWay, waitForAgent } from './wait-for-agent.ts';

/** How `member` reaches the primary. */
export const upstreamOf = (facts: ClusterFacts, primary: Member, host: string, member: Member): Upstream => ({
  instanceId: primary.instanceId,
  host,
  port: facts.ports.enginePort,
  serverName: primary.pod,
  slot: slotName(member.instanceId),
});

/**
 * All replicas at once: each copies the primary and begins to stream. One that fails does not stop the others.
 *
 * Accounts and the application's database are made meanwhile, once every copy is under way: the checkpoint that a copy begins
 * with is over then, so the files of the new database need no flush for it; replicas get them with the WAL.
 */
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
    const [{ agent: agentOfPrimary, podIP }, config] = await Promise.all([
      waitForAgent(step, cluster, primary),
      engineConfig(cluster, step.services, step.signal),
    ]);
    const join = async (replica: Member): Promise<Join> => {
      const { agent } = await waitForAgent(step, cluster, replica);
      const upstream = upstreamOf(facts, primary, podIP, replica);
      const bootstrap: Bootstrap = {
        kind: 'basebackup',
        term: { epoch: FIRST_EPOCH, role: 'replica', upstream },
        config,
        slots: slotsFor(membership, replica),
      };
      const begun = await agent.bootstrap(taskId(step, replica), bootstrap, step.signal);
      return { agent, task: await untilUnderWay(agent, begun, step) };
    };
    const joins = replicas.map(join);
    const ends = joins.map(async (begun) => {
      const { agent, task } = await begun;
      await awaitTask(agent, task, step);
    });
    const provisioned = Promise.allSettled(joins).then(
      async () => await provisionAccounts(step, cluster, agentOfPrimary),
    );
    const failed = (await Promise.allSettled([provisioned, ...ends])).find(({ status }) => status === 'rejected');
    if (failed?.status === 'rejected') throw failed.reason;
    return undefined;
  },
};

interface Join {
  readonly agent: AgentApi;
  readonly task: AgentTask;
}
