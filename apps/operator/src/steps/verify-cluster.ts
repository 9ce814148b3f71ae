import { randomUUID } from 'node:crypto';
import { initdbOptions, type MPDCluster } from '@polarstack/api';
import { StackError, toStackError } from '@polarstack/base';
import { type ClusterSeen, clusterFacts, type Member, primaryOf, troubleOf } from '@polarstack/domain';
import { type ClusterStep, type ClusterStepContext, clusterOf, settledOf } from './services.ts';

const POLL_MS = 25;

/**
 * Proof that the cluster works: a row written on the primary is read on every replica, the application's database opens on
 * every instance, all replicas stream, and the services lead to every instance.
 */
export const verifyCluster: ClusterStep = {
  name: 'VerifyCluster',
  timeoutMs: 120_000,
  retry: { limit: 5 },
  run: async (step) => {
    const cluster = await clusterOf(step);
    const token = randomUUID();
    await Promise.all([canary(step, cluster, token), untilReady(step, cluster)]);
    return undefined;
  },
};

async function canary(step: ClusterStepContext, cluster: MPDCluster, token: string): Promise<void> {
  const membership = settledOf(cluster);
  const primary = primaryOf(membership);
  if (!primary) throw new StackError('Internal', 'the cluster has no primary');
  await agentOf(step, cluster, primary).writeCanary(token, step.signal);
  const database = initdbOptions(cluster.spec).database;
  await Promise.all(
    membership.members.map(async (member) => {
      // The row is behind the database in the WAL: a replica that shows it has replayed the database too.
      if (member.role === 'replica') await untilRead(step, cluster, member, token);
      await agentOf(step, cluster, member).checkDatabases([database], step.signal);
    }),
  );
}

async function untilRead(step: ClusterStepContext, cluster: MPDCluster, replica: Member, token: string): Promise<void> {
  for (;;) {
    step.signal.throwIfAborted();
    try {
      if ((await agentOf(step, cluster, replica).readCanary(step.signal)).token === token) return;
      step.progress(`${replica.pod} has not replayed the test row yet`);
    } catch (error) {
      step.progress(`${replica.pod}: ${toStackError(error).message}`);
    }
    await step.services.clock.sleep(POLL_MS, step.signal);
  }
}

function agentOf(step: ClusterStepContext, cluster: MPDCluster, member: Member) {
  const { namespace, name, ports } = clusterFacts(cluster);
  const host = step.services.pods.get(`${namespace}/${member.pod}`)?.status?.podIP;
  if (!host) throw new StackError('PodNotRunning', `pod ${member.pod} has no address`);
  return step.services.agents.agent({ namespace, name }, { host, port: ports.agentPort, serverName: member.pod });
}

async function untilReady(step: ClusterStepContext, cluster: MPDCluster): Promise<void> {
  for (;;) {
    const missing = whatIsMissing(cluster, await step.services.observe(cluster, step.signal));
    if (missing === undefined) return;
    step.progress(missing);
    await step.services.clock.sleep(POLL_MS, step.signal);
  }
}

/** The first thing that keeps a cluster from being ready, or undefined. */
export function whatIsMissing(cluster: MPDCluster, seen: ClusterSeen): string | undefined {
  const { members } = settledOf(cluster);
  for (const { instanceId, role, pod } of members) {
    const trouble = troubleOf(seen.instances.get(instanceId), role);
    if (trouble) return `${pod}: ${trouble}`;
  }
  if (seen.endpoints.rw.ready < 1) return 'the rw service leads nowhere yet';
  if (seen.endpoints.ro.ready < members.length - 1) return 'the ro service does not lead to every replica yet';
  return undefined;
}
