import type { InstanceStatus, MPDCluster } from '@polarstack/api';
import type { Json } from '@polarstack/base';
import type { Refusal, StepPlan } from './operation-plan.ts';
import type { PlanCluster, PlanInstance } from './plan-facts.ts';
import { label } from './planned-steps.ts';

/**
 * Another pod for an instance, on the same volume. `podUid` is the pod at the time of the plan: one of another uid was made
 * since, from what the instance is recorded to have.
 */
export const renewPod = (instance: PlanInstance, input: Readonly<Record<string, Json>>, what: string): StepPlan => ({
  name: `RenewPod-${instance.instanceId}`,
  use: 'RenewPod',
  input: { instance: instance.instanceId, podUid: instance.seen?.pod?.uid ?? '', ...input },
  description: `Give ${label(instance)} a pod with ${what}, on the same volume`,
  interrupts: 'Its connections end; it is back when its engine has started.',
});

/** The status of a cluster, of which an instance has its own class or version. */
export const entryOf = ({ status }: MPDCluster, { instanceId }: Pick<PlanInstance, 'instanceId'>): InstanceStatus =>
  status?.dbInstanceStatus?.[instanceId] ?? {};

/** Why instances cannot be replaced one after the other: one of them does not work. */
export function notAllWell({ instances }: PlanCluster): Refusal | undefined {
  const ill = instances.find(({ trouble }) => trouble !== undefined);
  if (!ill) return undefined;
  return {
    code: 'ClusterNotReady',
    message: `${label(ill)}: ${ill.trouble}`,
    remedy: 'Every instance must work before one after the other is taken down: mend this one first.',
  };
}
