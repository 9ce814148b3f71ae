import { StackError } from '@polarstack/base';
import { Nodes } from '@polarstack/kube';
import { instanceId, isPrimary } from '../change/instances.ts';
import type { Verb } from './verb.ts';

/** Verbs that make an operation of their own: they change nothing that a spec says. */

const INSTANCE = 'its id, or the name of its pod (polarstack status)';

export const switchover: Verb = {
  name: 'switchover',
  description: 'move the RW to another instance; writes pause for less than a second',
  how: 'operation',
  declare: (command) => command.option('--to <instance>', `the RO that takes over: ${INSTANCE}; default: the best one`),
  wish: ({ cluster }, { flags }) => {
    const { to } = flags;
    if (typeof to !== 'string') return { how: 'operation', type: 'SwitchRw', parameters: {} };
    const instance = instanceId(cluster, to);
    if (isPrimary(cluster, instance)) return { how: 'nothing', message: `${to} is the RW already` };
    return { how: 'operation', type: 'SwitchRw', parameters: { instance } };
  },
};

export const restart: Verb = {
  name: 'restart',
  description: 'restart one instance, or all of them: ROs first, a switch, then the old RW',
  how: 'operation',
  declare: (command) =>
    command
      .argument('[instance]', `only this one: ${INSTANCE}`)
      .option('--all-at-once', 'every instance at the same time: shorter, but nobody can read or write meanwhile'),
  wish: ({ cluster }, { words: [named], flags }) => {
    if (named !== undefined) {
      if (flags.allAtOnce === true) throw new StackError('Usage', 'either an instance or --all-at-once');
      return { how: 'operation', type: 'RestartIns', parameters: { instance: instanceId(cluster, named) } };
    }
    const mode = flags.allAtOnce === true ? 'all' : 'rolling';
    return { how: 'operation', type: 'RestartCluster', parameters: { mode } };
  },
};

export const migrate: Verb = {
  name: 'migrate',
  description: 'move an instance to another node: the new one is built and has caught up before the old one goes',
  how: 'operation',
  declare: (command) => command.argument('<instance>', INSTANCE).argument('<node>', 'where to (polarstack node list)'),
  wish: async ({ cluster, connection: { client }, signal }, { words: [named = '', node = ''] }) => {
    const instance = instanceId(cluster, named);
    const present = cluster.status?.dbInstanceStatus?.[instance]?.nodeName;
    if (present === node) return { how: 'nothing', message: `${named} is on ${node} already` };
    const { items } = await client.list(Nodes, {}, signal);
    const known = items.map(({ metadata }) => metadata?.name ?? '');
    if (!known.includes(node)) {
      throw new StackError('NotFound', `there is no node ${node}`, { remedy: `There are: ${known.join(', ')}.` });
    }
    const type = isPrimary(cluster, instance) ? 'MigrateRw' : 'MigrateRo';
    return { how: 'operation', type, parameters: { instance, node } };
  },
};

export const rebuild: Verb = {
  name: 'rebuild',
  description: 'make a RO anew from the RW, or all of them; the old data is kept until the new one is ready',
  how: 'operation',
  declare: (command) => command.argument('[instance]', `only this RO: ${INSTANCE}`),
  wish: ({ cluster }, { words: [named] }) => {
    if (named === undefined) return { how: 'operation', type: 'Rebuild', parameters: {} };
    const instance = instanceId(cluster, named);
    if (isPrimary(cluster, instance)) {
      throw new StackError('Usage', `${named} is the RW: it cannot be made anew from itself`, {
        remedy: 'Name a RO; or move the RW first (polarstack switchover) and rebuild what it was.',
      });
    }
    return { how: 'operation', type: 'RebuildRo', parameters: { instance } };
  },
};

export const removeReplica: Verb = {
  name: 'remove-replica',
  description: 'remove a chosen RO with its data; spec.followerNum follows',
  how: 'operation',
  declare: (command) => command.argument('[instance]', `${INSTANCE}; default: the one that is missed least`),
  wish: ({ cluster }, { words: [named] }) => {
    if (named === undefined) return { how: 'operation', type: 'RemoveRo', parameters: {} };
    const instance = instanceId(cluster, named);
    if (isPrimary(cluster, instance)) {
      throw new StackError('Usage', `${named} is the RW`, {
        remedy: 'Name a RO; or move the RW first: polarstack switchover.',
      });
    }
    return { how: 'operation', type: 'RemoveRo', parameters: { instance } };
  },
};
