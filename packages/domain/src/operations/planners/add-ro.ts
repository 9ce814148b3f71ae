import type { OperationParameters } from '@polarstack/api';
import {
  addingSteps,
  closingOf,
  copyRisks,
  isHostNetwork,
  nodeRefusal,
  recordFollowers,
  sourceRefusal,
} from '../member-steps.ts';
import { type Planned, planOf, refused } from '../operation-plan.ts';
import type { PlanCluster, PlanFacts } from '../plan-facts.ts';

/** As the schema of the spec has it. */
const MAX_REPLICAS = 15;

/** More ROs, all made at once. */
export function planAddRo(
  cluster: PlanCluster,
  { count, node }: OperationParameters<'AddRo'>,
  facts: PlanFacts,
): Planned {
  const total = cluster.replicas.length + count;
  if (total > MAX_REPLICAS) {
    const message = `${cluster.replicas.length} and ${count} more are more than ${MAX_REPLICAS} ROs`;
    return refused('OperationInvalid', message, 'Ask for fewer.');
  }
  const refusal = sourceRefusal(cluster) ?? (node === undefined ? tooFewNodes(facts, count) : nodeRefusal(facts, node));
  if (refusal) return refusal;
  if (node !== undefined && count > 1 && isHostNetwork(facts)) {
    return refused('NodeUnfit', `node ${node} takes one instance of the cluster`, 'Add one RO at a time.');
  }
  const wanted = Array.from({ length: count }, () => (node === undefined ? {} : { node }));
  const what = count === 1 ? 'the new RO' : `the ${count} new ROs`;
  const follows = facts.cluster.spec.followerNum < total ? recordFollowers(facts, total) : [];
  return planOf([...addingSteps(wanted, what), ...follows, ...closingOf(cluster)], {
    checks: ['the RW works', ...(node === undefined ? [] : [`node ${node} takes pods and has the engine`])],
    moves: [],
    risks: copyRisks,
  });
}

function tooFewNodes(facts: PlanFacts, count: number): Planned | undefined {
  if (!isHostNetwork(facts)) return undefined;
  const image = facts.cluster.status?.engine?.image ?? '';
  const free = facts.nodes.filter(
    ({ schedulable, images, instances }) => schedulable && images.includes(image) && instances.length === 0,
  );
  if (free.length >= count) return undefined;
  const message = `${count} nodes without an instance of the cluster are needed, there are ${free.length}`;
  return refused('NotEnoughNodes', message, 'Add nodes, or ask for fewer ROs.');
}
