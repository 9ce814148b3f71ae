import type { MPDCluster } from '@polarstack/api';
import { type ErrorCode, errorTable, isStackError, StackError, withDeadline } from '@polarstack/base';
import type { AgentApi, AgentTask, EngineReport } from '@polarstack/contracts';
import { clusterFacts, type Member } from '@polarstack/domain';
import type { Pod } from 'kubernetes-types/core/v1.js';
import { podTrouble } from '../observe/pod-seen.ts';
import { createStandstill, patienceOf } from './patience.ts';
import type { ClusterStepContext } from './services.ts';

/** An agent's start takes a few hundred milliseconds: looking often costs little and delays nothing. */
const POLL_MS = 25;
/** The longer it lasts, the less it matters to know at once, and many may be down together: at most a fiftieth is lost. */
const pollMs = (waitedMs: number): number => Math.min(Math.max(POLL_MS, waitedMs / 50), 500);
/** A pod that cannot be placed may be placed a moment later: it is bad news only after this time. */
const PATIENCE_MS = 5_000;
/** An answer may take this long however short the patience is. */
const ANSWER_MS = 1_000;

export interface ReachedAgent {
  readonly agent: AgentApi;
  readonly podIP: string;
  readonly engine: EngineReport;
}

/**
 * Waits until the agent of an instance answers. Fails with `PodUnscheduled` or `PodNotRunning` saying why it cannot, and with
 * `AgentUnreachable` where it has an address and stays silent.
 */
export async function waitForAgent(
  step: ClusterStepContext,
  cluster: MPDCluster,
  member: Member,
): Promise<ReachedAgent> {
  const { clock, pods, agents, catalog } = step.services;
  const { namespace, name, ports } = clusterFacts(cluster);
  const started = clock.monotonic();
  const silenceMs = patienceOf(step, 'agentSilenceMs');
  const silentFor = createStandstill(step.services);
  for (;;) {
    step.signal.throwIfAborted();
    const pod = pods.get(`${namespace}/${member.pod}`);
    const podIP = pod?.status?.podIP;
    if (podIP) {
      const agent = agents.agent({ namespace, name }, { host: podIP, port: ports.agentPort, serverName: member.pod });
      const limitMs = Math.max(ANSWER_MS, silenceMs - silentFor(podIP));
      try {
        const { engine } = await withDeadline(limitMs, step.signal, async (limited) => await agent.status(limited));
        return { agent, podIP, engine };
      } catch (error) {
        step.signal.throwIfAborted();
        if (isStackError(error) && error.code !== 'AgentUnreachable') throw error;
        const said = isStackError(error) ? error.message : `the agent of ${member.pod} at ${podIP} does not answer`;
        const text = [said, catalog.nodeTrouble(pod.spec?.nodeName)].filter((part) => part !== undefined).join('; ');
        step.progress(text);
        if (silentFor(podIP) >= silenceMs) throw new StackError('AgentUnreachable', text, { cause: error });
      }
    }
    const waitedMs = clock.monotonic() - started;
    if (waitedMs > Math.min(PATIENCE_MS, silenceMs)) giveUpOn(pod, member);
    if (!podIP) {
      const trouble = catalog.nodeTrouble(pod?.spec?.nodeName);
      const text = [
        `pod ${member.pod} ${pod ? 'has no address' : 'is not there'}`,
        ...(trouble === undefined ? [] : [trouble]),
      ].join('; ');
      if (waitedMs > PATIENCE_MS) step.progress(text);
      if (waitedMs > (trouble === undefined ? patienceOf(step, 'startMs') : silenceMs)) {
        throw new StackError('PodNotRunning', text);
      }
    }
    await clock.sleep(pollMs(waitedMs), step.signal);
  }
}

/** What the engine of an instance says now, as soon as its agent answers. */
export const reporterOf =
  (step: ClusterStepContext, cluster: MPDCluster, member: Member) => async (): Promise<EngineReport> =>
    (await waitForAgent(step, cluster, member)).engine;

function giveUpOn(pod: Pod | undefined, member: Member): void {
  const trouble = pod && podTrouble(pod);
  if (!trouble) return;
  const code = trouble.kind === 'unscheduled' ? 'PodUnscheduled' : 'PodNotRunning';
  throw new StackError(code, `pod ${member.pod}: ${trouble.text}`);
}

/** How long one question about a task may wait for its answer, in milliseconds. */
const TASK_WAIT_MS = 10_000;

/** Follows a task until it tells a first progress, or has ended in whatever way. */
export async function untilUnderWay(agent: AgentApi, begun: AgentTask, step: ClusterStepContext): Promise<AgentTask> {
  let task = begun;
  while (task.state === 'running' && !task.progress) {
    task = await agent.task(task.id, { waitMs: TASK_WAIT_MS }, step.signal);
  }
  return task;
}

/** Follows a task of an agent to its end; throws what it failed with. */
export async function awaitTask(agent: AgentApi, begun: AgentTask, step: ClusterStepContext): Promise<void> {
  let task = begun;
  while (task.state === 'running') {
    if (task.progress) step.progress(`${task.kind}: ${percent(task.progress)}`);
    task = await agent.task(task.id, { waitMs: TASK_WAIT_MS }, step.signal);
  }
  if (task.state === 'done') return;
  const { code, message, remedy } = task.error ?? { code: 'Internal', message: 'no reason given', remedy: '' };
  const known = Object.hasOwn(errorTable, code) ? (code as ErrorCode) : 'Internal';
  throw new StackError(known, `${task.kind}: ${message}`, remedy ? { remedy } : {});
}

const percent = ({ doneBytes, totalBytes }: NonNullable<AgentTask['progress']>): string =>
  totalBytes > 0 ? `${Math.floor((100 * doneBytes) / totalBytes)} %` : `${doneBytes} bytes`;
