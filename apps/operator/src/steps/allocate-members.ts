import type { MPDCluster, MPDClusterStatus } from '@polarstack/api';
import { StackError } from '@polarstack/base';
import { addedEntries, idsOfNew, newMembers } from '@polarstack/domain';
import { done } from '@polarstack/workflow';
import { readCluster, updateClusterStatus } from '../kube/cluster-status-writer.ts';
import { removeInstance } from './remove-member.ts';
import { type ClusterStep, type ClusterStepContext, clusterOf, keyOf } from './services.ts';

export interface Wanted {
  readonly replaces?: string;
  readonly node?: string;
}

/** What this very step of this operation took before. */
const markOf = ({ workflowId, step }: ClusterStepContext): string => `${workflowId}/${step}`;

/** Instances that carry the mark, in the order in which they were asked for; those that go themselves are none of them. */
export function markedBy(cluster: MPDCluster, step: ClusterStepContext, wanted: readonly Wanted[]): readonly string[] {
  const going = new Set(wanted.map(({ replaces }) => replaces));
  return Object.entries(cluster.status?.dbInstanceStatus ?? {})
    .filter(([id, { operation }]) => operation === markOf(step) && !going.has(id))
    .map(([id]) => id)
    .sort((a, b) => Number(a) - Number(b));
}

/** Takes ids and records them in the status by one write, before anything is made with them; answers them. */
export async function allocateMembers(step: ClusterStepContext, wanted: readonly Wanted[]): Promise<readonly string[]> {
  const { client, allocate } = step.services;
  const cluster = await clusterOf(step);
  const before = markedBy(cluster, step, wanted);
  if (before.length > 0) return before;
  const wish = { ids: idsOfNew(wanted), agentPort: false, claimedPorts: [] };
  const { firstId } = await allocate(wish, step.signal);
  const recorded = (current: MPDCluster): MPDClusterStatus => {
    // Somebody else recorded some for this step meanwhile: theirs hold, ours stay a gap.
    if (markedBy(current, step, wanted).length > 0) return current.status ?? {};
    const entries = addedEntries(current, newMembers(current, wanted, firstId), markOf(step));
    return { ...current.status, dbInstanceStatus: { ...current.status?.dbInstanceStatus, ...entries } };
  };
  const written = await updateClusterStatus(client, cluster, recorded, step.signal);
  return markedBy(written, step, wanted);
}

/**
 * Takes away what was made with the ids of this step and is no member yet. Members stay, without the mark: it would make them those
 * of a later operation of this name.
 */
export async function removeUnfinished(step: ClusterStepContext): Promise<string> {
  const { status } = await clusterOf(step);
  const entries = Object.entries(status?.dbInstanceStatus ?? {});
  const unfinished = entries.filter(([, entry]) => entry.operation === markOf(step) && entry.installed !== true);
  const notes: string[] = [];
  for (const [id] of unfinished) notes.push(await removeInstance(step, id));
  const unmarked = (current: MPDCluster): MPDClusterStatus => {
    const dbInstanceStatus = Object.entries(current.status?.dbInstanceStatus ?? {}).map(([id, entry]) => {
      const { operation, ...rest } = entry;
      return [id, operation === markOf(step) ? rest : entry] as const;
    });
    return { ...current.status, dbInstanceStatus: Object.fromEntries(dbInstanceStatus) };
  };
  await updateClusterStatus(
    step.services.client,
    await readCluster(step.services.client, keyOf(step), step.signal),
    unmarked,
    step.signal,
  );
  return notes.length > 0 ? notes.join('; ') : 'nothing unfinished is left';
}

export const allocateMembersStep: ClusterStep = {
  name: 'AllocateMembers',
  timeoutMs: 30_000,
  run: async (step) => {
    const { wanted } = step.input;
    if (!Array.isArray(wanted)) throw new StackError('Internal', 'the plan does not say what is added');
    const ids = await allocateMembers(step, wanted as readonly Wanted[]);
    return done({ [step.step]: [...ids] }, `instances ${ids.join(', ')}`);
  },
  // With it goes all that later steps made for these instances: they find it by the same ids.
  undo: async (step) => done({}, await removeUnfinished(step)),
};
