import { StackError } from '@polarstack/base';
import { admitMembers } from './admit-members.ts';
import { allocateMembers, removeUnfinished, type Wanted } from './allocate-members.ts';
import { createMembers } from './create-members.ts';
import { joinMembers } from './join-members.ts';
import { finishRemoval, removeInstance } from './remove-member.ts';
import type { ClusterStep } from './services.ts';

/** A new incarnation of a replica; left out where an earlier step (`unless`) found that it works. */
export const rebuildMember: ClusterStep = {
  name: 'RebuildMember',
  timeoutMs: 6 * 3_600_000,
  retry: { limit: 3 },
  run: async (step) => {
    const { instance, node, unless } = step.input;
    if (typeof instance !== 'string' || typeof unless !== 'string') {
      throw new StackError('Internal', 'the plan does not say which instance it is');
    }
    if (step.context[unless] === true) return { type: 'done', message: `${instance} works: nothing to do` };
    const wanted: readonly Wanted[] = [{ replaces: instance, ...(typeof node === 'string' && { node }) }];
    const ids = await allocateMembers(step, wanted);
    await createMembers(step, ids);
    await joinMembers(step, ids);
    await admitMembers(step, ids);
    return { type: 'done', message: `${ids.join()} has taken its place; ${await removeInstance(step, instance)}` };
  },
  undo: async (step) => {
    const { instance } = step.input;
    const left = await removeUnfinished(step);
    return { type: 'done', message: `${left}; ${await finishRemoval(step, instance)}` };
  },
};
