import type { MPDCluster } from '@polarstack/api';
import { StackError } from '@polarstack/base';
import type { Member } from '@polarstack/domain';
import { type ClusterStepContext, membersOf } from './services.ts';

/** The instances that an earlier step of the operation took ids for: `input.added` names that step. */
export function addedIds({ input, context }: Pick<ClusterStepContext, 'input' | 'context'>): readonly string[] {
  const { added } = input;
  const ids = typeof added === 'string' ? context[added] : undefined;
  if (!Array.isArray(ids)) throw new StackError('Internal', 'the plan does not say which instances are added');
  return ids.map(String);
}

/** As members; one that is gone from the status meanwhile stops the operation. */
export function membersFrom(cluster: MPDCluster, ids: readonly string[]): readonly Member[] {
  const { members } = membersOf(cluster);
  return ids.map((id) => {
    const found = members.find(({ instanceId }) => instanceId === id);
    if (!found) throw new StackError('InstanceUnknown', `the cluster has no instance ${id} any more`);
    return found;
  });
}
