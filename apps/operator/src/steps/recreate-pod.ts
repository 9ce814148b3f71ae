import type { MPDCluster } from '@polarstack/api';
import { isStackError, StackError, toStackError, withDeadline } from '@polarstack/base';
import { clusterFacts, type Member } from '@polarstack/domain';
import { Pods } from '@polarstack/kube';
import type { Pod } from 'kubernetes-types/core/v1.js';
import { ensure } from '../kube/ensure.ts';
import { podOf } from './create-pods.ts';
import { memberOf } from './member-of.ts';
import { remove } from './remove-member.ts';
import { untilWorking } from './restart-engine.ts';
import { type ClusterStep, type ClusterStepContext, clusterOf } from './services.ts';
import { reporterOf, waitForAgent } from './wait-for-agent.ts';
import { pauseOutput } from './write-pause.ts';

const POLL_MS = 50;
const STOP_MS = 30_000;
/** How long an instance that may be given up is waited for, in milliseconds. */
const COMES_BACK_MS = 90_000;

/**
 * Makes the pod of an instance anew on its volume, and starts its engine. The plan says which pod it was: another one is the new
 * one already.
 */
export async function recreatePod(step: ClusterStepContext, member: Member, uid: string): Promise<void> {
  const { client, catalog } = step.services;
  const cluster = await clusterOf(step);
  const isOld = ({ metadata }: Pod): boolean => metadata?.uid === uid;
  const key = { namespace: cluster.metadata.namespace ?? 'default', name: member.pod };
  const found = await client.find(Pods, key, step.signal);
  if (found && isOld(found)) await stop(step, cluster, member);
  await remove(step, cluster, Pods, member.pod, isOld);
  for (;;) {
    try {
      await ensure(client, Pods, podOf(cluster, member, catalog), { owner: cluster }, step.signal);
      break;
    } catch (error) {
      if (!isStackError(error, 'NameTaken')) throw error;
      step.progress(error.message);
      await step.services.clock.sleep(POLL_MS, step.signal);
    }
  }
}

/** In order, as far as its agent answers: what it does not do the end of the pod does. */
async function stop({ services, signal }: ClusterStepContext, cluster: MPDCluster, { pod }: Member): Promise<void> {
  const { namespace, name, ports } = clusterFacts(cluster);
  const host = services.pods.get(`${namespace}/${pod}`)?.status?.podIP;
  if (!host) return;
  try {
    const agent = services.agents.agent({ namespace, name }, { host, port: ports.agentPort, serverName: pod });
    await withDeadline(STOP_MS + 5_000, signal, async (limited) => {
      await agent.stop({ mode: 'fast', timeoutMs: STOP_MS }, limited);
    });
  } catch {
    signal.throwIfAborted();
  }
}

export const recreatePodStep: ClusterStep = {
  name: 'RecreatePod',
  timeoutMs: 10 * 60_000,
  retry: { limit: 5 },
  run: async (step) => {
    const { uid, mayFail } = step.input;
    if (typeof uid !== 'string') throw new StackError('Internal', 'the plan does not say which pod it was');
    const member = await memberOf(step);
    const begun = step.services.clock.monotonic();
    await recreatePod(step, member, uid);
    const comesBack = async (signal: AbortSignal): Promise<void> => {
      const limited = { ...step, signal };
      const cluster = await clusterOf(limited);
      const { agent } = await waitForAgent(limited, cluster, member);
      await agent.start(signal);
      await untilWorking(limited, reporterOf(limited, cluster, member), member);
    };
    const works = { type: 'done', message: `${member.pod} works in a new pod`, output: { [step.step]: true } } as const;
    if (mayFail !== true) {
      await comesBack(step.signal);
      if (member.role !== 'primary') return works;
      const pause = pauseOutput(step, step.services.clock.monotonic() - begun);
      return { ...works, output: { ...works.output, ...pause } };
    }
    try {
      await withDeadline(COMES_BACK_MS, step.signal, comesBack);
      return works;
    } catch (error) {
      step.signal.throwIfAborted();
      const message = `${member.pod} has not come back: ${toStackError(error).message}`;
      return { type: 'done', message, output: { [step.step]: false } };
    }
  },
};
