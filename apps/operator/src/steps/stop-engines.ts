import { toStackError, withDeadline } from '@polarstack/base';
import { clusterFacts, recordedMembership } from '@polarstack/domain';
import { done } from '@polarstack/workflow';
import { type ClusterStep, clusterOf } from './services.ts';

/** How long engines may take to stop by themselves, in milliseconds; what is left goes with its pod. */
const STOP_MS = 10_000;

/** Stops the engines while their agents can still do it well. A node that is off is no reason to keep a cluster. */
export const stopEngines: ClusterStep = {
  name: 'StopEngines',
  timeoutMs: 60_000,
  run: async (step) => {
    const { agents, pods } = step.services;
    const cluster = await clusterOf(step);
    const membership = recordedMembership(cluster);
    if (!membership) return done({}, 'nothing was made');
    const { namespace, name, ports } = clusterFacts(cluster);
    const failed = await Promise.all(
      membership.members.map(async ({ pod }) => {
        const host = pods.get(`${namespace}/${pod}`)?.status?.podIP;
        if (!host) return [];
        try {
          const agent = agents.agent({ namespace, name }, { host, port: ports.agentPort, serverName: pod });
          await withDeadline(STOP_MS + 5_000, step.signal, async (limited) => {
            await agent.stop({ mode: 'fast', timeoutMs: STOP_MS }, limited);
          });
          return [];
        } catch (error) {
          step.signal.throwIfAborted();
          return [`${pod}: ${toStackError(error).message}`];
        }
      }),
    );
    const texts = failed.flat();
    return done({}, texts.length > 0 ? `left to the pods' end: ${texts.join('; ')}` : undefined);
  },
};
