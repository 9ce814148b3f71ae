import { randomUUID } from 'node:crypto';
import { StackError } from '@polarstack/base';
import type { AgentApi, Bootstrap } from '@polarstack/contracts';
import { clusterFacts, lagBytes, type Member, primaryOf } from '@polarstack/domain';
import { readRecord } from '../ha/ha-record.ts';
import { clusterKey } from '../kube/cluster-status-writer.ts';
import { addedIds, membersFrom } from './added-members.ts';
import { slotsFor, taskId } from './bootstrap-primary.ts';
import { engineConfig } from './ensure-parameters.ts';
import { upstreamOf } from './join-replicas.ts';
import { type ClusterStep, type ClusterStepContext, clusterOf, membersOf } from './services.ts';
import { awaitTask, waitForAgent } from './wait-for-agent.ts';

const POLL_MS = 100;
/** A replica whose position stands still for this long while it is behind does not catch up by itself. */
const STANDSTILL_MS = 30_000;

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
    await untilCaughtUp(step, member, agent, lsn);
  };
  const results = await Promise.allSettled(membersFrom(cluster, ids).map(join));
  const failed = results.find((result) => result.status === 'rejected');
  if (failed) throw failed.reason;
}

/** Until the replica streams and has replayed up to `lsn`. Throws `ReplicaBehind` where it stands still, `EngineStartFailed`. */
export async function untilCaughtUp(
  { services: { clock }, signal, progress }: Pick<ClusterStepContext, 'services' | 'signal' | 'progress'>,
  { pod }: Pick<Member, 'pod'>,
  agent: Pick<AgentApi, 'status'>,
  lsn: string,
): Promise<void> {
  let position: string | undefined;
  let since = clock.monotonic();
  for (;;) {
    const { engine } = await agent.status(signal);
    if (engine.state === 'failed') {
      throw new StackError('EngineStartFailed', `${pod}: ${engine.reason ?? 'the engine does not start'}`);
    }
    const lag = lagBytes(lsn, engine.lsn);
    if (engine.state === 'running' && engine.streaming === true && lag === 0) return;
    const behind = `${pod} is ${lag ?? 'an unknown number of'} bytes behind${engine.streaming ? '' : ' and does not stream'}`;
    progress(behind);
    const now = `${engine.lsn}/${engine.receivedLsn}/${engine.state}`;
    if (now !== position) [position, since] = [now, clock.monotonic()];
    else if (clock.monotonic() - since > STANDSTILL_MS) {
      const why = engine.replayPaused ? 'its replay is paused' : (engine.reason ?? 'it says no reason');
      throw new StackError('ReplicaBehind', `${behind}, and has stood still for ${STANDSTILL_MS / 1_000} s: ${why}`);
    }
    await clock.sleep(POLL_MS, signal);
  }
}

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
