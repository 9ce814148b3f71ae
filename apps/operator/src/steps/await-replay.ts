import { randomUUID } from 'node:crypto';
import { StackError } from '@polarstack/base';
import { primaryOf } from '@polarstack/domain';
import { untilCaughtUp } from './join-members.ts';
import { memberOf } from './member-of.ts';
import { type ClusterStep, clusterOf, membersOf } from './services.ts';
import { reporterOf, waitForAgent } from './wait-for-agent.ts';

/** Until a replica has replayed everything that the primary had written when the step began. */
export const awaitReplay: ClusterStep = {
  name: 'AwaitReplay',
  timeoutMs: 3_600_000,
  retry: { limit: 5 },
  run: async (step) => {
    const [cluster, member] = [await clusterOf(step), await memberOf(step)];
    const primary = primaryOf(membersOf(cluster));
    if (!primary) throw new StackError('Internal', 'the cluster has no primary');
    if (primary.instanceId === member.instanceId) return { type: 'done', message: `${member.pod} is the RW` };
    const { agent: source } = await waitForAgent(step, cluster, primary);
    const { lsn } = await source.writeCanary(randomUUID(), step.signal);
    await untilCaughtUp(step, member, reporterOf(step, cluster, member), lsn, { mayRest: true });
    return { type: 'done', message: `${member.pod} has replayed up to ${lsn}` };
  },
};
