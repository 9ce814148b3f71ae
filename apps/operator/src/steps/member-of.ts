import { StackError } from '@polarstack/base';
import type { Member } from '@polarstack/domain';
import { type ClusterStepContext, clusterOf, membersOf } from './services.ts';

/** The member that a planned step is for. */
export async function memberOf(step: ClusterStepContext): Promise<Member> {
  const { instance } = step.input;
  const found = membersOf(await clusterOf(step)).members.find(({ instanceId }) => instanceId === instance);
  if (!found)
    throw new StackError('InstanceUnknown', `the cluster has no instance ${JSON.stringify(instance)} any more`);
  return found;
}
