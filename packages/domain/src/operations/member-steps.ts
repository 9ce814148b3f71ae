import { type Planned, refused, type StepPlan } from './operation-plan.ts';
import type { PlanCluster, PlanFacts, PlanInstance } from './plan-facts.ts';
import { closing, label, updateRunningStatus } from './planned-steps.ts';

/** Steps that make and remove members; several operations are built of them. */

/** A member to make: at a place of its own, or as the next incarnation of another. */
export interface WantedMember {
  readonly replaces?: string;
  readonly node?: string;
}

/** Ids, objects, a copy of the RW, and what makes it one of the cluster. */
export function addingSteps(wanted: readonly WantedMember[], what: string): readonly StepPlan[] {
  const added = { added: 'AllocateMembers' };
  const places = wanted.map(({ replaces, node }) => ({ ...(replaces && { replaces }), ...(node && { node }) }));
  return [
    {
      name: 'AllocateMembers',
      use: 'AllocateMembers',
      input: { wanted: places },
      description: `Take ids for ${what} and record them before anything is made`,
    },
    {
      name: 'CreateMembers',
      use: 'CreateMembers',
      input: added,
      description: `Make volume, certificate and pod of ${what}`,
    },
    {
      name: 'JoinMembers',
      use: 'JoinMembers',
      input: added,
      description: `Copy the RW to ${what} and let it catch up; the RW works on meanwhile`,
    },
    {
      name: 'AdmitMembers',
      use: 'AdmitMembers',
      input: added,
      description: `Make ${what} a member: it may be elected, and every instance keeps WAL for it`,
    },
  ];
}

export const removeMember = (instance: PlanInstance): StepPlan => ({
  name: `RemoveMember-${instance.instanceId}`,
  use: 'RemoveMember',
  input: { instance: instance.instanceId },
  description: `Take ${label(instance)} out of the cluster, stop it, and delete its pod and volume`,
  interrupts: 'Its connections end.',
});

/** The spec follows an operation that it did not ask for: else its wish would undo it. */
export function recordFollowers({ cluster }: PlanFacts, count: number): readonly StepPlan[] {
  const before = cluster.spec.followerNum;
  return before === count
    ? []
    : [
        {
          name: 'RecordFollowers',
          use: 'RecordFollowers',
          input: { from: before, to: count },
          description: `Set spec.followerNum from ${before} to ${count}`,
        },
      ];
}

/** Why a node cannot take an instance of the cluster; undefined where it can. */
export function nodeRefusal(facts: PlanFacts, name: string): Planned | undefined {
  const node = facts.nodes.find((one) => one.name === name);
  if (!node) {
    const known = facts.nodes.map((one) => one.name).join(', ');
    return refused('NodeUnknown', `there is no node ${name}`, `Name one of ${known || 'the nodes'}.`);
  }
  const unfit = (why: string, remedy: string): Planned => refused('NodeUnfit', `node ${name} ${why}`, remedy);
  if (!node.schedulable) {
    return unfit(
      'is not ready, or closed to new pods',
      'Bring it back or open it (kubectl uncordon), or name another.',
    );
  }
  const image = facts.cluster.status?.engine?.image ?? '';
  if (!node.images.includes(image)) {
    return unfit(`does not have the engine ${image}`, 'Install it there, or name a node that has it.');
  }
  if (isHostNetwork(facts) && node.instances.length > 0) {
    return unfit(
      `has instance ${node.instances.join(', ')}, and on the network of the host a node takes one instance of a cluster`,
      'Name a node without one.',
    );
  }
  return undefined;
}

/** Whether the instances have the network of their nodes: then two of them cannot share a node. */
export const isHostNetwork = ({ cluster: { status } }: Pick<PlanFacts, 'cluster'>): boolean =>
  Object.values(status?.dbInstanceStatus ?? {})[0]?.netInfo?.netType === 'host';

/** The copy is taken from the RW: without one there is nothing to join. */
export function sourceRefusal({ primary }: PlanCluster): Planned | undefined {
  return primary.trouble
    ? refused(
        'ClusterNotReady',
        `the RW ${label(primary)} cannot be copied: ${primary.trouble}`,
        'Mend the RW first; what is added is a copy of it.',
      )
    : undefined;
}

export const copyRisks: readonly string[] = [
  'The copy reads the whole RW once: reads and writes may be slower meanwhile.',
  'A copy that cannot catch up stops the operation before anything is taken away.',
];

/** How an operation ends: with a proof that the cluster works, where those that stay worked before. */
export function closingOf({ instances }: PlanCluster, going: readonly PlanInstance[] = []): readonly StepPlan[] {
  const staying = instances.filter(({ instanceId }) => going.every((one) => one.instanceId !== instanceId));
  return staying.some(({ trouble }) => trouble !== undefined) ? [updateRunningStatus] : closing;
}
