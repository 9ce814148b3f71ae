import type { OperationParameters } from '@polarstack/api';
import { isHostNetwork } from '../member-steps.ts';
import { type Planned, planOf, type StepPlan } from '../operation-plan.ts';
import type { PlanCluster, PlanFacts, PlanInstance } from '../plan-facts.ts';
import { closing, expectedPause, label } from '../planned-steps.ts';

/** Every pod made anew on its data, the RW's first; an RO that does not come back gets a new copy of the RW. */
export function planRebuild(
  { primary, replicas }: PlanCluster,
  _parameters: OperationParameters<'Rebuild'>,
  facts: PlanFacts,
): Planned {
  const canReplace = !isHostNetwork(facts);
  const steps = [
    recreatePod(primary, false),
    ...replicas.flatMap((one) => [recreatePod(one, canReplace), ...(canReplace ? [rebuildIfBroken(one)] : [])]),
  ];
  return planOf([...steps, ...closing], {
    checks: ['the data of every instance stays where it is'],
    restarts: [primary, ...replicas].map(({ instanceId }) => instanceId),
    writePauses: [{ reason: 'a new pod for the RW', expectedMs: expectedPause.pod }],
    risks: [
      'An RW that does not start again leaves the cluster without writes: restart or switch instead where that is enough.',
      ...(canReplace ? [] : ['On the network of the host a broken RO is not copied anew; remove it and add one.']),
    ],
  });
}

/** `mayFail`: whether what follows mends one that does not come back. */
const recreatePod = (instance: PlanInstance, mayFail: boolean): StepPlan => ({
  name: `RecreatePod-${instance.instanceId}`,
  use: 'RecreatePod',
  input: { instance: instance.instanceId, uid: instance.seen?.pod?.uid ?? '', mayFail },
  description: `Make the pod of ${label(instance)} anew on its data`,
  interrupts:
    instance.role === 'primary' ? 'Writes wait until it is back; all its connections end.' : 'Its connections end.',
});

const rebuildIfBroken = (instance: PlanInstance): StepPlan => ({
  name: `RebuildMember-${instance.instanceId}`,
  use: 'RebuildMember',
  input: {
    instance: instance.instanceId,
    unless: `RecreatePod-${instance.instanceId}`,
    ...(instance.node && { node: instance.node }),
  },
  description: `Copy the RW anew for ${label(instance)}, where it has not come back`,
});
