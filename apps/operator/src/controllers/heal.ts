/**
 * Keeps a cluster that was made as it should be, one comparison at a time. It never changes who is primary.
 *
 * Invariants (tests cite them):
 * - H1 A pod that is gone is made again with the ids, the volume and so the node of its instance.
 * - H2 Nothing is pushed to an agent that has it already.
 */
import { labels, type MPDCluster } from '@polarstack/api';
import { type Logger, toStackError } from '@polarstack/base';
import type { AgentStatus } from '@polarstack/contracts';
import {
  type ClusterFacts,
  type ClusterSeen,
  clusterFacts,
  type Member,
  primaryOf,
  roleLabels,
} from '@polarstack/domain';
import { Pods } from '@polarstack/kube';
import { ensurePod } from '../steps/create-pods.ts';
import { upstreamOf } from '../steps/join-replicas.ts';
import { membersOf, type Services } from '../steps/services.ts';

export async function heal(
  cluster: MPDCluster,
  seen: ClusterSeen,
  services: Services,
  logger: Logger,
  signal: AbortSignal,
): Promise<void> {
  const membership = membersOf(cluster);
  const facts = clusterFacts(cluster);
  const primary = primaryOf(membership);
  const primaryIP = primary && seen.instances.get(primary.instanceId)?.pod?.podIP;
  const results = await Promise.allSettled(
    membership.members.map(async (member) => {
      const { pod, report, unanswered } = seen.instances.get(member.instanceId) ?? { unanswered: 0 };
      await healPod(cluster, facts, member, pod?.phase, services, signal);
      if (!report || unanswered > 0 || !pod?.podIP || pod.deleting) return;
      const address = { host: pod.podIP, port: facts.ports.agentPort, serverName: member.pod };
      const agent = services.agents.agent(facts, address);
      if (primary && primaryIP && hasMoved(report, primaryIP)) {
        const upstream = upstreamOf(facts, primary, primaryIP, member);
        await agent.setTerm({ epoch: report.term?.epoch ?? 1, role: 'replica', upstream }, signal);
        logger.info({ pod: member.pod }, 'told a replica the new address of its primary');
      }
      if (report.engine.state === 'stopped' && report.term) {
        logger.info({ pod: member.pod }, 'starting an engine that stood still');
        await agent.start(signal);
      }
    }),
  );
  signal.throwIfAborted();
  for (const result of results) {
    // The others were seen to; this one comes again with the next look.
    if (result.status === 'rejected')
      logger.warn({ err: toStackError(result.reason) }, 'an instance could not be mended');
  }
}

/** A replica follows its primary by address, and a new pod has a new one. */
const hasMoved = ({ term }: AgentStatus, primaryIP: string): boolean =>
  term?.role === 'replica' && term.upstream !== undefined && term.upstream.host !== primaryIP;

async function healPod(
  cluster: MPDCluster,
  { namespace }: ClusterFacts,
  member: Member,
  phase: string | undefined,
  services: Services,
  signal: AbortSignal,
): Promise<void> {
  const { client, events, pods } = services;
  const pod = pods.get(`${namespace}/${member.pod}`);
  if (!pod) {
    await ensurePod(cluster, member, services, signal);
    events.record(cluster, { type: 'Normal', reason: 'PodRecreated', message: `Made pod ${member.pod} again` });
    return;
  }
  if (pod.metadata?.deletionTimestamp !== undefined) return;
  const key = { namespace, name: member.pod };
  if (phase === 'Failed' || phase === 'Succeeded') {
    // Ended for good (an eviction): gone, it is made again.
    await client.delete(Pods, key, {}, signal);
    return;
  }
  const wanted = roleLabels(member.role);
  const has = pod.metadata?.labels ?? {};
  if (Object.entries(wanted).every(([label, value]) => has[label] === value)) return;
  await client.patch(Pods, key, { type: 'merge', body: { metadata: { labels: wanted } } }, signal);
  const message = `Pod ${member.pod} is labelled ${wanted[labels.role]} again`;
  events.record(cluster, { type: 'Normal', reason: 'PodRelabelled', message });
}
