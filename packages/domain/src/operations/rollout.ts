import type { Json } from '@polarstack/base';
import { bestTarget } from './best-target.ts';
import type { StepPlan } from './operation-plan.ts';
import { type ChangedParameter, isDecrease } from './parameter-change.ts';
import type { PlanCluster, PlanFacts, PlanInstance } from './plan-facts.ts';
import { expectedPause, label, restartPending, switchPrimary } from './planned-steps.ts';

export interface Rollout {
  readonly steps: readonly StepPlan[];
  readonly restarts: readonly string[];
  readonly writePauses: readonly { readonly reason: string; readonly expectedMs: number }[];
  /** Version of the configuration that holds in the end. */
  readonly version: number;
}

/** The configuration that no instance of the cluster has yet. */
export function nextConfigVersion({ instances }: PlanCluster): number {
  return Math.max(0, ...instances.map(({ seen }) => seen?.report?.engine.configVersion ?? 0)) + 1;
}

/** How changed values reach the engines (PC2, PC3). */
export function rolloutOf(cluster: PlanCluster, changed: readonly ChangedParameter[], facts: PlanFacts): Rollout {
  const first = nextConfigVersion(cluster);
  const item = (name: string) => facts.template?.find(name);
  const lower = changed.filter((one) => isDecrease(one, item(one.name)));
  const other = changed.filter((one) => !lower.includes(one));
  const begun: Rollout = { steps: [], restarts: [], writePauses: [], version: first - 1 };
  const upwards =
    other.length > 0 ? replicasFirst(cluster, other, begun) : { rollout: begun, primary: cluster.primary };
  return lower.length > 0 ? primaryFirst(cluster, upwards.primary, changed, upwards.rollout) : upwards.rollout;
}

/** ROs one after the other, then a switch, which restarts the old RW with what it was told before. */
function replicasFirst(cluster: PlanCluster, changed: readonly ChangedParameter[], begun: Rollout) {
  const version = begun.version + 1;
  const needsRestart = changed.some(({ restart }) => restart);
  const { replicas, primary } = cluster;
  const apply = (instance: PlanInstance): StepPlan => applyParameters(instance, version, changed);
  if (!needsRestart) {
    const steps = [...replicas, primary].map(apply);
    return { primary, rollout: { ...begun, version, steps: [...begun.steps, ...steps] } };
  }
  const target = bestTarget(cluster);
  const steps = [
    ...replicas.flatMap((replica) => [apply(replica), restartPending(replica, 'replica', version)]),
    apply(primary),
    target ? switchPrimary(target) : restartPending(primary, 'primary', version),
  ];
  const pause = target
    ? { reason: 'switch of the RW', expectedMs: expectedPause.switch }
    : { reason: 'restart of the RW', expectedMs: expectedPause.restart };
  return {
    primary: target ?? primary,
    rollout: {
      version,
      steps: [...begun.steps, ...steps],
      restarts: [...replicas.map(({ instanceId }) => instanceId), primary.instanceId],
      writePauses: [pause],
    },
  };
}

/** The RW restarts in place with the lower values; each RO only after it has replayed that. */
function primaryFirst(
  { instances }: PlanCluster,
  primary: PlanInstance,
  changed: readonly ChangedParameter[],
  begun: Rollout,
): Rollout {
  const version = begun.version + 1;
  const others = instances.filter(({ instanceId }) => instanceId !== primary.instanceId);
  const apply = (instance: PlanInstance): StepPlan => applyParameters(instance, version, changed);
  return {
    version,
    steps: [
      ...begun.steps,
      apply(primary),
      restartPending(primary, 'primary', version),
      ...others.flatMap((replica) => [
        awaitReplay(replica, version),
        apply(replica),
        restartPending(replica, 'replica', version),
      ]),
    ],
    restarts: [...begun.restarts, primary.instanceId, ...others.map(({ instanceId }) => instanceId)],
    writePauses: [...begun.writePauses, { reason: 'restart of the RW', expectedMs: expectedPause.restart }],
  };
}

/** Values as a step's input has them: null is the engine's own default. */
export const changedInput = (changed: readonly ChangedParameter[]): Readonly<Record<string, Json>> =>
  Object.fromEntries(changed.map(({ name, value }) => [name, value ?? null]));

const applyParameters = (instance: PlanInstance, version: number, changed: readonly ChangedParameter[]): StepPlan => ({
  name: `ApplyParameters-${instance.instanceId}-v${version}`,
  use: 'ApplyParameters',
  input: { instance: instance.instanceId, version, changed: changedInput(changed) },
  description: `Tell ${label(instance)} its new parameters; what can be reloaded holds at once`,
});

const awaitReplay = (instance: PlanInstance, version: number): StepPlan => ({
  name: `AwaitReplay-${instance.instanceId}-v${version}`,
  use: 'AwaitReplay',
  input: { instance: instance.instanceId },
  description: `Wait until ${label(instance)} has replayed what the RW wrote`,
});
