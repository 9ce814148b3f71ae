import { randomUUID } from 'node:crypto';
import { StackError } from '@polarstack/base';
import type { Bootstrap, EngineReport } from '@polarstack/contracts';
import { clusterFacts, lagBytes, type Member, primaryOf } from '@polarstack/domain';
import { readRecord } from '../ha/ha-record.ts';
import { clusterKey } from '../kube/cluster-status-writer.ts';
import { addedIds, membersFrom } from './added-members.ts';
import { slotsFor, taskId } from './bootstrap-primary.ts';
import { engineConfig } from './ensure-parameters.ts';
import { upstreamOf } from './join-replicas.ts';
import { createStandstill, patienceOf } from './patience.ts';
import { mustStart } from './restart-engine.ts';
import { type ClusterStep, type ClusterStepContext, clusterOf, membersOf, type Services } from './services.ts';
import { awaitTask, reporterOf, waitForAgent } from './wait-for-agent.ts';

const POLL_MS = 100;

/**
 * Copies the primary to new replicas, all at once, and lets them catch up. Epoch and upstream are those of the HA record. What
 * is a member already is left alone: whom it follows is the cluster manager's word.
 */
export async function joinMembers(step: ClusterStepContext, ids: readonly string[]): Promise<void> {
  const { client } = step.services;
  const cluster = await clusterOf(step);
  const record = await readRecord(client, clusterKey(cluster), step.signal);
  const membership = membersOf(cluster);
  const primary = primaryOf(membership);
  if (!record || !primary) throw new StackError('HaRecordMissing', 'nobody knows who is the primary of the cluster');
  const facts = clusterFacts(cluster);
  const [{ agent: source, podIP }, config] = await Promise.all([
    waitForAgent(step, cluster, primary),
    engineConfig(cluster, step.services, step.signal),
  ]);
  // From here on the primary keeps the WAL that the copies need.
  await source.setSlots(slotsFor(membership, primary), step.signal);
  const join = async (member: Member): Promise<void> => {
    const { agent } = await waitForAgent(step, cluster, member);
    if (record.members[member.instanceId] === undefined) {
      const bootstrap: Bootstrap = {
        kind: 'basebackup',
        term: { epoch: record.epoch, role: 'replica', upstream: upstreamOf(facts, primary, podIP, member) },
        config,
        slots: slotsFor(membership, member),
      };
      await awaitTask(agent, await agent.bootstrap(taskId(step, member), bootstrap, step.signal), step);
    }
    const { lsn } = await source.writeCanary(randomUUID(), step.signal);
    await untilCaughtUp(step, member, reporterOf(step, cluster, member), lsn);
  };
  const results = await Promise.allSettled(membersFrom(cluster, ids).map(join));
  const failed = results.find((result) => result.status === 'rejected');
  if (failed) throw failed.reason;
}

/**
 * Until the replica has replayed up to `lsn`, and streams (with `mayRest`: or not). Throws `ReplicaBehind` where it stands still,
 * `EngineStartFailed`.
 */
export async function untilCaughtUp(
  step: Pick<ClusterStepContext, 'signal' | 'progress' | 'failures'> & { readonly services: Waiting },
  { pod }: Pick<Member, 'pod'>,
  look: () => Promise<EngineReport>,
  lsn: string,
  { mayRest = false }: { readonly mayRest?: boolean } = {},
): Promise<void> {
  const standsFor = createStandstill(step.services);
  for (;;) {
    const engine = await look();
    mustStart(pod, engine);
    const streams = engine.streaming === true;
    const lag = lagBytes(lsn, engine.lsn);
    if (engine.state === 'running' && (streams || mayRest) && lag === 0) return;
    const behind = `${pod} is ${lag ?? 'an unknown number of'} bytes behind${streams ? '' : ' and does not stream'}`;
    step.progress(behind);
    // What it receives beyond `lsn` brings it no nearer to it.
    const received = lagBytes(lsn, engine.receivedLsn) === 0 ? 'all' : engine.receivedLsn;
    // An engine in its recovery says nothing of its own.
    const limitMs = patienceOf(step, engine.state === 'starting' ? 'startMs' : 'standstillMs');
    if (standsFor(`${engine.lsn}/${received}/${streams}/${engine.state}`) > limitMs) {
      const why = engine.replayPaused ? 'its replay is paused' : (engine.reason ?? 'it says no reason');
      const seconds = Math.round(limitMs / 1_000);
      throw new StackError('ReplicaBehind', `${behind}, and has stood still for ${seconds} s: ${why}`);
    }
    await step.services.clock.sleep(POLL_MS, step.signal);
  }
}

type Waiting = Pick<Services, 'clock' | 'patience'>;

export const joinMembersStep: ClusterStep = {
  name: 'JoinMembers',
  timeoutMs: 6 * 3_600_000,
  retry: { limit: 3 },
  run: async (step) => {
    const ids = addedIds(step);
    await joinMembers(step, ids);
    return { type: 'done', message: `${ids.join(', ')} stream and have caught up` };
  },
};
