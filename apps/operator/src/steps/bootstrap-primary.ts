import { initdbOptions } from '@polarstack/api';
import { StackError } from '@polarstack/base';
import { type Bootstrap, slotName } from '@polarstack/contracts';
import { type Member, type Membership, primaryOf } from '@polarstack/domain';
import { engineConfig } from './ensure-parameters.ts';
import { type ClusterStep, type ClusterStepContext, clusterOf, membersOf } from './services.ts';
import { awaitTask, waitForAgent } from './wait-for-agent.ts';

/** The epoch of a new cluster. */
export const FIRST_EPOCH = 1;

/** Slots on one instance: one for each other member, for any of them may follow it some day. */
export const slotsFor = ({ members }: Membership, member: Member): readonly string[] =>
  members.filter(({ instanceId }) => instanceId !== member.instanceId).map(({ instanceId }) => slotName(instanceId));

/** The same for every attempt until one failed: a repeated call meets the task that the first one began. */
export const taskId = ({ workflowId, failures }: ClusterStepContext, member: Member): string =>
  `${workflowId.replace('/', '.')}-${member.instanceId}-${failures}`;

/** An engine that replicas can copy. Its accounts and databases come while they do. */
export const bootstrapPrimary: ClusterStep = {
  name: 'BootstrapPrimary',
  timeoutMs: 10 * 60_000,
  retry: { limit: 5 },
  run: async (step) => {
    const cluster = await clusterOf(step);
    const membership = membersOf(cluster);
    const primary = primaryOf(membership);
    if (!primary) throw new StackError('Internal', 'the cluster has no primary');
    const [{ agent }, config] = await Promise.all([
      waitForAgent(step, cluster, primary),
      engineConfig(cluster, step.services, step.signal),
    ]);
    const { encoding, locale, dataChecksums } = initdbOptions(cluster.spec);
    const bootstrap: Bootstrap = {
      kind: 'initdb',
      term: { epoch: FIRST_EPOCH, role: 'primary' },
      config,
      initdb: { encoding, locale, dataChecksums },
      slots: slotsFor(membership, primary),
    };
    await awaitTask(agent, await agent.bootstrap(taskId(step, primary), bootstrap, step.signal), step);
    return undefined;
  },
};
