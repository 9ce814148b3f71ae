import type { MPDCluster } from '@polarstack/api';
import { StackError } from '@polarstack/base';
import type { AgentApi, EngineReport } from '@polarstack/contracts';
import type { Member } from '@polarstack/domain';
import { memberOf } from './member-of.ts';
import { type ClusterStep, type ClusterStepContext, clusterOf, membersOf } from './services.ts';
import { waitForAgent } from './wait-for-agent.ts';
import { pauseOutput } from './write-pause.ts';

const STOP_MS = 60_000;
const POLL_MS = 50;

/** Stops one engine and starts it in its role; ends when it works as such. */
export async function restart(
  step: ClusterStepContext,
  cluster: MPDCluster,
  member: Member,
  needed: (engine: EngineReport) => boolean,
): Promise<{ readonly message: string; readonly pauseMs?: number }> {
  const { agent } = await waitForAgent(step, cluster, member);
  const { engine } = await agent.status(step.signal);
  if (engine.state === 'running' && !needed(engine)) {
    const report = await untilWorking(step, agent, member);
    return { message: `nothing to do; it runs since ${report.startedAt ?? 'an unknown time'}` };
  }
  const begun = step.services.clock.monotonic();
  step.progress(`${member.pod} stops`);
  await agent.stop({ mode: 'fast', timeoutMs: STOP_MS }, step.signal);
  await agent.start(step.signal);
  const report = await untilWorking(step, agent, member);
  const pauseMs = member.role === 'primary' ? step.services.clock.monotonic() - begun : undefined;
  return {
    message: `restarted at ${report.startedAt ?? 'an unknown time'}`,
    ...(pauseMs !== undefined && { pauseMs }),
  };
}

/** Until the engine answers, and a replica streams: the next one is not touched before. */
export async function untilWorking(step: ClusterStepContext, agent: AgentApi, { pod }: Member): Promise<EngineReport> {
  for (;;) {
    const { engine } = await agent.status(step.signal);
    if (engine.state === 'failed') {
      throw new StackError('EngineStartFailed', `${pod}: ${engine.reason ?? 'the engine does not start'}`);
    }
    const works = engine.state === 'running' && (engine.role === 'primary' || engine.streaming === true);
    if (works) return engine;
    step.progress(`${pod} is ${engine.state === 'running' ? 'not streaming yet' : engine.state}`);
    await step.services.clock.sleep(POLL_MS, step.signal);
  }
}

/**
 * Restarts one engine. The plan says when it had been started: one that is younger was restarted by an earlier attempt,
 * or by somebody else, and is left alone. With `ifPending`: only where a parameter waits for it.
 */
export const restartEngine: ClusterStep = {
  name: 'RestartEngine',
  timeoutMs: 10 * 60_000,
  retry: { limit: 5 },
  run: async (step) => {
    const { startedAt, ifPending } = step.input;
    const needed = (engine: EngineReport): boolean =>
      ifPending === true ? (engine.pendingRestart?.length ?? 0) > 0 : engine.startedAt === startedAt;
    const { message, pauseMs } = await restart(step, await clusterOf(step), await memberOf(step), needed);
    return { type: 'done', message, ...(pauseMs !== undefined && { output: pauseOutput(step, pauseMs) }) };
  },
};

/** Restarts several engines side by side; which were restarted already is judged for each as above. */
export const restartEngines: ClusterStep = {
  name: 'RestartEngines',
  timeoutMs: 10 * 60_000,
  retry: { limit: 5 },
  run: async (step) => {
    const cluster = await clusterOf(step);
    const startedAt = step.input.startedAt as Readonly<Record<string, string>>;
    const members = membersOf(cluster).members.filter(({ instanceId }) => startedAt[instanceId] !== undefined);
    const results = await Promise.allSettled(
      members.map(
        async (member) =>
          await restart(step, cluster, member, (engine) => engine.startedAt === startedAt[member.instanceId]),
      ),
    );
    const failed = results.find((result) => result.status === 'rejected');
    if (failed) throw failed.reason;
    const pause = results.flatMap((result) => (result.status === 'fulfilled' ? (result.value.pauseMs ?? []) : []))[0];
    const message = `${members.length} engines restarted`;
    return { type: 'done', message, ...(pause !== undefined && { output: pauseOutput(step, pause) }) };
  },
};
