import { StackError } from '@polarstack/base';
import type { Member } from '@polarstack/domain';
import { type ClusterStep, type ClusterStepContext, clusterOf, membersOf } from './services.ts';
import { waitForAgent } from './wait-for-agent.ts';

const STOP_MS = 60_000;
const POLL_MS = 50;

/** The member that a planned step is for. */
export async function memberOf(step: ClusterStepContext): Promise<Member> {
  const { instance } = step.input;
  const found = membersOf(await clusterOf(step)).members.find(({ instanceId }) => instanceId === instance);
  if (!found) throw new StackError('InstanceUnknown', `the cluster has no instance ${String(instance)} any more`);
  return found;
}

/**
 * Stops one engine and starts it again in its role. The plan says when the engine had been started: one that is
 * younger was restarted by an earlier attempt, or by somebody else, and is left alone.
 */
export const restartEngine: ClusterStep = {
  name: 'RestartEngine',
  timeoutMs: 10 * 60_000,
  retry: { limit: 5 },
  run: async (step) => {
    const member = await memberOf(step);
    const { agent } = await waitForAgent(step, await clusterOf(step), member);
    const { engine } = await agent.status(step.signal);
    if (engine.state === 'running' && engine.startedAt !== step.input.startedAt) {
      return { type: 'done', message: `restarted at ${engine.startedAt ?? 'an unknown time'}` };
    }
    step.progress(`${member.pod} stops`);
    await agent.stop({ mode: 'fast', timeoutMs: STOP_MS }, step.signal);
    let report = await agent.start(step.signal);
    while (report.state !== 'running') {
      if (report.state === 'failed') {
        throw new StackError('EngineStartFailed', `${member.pod}: ${report.reason ?? 'the engine does not start'}`);
      }
      step.progress(`${member.pod} is ${report.state}`);
      await step.services.clock.sleep(POLL_MS, step.signal);
      report = (await agent.status(step.signal)).engine;
    }
    return { type: 'done', message: `restarted at ${report.startedAt ?? 'an unknown time'}` };
  },
};
