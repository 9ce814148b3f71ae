import type { MPDCluster } from '@polarstack/api';
import { StackError } from '@polarstack/base';
import type { EngineReport } from '@polarstack/contracts';
import type { Member } from '@polarstack/domain';
import { memberOf } from './member-of.ts';
import { createStandstill, patienceOf } from './patience.ts';
import { type ClusterStep, type ClusterStepContext, clusterOf, membersOf } from './services.ts';
import { reporterOf, waitForAgent } from './wait-for-agent.ts';
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
  const { agent, engine } = await waitForAgent(step, cluster, member);
  const look = reporterOf(step, cluster, member);
  // One that is starting was started by an attempt before: to stop it in its recovery would only begin that again.
  if (engine.state === 'starting' || (engine.state === 'running' && !needed(engine))) {
    const report = await untilWorking(step, look, member);
    if (!needed(report)) return { message: `nothing to do; it runs since ${report.startedAt ?? 'an unknown time'}` };
  }
  const begun = step.services.clock.monotonic();
  step.progress(`${member.pod} stops`);
  await agent.stop({ mode: 'fast', timeoutMs: STOP_MS }, step.signal);
  await agent.start(step.signal);
  const report = await untilWorking(step, look, member);
  const pauseMs = member.role === 'primary' ? step.services.clock.monotonic() - begun : undefined;
  return {
    message: `restarted at ${report.startedAt ?? 'an unknown time'}`,
    ...(pauseMs !== undefined && { pauseMs }),
  };
}

/** Throws `EngineStartFailed` where the engine does not start. One that has a process and does not answer may be busy: it is waited for. */
export function mustStart(pod: string, { state, pid, reason }: EngineReport): void {
  if (state !== 'failed' || pid !== undefined) return;
  throw new StackError('EngineStartFailed', `${pod}: ${reason ?? 'the engine does not start'}`);
}

/**
 * Until the engine answers, and a replica streams: the next one is not touched before. Throws `EngineStartFailed`, `ReplicaBehind`
 * where a replica does not begin to stream, `EngineTimeout`.
 */
export async function untilWorking(
  step: ClusterStepContext,
  look: () => Promise<EngineReport>,
  { pod }: Member,
): Promise<EngineReport> {
  const standsFor = createStandstill(step.services);
  for (;;) {
    const engine = await look();
    const { state, streaming, role, reason } = engine;
    mustStart(pod, engine);
    if (state === 'running' && (role === 'primary' || streaming === true)) return engine;
    const text = `${pod} is ${state === 'running' ? 'not streaming yet' : state}`;
    step.progress(text);
    // A replica that reads WAL from elsewhere moves; an engine in its recovery says nothing.
    const limitMs = patienceOf(step, state === 'starting' ? 'startMs' : 'standstillMs');
    if (standsFor(`${state}/${engine.lsn}/${engine.receivedLsn}`) > limitMs) {
      const message = `${text}, for ${Math.round(limitMs / 1_000)} s: ${reason ?? 'it says no reason'}`;
      throw new StackError(state === 'running' ? 'ReplicaBehind' : 'EngineTimeout', message);
    }
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
