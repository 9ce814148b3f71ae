/**
 * Keeps the instances of a cluster that was made as they should be, one comparison at a time. It never changes who is
 * primary.
 *
 * Invariants (tests cite them):
 * - H1 A pod that is gone is made again with the ids, the volume and so the node of its instance.
 * - H2 Nothing is pushed to an agent that has it already.
 * - H3 A replica that lost its data is copied anew from the primary; a primary that lost its data stays down.
 * - H4 Terms and promotions of instances that exist are the cluster manager's; while a switch stands, starts and labels are too.
 */
import type { MPDCluster } from '@polarstack/api';
import { isStackError, type Logger } from '@polarstack/base';
import type { AgentStatus } from '@polarstack/contracts';
import { type ClusterSeen, clusterFacts, type Member, primaryOf } from '@polarstack/domain';
import type { HaRecord } from '@polarstack/ha';
import { type Services, settledOf } from '../steps/services.ts';
import type { Content } from './content.ts';
import type { Attempt } from './fault.ts';
import { mendClaim, refill } from './mend-data.ts';
import { mendPod } from './mend-pod.ts';

/** What one instance fails with does not keep the others from being seen to: `attempt` notes it. */
export async function heal(
  cluster: MPDCluster,
  record: HaRecord | undefined,
  seen: ClusterSeen,
  services: Services,
  content: Pick<Content, 'claims'>,
  attempt: Attempt,
  logger: Logger,
  signal: AbortSignal,
): Promise<void> {
  const membership = settledOf(cluster);
  const facts = clusterFacts(cluster);
  const primary = primaryOf(membership);
  const primarySeen = primary && seen.instances.get(primary.instanceId);
  const primaryIP = primarySeen?.pod?.podIP;

  const healEngine = async (member: Member): Promise<void> => {
    const { pod, report, unanswered } = seen.instances.get(member.instanceId) ?? { unanswered: 0 };
    if (!report || unanswered > 0 || !pod?.podIP || pod.deleting) return;
    const agent = services.agents.agent(facts, {
      host: pod.podIP,
      port: facts.ports.agentPort,
      serverName: member.pod,
    });
    const fill = async (): Promise<void> => {
      const at = { podIP: primaryIP, epoch: record?.epoch };
      await refill(cluster, member, agent, report, at, services, signal);
    };
    if (report.engine.state === 'absent') return await fill();
    if (report.task?.state === 'running') return;
    if (record && mayStart(report, record)) {
      logger.info({ pod: member.pod }, 'starting an engine that stood still');
      try {
        await agent.start(signal);
      } catch (error) {
        if (!isStackError(error, 'DataFolderUnfinished')) throw error;
        await fill();
      }
    }
  };

  await Promise.all(
    membership.members.flatMap((member) => [
      attempt(async () => {
        let lost: unknown;
        try {
          await mendClaim(cluster, member, services, content, signal);
        } catch (error) {
          lost = error;
        }
        // Without its claim a pod is not made, but the one that is there still counts.
        if (lost === undefined || services.pods.get(`${facts.namespace}/${member.pod}`)) {
          await attempt(async () => await mendPod(cluster, member, record?.switch !== undefined, services, signal));
        }
        if (lost !== undefined) throw lost;
      }),
      attempt(async () => await healEngine(member)),
    ]),
  );
  signal.throwIfAborted();
}

/** One that a switch has stopped is brought back by the cluster manager, which knows whether it must be rewound first. */
const mayStart = ({ engine, term, fence }: AgentStatus, { epoch, switch: running }: HaRecord): boolean =>
  engine.state === 'stopped' && running === undefined && term?.epoch === epoch && fence !== epoch;
