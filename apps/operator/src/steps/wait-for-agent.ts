import type { MPDCluster } from '@polarstack/api';
import { type ErrorCode, errorTable, isStackError, StackError } from '@polarstack/base';
import type { AgentApi, AgentTask } from '@polarstack/contracts';
import { clusterFacts, type Member } from '@polarstack/domain';
import type { Pod } from 'kubernetes-types/core/v1.js';
import { podTrouble } from '../observe/pod-seen.ts';
import type { ClusterStepContext } from './services.ts';

/** An agent's start takes a few hundred milliseconds: looking often costs little and delays nothing. */
const POLL_MS = 25;
/** A pod that cannot be placed may be placed a moment later: it is bad news only after this time. */
const PATIENCE_MS = 5_000;
/** An agent that had an address and does not answer for this long is told of; the step is tried again. */
const SILENCE_MS = 30_000;

export interface ReachedAgent {
  readonly agent: AgentApi;
  readonly podIP: string;
}

/** Waits until the agent of an instance answers. Fails with `PodUnscheduled` or `PodNotRunning` saying why it cannot. */
export async function waitForAgent(
  step: ClusterStepContext,
  cluster: MPDCluster,
  member: Member,
): Promise<ReachedAgent> {
  const { clock, pods, agents } = step.services;
  const { namespace, name, ports } = clusterFacts(cluster);
  const started = clock.monotonic();
  let silentSince: number | undefined;
  for (;;) {
    step.signal.throwIfAborted();
    const pod = pods.get(`${namespace}/${member.pod}`);
    const podIP = pod?.status?.podIP;
    if (podIP) {
      const agent = agents.agent({ namespace, name }, { host: podIP, port: ports.agentPort, serverName: member.pod });
      try {
        await agent.status(step.signal);
        return { agent, podIP };
      } catch (error) {
        if (!isStackError(error, 'AgentUnreachable')) throw error;
        step.progress(error.message);
        silentSince ??= clock.monotonic();
        if (clock.monotonic() - silentSince > SILENCE_MS) throw error;
      }
    }
    if (clock.monotonic() - started > PATIENCE_MS) giveUpOn(pod, member);
    await clock.sleep(POLL_MS, step.signal);
  }
}

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
