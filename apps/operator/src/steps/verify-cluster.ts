import { randomUUID } from 'node:crypto';
import { initdbOptions, type MPDCluster } from '@polarstack/api';
import { linkSignals, StackError } from '@polarstack/base';
import { type ClusterSeen, type Member, primaryOf, troubleOf } from '@polarstack/domain';
import { untilCaughtUp } from './join-members.ts';
import { createStandstill, patienceOf } from './patience.ts';
import { type ClusterStep, type ClusterStepContext, clusterOf, settledOf } from './services.ts';
import { reporterOf, waitForAgent } from './wait-for-agent.ts';

const POLL_MS = 25;

/**
 * Proof that the cluster works: a row written on the primary is read on every replica, the application's database opens on
 * every instance, all replicas stream, and the services lead to every instance. Throws `AgentUnreachable`, `PodNotRunning`,
 * `ReplicaBehind` where that is proven of an instance, and `VerificationFailed` where something else is missing and stays so.
 */
export const verifyCluster: ClusterStep = {
  name: 'VerifyCluster',
  timeoutMs: 120_000,
  retry: { limit: 5, baseMs: 500 },
  run: async (step) => {
    const cluster = await clusterOf(step);
    // What one finds ends the other: nothing of an attempt goes on after it.
    const both = linkSignals([step.signal]);
    const within = { ...step, signal: both.signal };
    const watch = async (work: Promise<void>): Promise<void> => {
      try {
        await work;
      } catch (error) {
        both.end(error);
        throw error;
      }
    };
    try {
      await Promise.allSettled([watch(canary(within, cluster)), watch(untilReady(within, cluster))]);
      both.signal.throwIfAborted();
    } finally {
      both.end();
    }
    const { length } = settledOf(cluster).members;
    return {
      type: 'done',
      message: `a row of the RW was read on all ${length} instances, and the services lead to them`,
    };
  },
};

async function canary(step: ClusterStepContext, cluster: MPDCluster): Promise<void> {
  const membership = settledOf(cluster);
  const primary = primaryOf(membership);
  if (!primary) throw new StackError('Internal', 'the cluster has no primary');
  const token = randomUUID();
  const { agent } = await waitForAgent(step, cluster, primary);
  const { lsn } = await agent.writeCanary(token, step.signal);
  const database = initdbOptions(cluster.spec).database;
  await Promise.all(
    membership.members.map(async (member) => {
      // The row is behind the database in the WAL: a replica that shows it has replayed the database too.
      if (member.role === 'replica') await readBack(step, cluster, member, { token, lsn });
      const reached = await waitForAgent(step, cluster, member);
      await reached.agent.checkDatabases([database], step.signal);
    }),
  );
}

async function readBack(
  step: ClusterStepContext,
  cluster: MPDCluster,
  replica: Member,
  written: { readonly token: string; readonly lsn: string },
): Promise<void> {
  await untilCaughtUp(step, replica, reporterOf(step, cluster, replica), written.lsn);
  const { agent } = await waitForAgent(step, cluster, replica);
  const { token } = await agent.readCanary(step.signal);
  if (token === written.token) return;
  throw new StackError('VerificationFailed', `${replica.pod} shows another row than was written, behind its position`);
}

async function untilReady(step: ClusterStepContext, cluster: MPDCluster): Promise<void> {
  // Probes and services follow what is so with a delay of their own.
  const limitMs = 2 * patienceOf(step, 'standstillMs');
  const standsFor = createStandstill(step.services);
  for (;;) {
    const missing = whatIsMissing(cluster, await step.services.observe(cluster, step.signal));
    if (missing === undefined) return;
    step.progress(missing);
    if (standsFor(missing) > limitMs) throw new StackError('VerificationFailed', missing);
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
