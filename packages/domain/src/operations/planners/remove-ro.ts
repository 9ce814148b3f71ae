import type { OperationParameters } from '@polarstack/api';
import { lagOf } from '../best-target.ts';
import { closingOf, recordFollowers, removeMember } from '../member-steps.ts';
import { type Planned, planOf, refused } from '../operation-plan.ts';
import { instanceOf, type PlanCluster, type PlanFacts, type PlanInstance } from '../plan-facts.ts';
import { label } from '../planned-steps.ts';

/** The ROs that are missed least: broken ones, an older incarnation of a place, the farthest behind, the highest id. */
export function leastMissed(cluster: PlanCluster): readonly PlanInstance[] {
  const { replicas, instances } = cluster;
  const isOutdated = ({ physicalId, instanceId }: PlanInstance): boolean =>
    instances.some((other) => other.physicalId === physicalId && Number(other.instanceId) > Number(instanceId));
  const lag = (instance: PlanInstance): number => lagOf(cluster, instance) ?? Number.MAX_SAFE_INTEGER;
  return [...replicas].sort(
    (a, b) =>
      Number(b.trouble !== undefined) - Number(a.trouble !== undefined) ||
      Number(isOutdated(b)) - Number(isOutdated(a)) ||
      lag(b) - lag(a) ||
      Number(b.instanceId) - Number(a.instanceId),
  );
}

/** ROs that go: the named one, or those that are missed least. */
export function planRemoveRo(
  cluster: PlanCluster,
  { instance, count }: OperationParameters<'RemoveRo'>,
  facts: PlanFacts,
): Planned {
  const unsettled = instance === undefined ? undefined : unsettledInstance(facts, instance);
  const named = instance === undefined ? undefined : (instanceOf(cluster, instance) ?? unsettled);
  if (instance !== undefined && !named) {
    return refused('InstanceUnknown', `the cluster has no instance ${instance}`, 'Name one of its ROs, or none.');
  }
  if (named?.role === 'primary') {
    const message = `${label(named)} is the RW`;
    return refused('WrongInstance', message, 'Switch to another instance first (SwitchRw), then remove this one.');
  }
  if (!named && count > cluster.replicas.length) {
    const message = `${count} ROs are to go, and the cluster has ${cluster.replicas.length}`;
    return refused('OperationInvalid', message, 'Ask for fewer.');
  }
  const going = named ? [named] : leastMissed(cluster).slice(0, count);
  // One that never belonged to the cluster is not counted.
  const left = cluster.replicas.length - (unsettled ? 0 : going.length);
  const follows = facts.cluster.spec.followerNum > left && !unsettled ? recordFollowers(facts, left) : [];
  return planOf([...going.map(removeMember), ...follows, ...closingOf(cluster, going)], {
    checks: going.map((one) => `${label(one)} is not the RW`),
    risks: [
      ...(left === 0 && !unsettled ? ['The cluster has no RO left: nothing can take over when the RW fails.'] : []),
      'Data and pod of an instance on a node that is off go when the node is back.',
    ],
  });
}

/** One that an operation began to make or to remove, and did not finish. */
function unsettledInstance({ cluster: { status }, seen }: PlanFacts, id: string): PlanInstance | undefined {
  const entry = Object.values(status?.dbInstanceStatus ?? {}).find(
    (one) => one.installed !== true && (one.insId === id || one.podName === id),
  );
  if (!entry?.insId) return undefined;
  const { insId, physicalInsId = '', podName = '', nodeName } = entry;
  return {
    instanceId: insId,
    physicalId: physicalInsId,
    pod: podName,
    role: 'replica',
    node: nodeName,
    seen: seen.instances.get(insId),
    trouble: 'it was never finished',
  };
}
