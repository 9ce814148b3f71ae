import { type MPDCluster, type MPDClusterStatus, MPDClusters, names } from '@polarstack/api';
import { isStackError, StackError, toStackError, withDeadline } from '@polarstack/base';
import { clusterFacts, type Member, recordedMembership } from '@polarstack/domain';
import { removeMember } from '@polarstack/ha';
import { isOwnedBy, type KubeObject, PersistentVolumeClaims, Pods, type Resource, Secrets } from '@polarstack/kube';
import { changeRecord } from '../ha/ha-record.ts';
import { clusterKey, updateClusterStatus } from '../kube/cluster-status-writer.ts';
import { setSlotsOfAll } from './admit-members.ts';
import { patienceOf } from './patience.ts';
import { type ClusterStep, type ClusterStepContext, clusterOf } from './services.ts';

const POLL_MS = 50;
const STOP_MS = 10_000;
const GONE_MS = 60_000;

/**
 * Takes an instance away. From the first write on nobody elects it and nobody mends it; then it is stopped, what the others keep
 * for it goes, then its objects; its entry is the last, so that whoever repeats this finds what is left. An instance that
 * does not answer does not hold anything up.
 */
export async function removeInstance(step: ClusterStepContext, id: string): Promise<string> {
  const { client } = step.services;
  const cluster = await clusterOf(step);
  const member = recordedMembership(cluster)?.members.find(({ instanceId }) => instanceId === id);
  if (!member) return `${id} is gone`;
  if (member.role === 'primary') throw new StackError('MemberIsPrimary', `${member.pod} is the RW`);
  await changeRecord(client, clusterKey(cluster), (record) => removeMember(record, id), step.signal);
  await changeEntry(step, cluster, (entries) => {
    const entry = entries[id];
    return entry ? { ...entries, [id]: { ...entry, installed: false } } : entries;
  });
  const notes = [await stopEngine(step, cluster, member), await setSlotsOfAll(step, cluster, id)];
  await remove(step, cluster, Pods, member.pod);
  await remove(step, cluster, PersistentVolumeClaims, member.pod);
  await remove(step, cluster, Secrets, names.podTls(member.pod));
  await changeEntry(step, cluster, (entries) =>
    Object.fromEntries(Object.entries(entries).filter(([key]) => key !== id)),
  );
  return [`${member.pod} is gone`, ...notes].filter((note) => note !== undefined).join('; ');
}

/**
 * What a cancel makes of a removal. There is no way back for one that nobody elects or mends any more: half a removal is brought to
 * its end; one that was not begun stays away.
 */
export async function finishRemoval(step: ClusterStepContext, id: unknown): Promise<string> {
  if (typeof id !== 'string') throw new StackError('Internal', 'the plan does not say which instance goes');
  const entry = (await clusterOf(step)).status?.dbInstanceStatus?.[id];
  if (!entry) return `${id} is gone`;
  return entry.installed === true ? `${entry.podName} stays` : await removeInstance(step, id);
}

type Entries = NonNullable<MPDClusterStatus['dbInstanceStatus']>;

async function changeEntry(
  { services: { client }, signal }: ClusterStepContext,
  cluster: MPDCluster,
  change: (entries: Entries) => Entries,
): Promise<void> {
  // Not on top of what was read before: it is older than earlier writes of this step.
  const fresh = await client.get(MPDClusters, clusterKey(cluster), signal);
  const changed = (current: MPDCluster): MPDClusterStatus => ({
    ...current.status,
    dbInstanceStatus: change(current.status?.dbInstanceStatus ?? {}),
  });
  await updateClusterStatus(client, fresh, changed, signal);
}

async function stopEngine(
  { services: { agents, pods }, signal }: ClusterStepContext,
  cluster: MPDCluster,
  { pod }: Member,
): Promise<string | undefined> {
  const { namespace, name, ports } = clusterFacts(cluster);
  const host = pods.get(`${namespace}/${pod}`)?.status?.podIP;
  if (!host) return undefined;
  try {
    const agent = agents.agent({ namespace, name }, { host, port: ports.agentPort, serverName: pod });
    await withDeadline(STOP_MS + 5_000, signal, async (limited) => {
      await agent.stop({ mode: 'fast', timeoutMs: STOP_MS }, limited);
    });
    return undefined;
  } catch (error) {
    signal.throwIfAborted();
    return `its engine was left to the end of its pod (${toStackError(error).message})`;
  }
}

/** Deletes one object of the cluster and waits until it is gone; somebody else's of that name is left alone. */
export async function remove<T extends KubeObject>(
  step: ClusterStepContext,
  cluster: MPDCluster,
  resource: Resource<T>,
  name: string,
  only?: (found: T) => boolean,
): Promise<void> {
  const {
    services: { client, clock },
    signal,
    progress,
  } = step;
  const key = { namespace: cluster.metadata.namespace ?? 'default', name };
  const started = clock.monotonic();
  let forced = false;
  for (;;) {
    const found = await client.find(resource, key, signal);
    if (!found || !isOwnedBy(found, cluster) || (only && !only(found))) return;
    const { uid, deletionTimestamp } = found.metadata ?? {};
    const waited = clock.monotonic() - started;
    const force: boolean = resource.plural === 'pods' && waited > patienceOf(step, 'podEndMs') && !forced;
    if (deletionTimestamp === undefined || force) {
      try {
        const options = {
          ...(uid !== undefined && { preconditions: { uid } }),
          ...(force && { gracePeriodSeconds: 0 }),
        };
        await client.delete(resource, key, options, signal);
        forced ||= force;
      } catch (error) {
        if (!isStackError(error, 'NotFound') && !isStackError(error, 'Conflict')) throw error;
      }
    }
    if (waited > GONE_MS) throw new StackError('Timeout', `${resource.kind} ${name} does not go away`);
    progress(`${resource.kind} ${name} is going`);
    await clock.sleep(POLL_MS, signal);
  }
}

export const removeMemberStep: ClusterStep = {
  name: 'RemoveMember',
  timeoutMs: 5 * 60_000,
  retry: { limit: 5 },
  run: async (step) => {
    const { instance } = step.input;
    if (typeof instance !== 'string') throw new StackError('Internal', 'the plan does not say which instance goes');
    return { type: 'done', message: await removeInstance(step, instance) };
  },
  undo: async (step) => ({ type: 'done', message: await finishRemoval(step, step.input.instance) }),
};
