import { randomUUID } from 'node:crypto';
import { StackError } from '@polarstack/base';
import { lagBytes, primaryOf } from '@polarstack/domain';
import { memberOf } from './member-of.ts';
import { type ClusterStep, clusterOf, membersOf } from './services.ts';
import { waitForAgent } from './wait-for-agent.ts';

const POLL_MS = 50;

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
    const [{ agent: source }, { agent }] = await Promise.all([
      waitForAgent(step, cluster, primary),
      waitForAgent(step, cluster, member),
    ]);
    const { lsn } = await source.writeCanary(randomUUID(), step.signal);
    for (;;) {
      const { engine } = await agent.status(step.signal);
      const lag = lagBytes(lsn, engine.lsn);
      if (lag === 0) return { type: 'done', message: `${member.pod} has replayed up to ${lsn}` };
      step.progress(`${member.pod} is ${lag ?? 'an unknown number of'} bytes behind ${lsn}`);
      await step.services.clock.sleep(POLL_MS, step.signal);
    }
  },
};
