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

/** New pods for instances: of another size, or with another image. */
export interface Renewal {
  /** The step that gives an instance its new pod; undefined where it has it. */
  readonly renew: (instance: PlanInstance) => StepPlan | undefined;
  /** The class whose values the parameters are told over; absent: the cluster's. */
  readonly className?: string;
}

/** The configuration that no instance of the cluster has yet. */
export function nextConfigVersion({ instances }: PlanCluster): number {
  return Math.max(0, ...instances.map(({ seen }) => seen?.report?.engine.configVersion ?? 0)) + 1;
}

/** How changed values, and new pods, reach the instances (PC2, PC3): ROs, a switch, the old RW; then lower values. */
export function rolloutOf(
  cluster: PlanCluster,
  changed: readonly ChangedParameter[],
  facts: PlanFacts,
  renewal?: Renewal,
): Rollout {
  const first = nextConfigVersion(cluster);
  const item = (name: string) => facts.template?.find(name);
  // Where nobody follows, lower values need no round of their own.
  const lower = cluster.replicas.length > 0 ? changed.filter((one) => isDecrease(one, item(one.name))) : [];
  const other = changed.filter((one) => !lower.includes(one));
  const begun: Rollout = { steps: [], restarts: [], writePauses: [], version: first - 1 };
  const renewals = cluster.instances.some((instance) => renewal?.renew(instance) !== undefined);
  const upwards =
    other.length > 0 || renewals
      ? replicasFirst(cluster, other, begun, renewal)
      : { rollout: begun, primary: cluster.primary };
  return lower.length > 0
    ? primaryFirst(cluster, upwards.primary, changed, upwards.rollout, renewal?.className)
    : upwards.rollout;
}

/** ROs one after the other, then a switch, which restarts the old RW with what it was told before. */
function replicasFirst(
  cluster: PlanCluster,
  changed: readonly ChangedParameter[],
  begun: Rollout,
  renewal: Renewal | undefined,
) {
  const version = changed.length > 0 ? begun.version + 1 : begun.version;
  const needsRestart = changed.some(({ restart }) => restart);
  const { replicas, primary } = cluster;
  const apply = (instance: PlanInstance): readonly StepPlan[] =>
    changed.length > 0 ? [applyParameters(instance, version, changed, renewal?.className)] : [];
  const again = (instance: PlanInstance): readonly StepPlan[] => {
    const renewed = renewal?.renew(instance);
    if (renewed) return [renewed];
    return needsRestart ? [restartPending(instance, instance.role, version)] : [];
  };
  const rests = again(primary);
  if (rests.length === 0 && !replicas.some((replica) => again(replica).length > 0)) {
    const steps = [...replicas, primary].flatMap(apply);
    return { primary, rollout: { ...begun, version, steps: [...begun.steps, ...steps] } };
  }
  const target = rests.length > 0 ? bestTarget(cluster) : undefined;
  // The switch restarts the old RW; it needs more only where it gets another pod.
  const last = target ? [switchPrimary(target), ...rests.filter(({ use }) => use === 'RenewPod')] : rests;
  const steps = [...replicas.flatMap((replica) => [...apply(replica), ...again(replica)]), ...apply(primary), ...last];
  return {
    primary: target ?? primary,
    rollout: {
      version,
      steps: [...begun.steps, ...steps],
      restarts: [...replicas, primary].filter((one) => again(one).length > 0).map(({ instanceId }) => instanceId),
      writePauses: rests.length > 0 ? [pauseOf(target, rests)] : [],
    },
  };
}

function pauseOf(target: PlanInstance | undefined, steps: readonly StepPlan[]) {
  if (target) return { reason: 'switch of the RW', expectedMs: expectedPause.switch };
  return steps.some(({ use }) => use === 'RenewPod')
    ? { reason: 'a new pod for the RW', expectedMs: expectedPause.pod }
    : { reason: 'restart of the RW', expectedMs: expectedPause.restart };
}

/** The RW restarts in place with the lower values; each RO only after it has replayed that. */
function primaryFirst(
  { instances }: PlanCluster,
  primary: PlanInstance,
  changed: readonly ChangedParameter[],
  begun: Rollout,
  className: string | undefined,
): Rollout {
  const version = begun.version + 1;
  const others = instances.filter(({ instanceId }) => instanceId !== primary.instanceId);
  const apply = (instance: PlanInstance): StepPlan => applyParameters(instance, version, changed, className);
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

const applyParameters = (
  instance: PlanInstance,
  version: number,
  changed: readonly ChangedParameter[],
  className: string | undefined,
): StepPlan => ({
  name: `ApplyParameters-${instance.instanceId}-v${version}`,
  use: 'ApplyParameters',
  input: {
    instance: instance.instanceId,
    version,
    changed: changedInput(changed),
    ...(className !== undefined && { className }),
  },
  description: `Tell ${label(instance)} its new parameters; what can be reloaded holds at once`,
});

const awaitReplay = (instance: PlanInstance, version: number): StepPlan => ({
  name: `AwaitReplay-${instance.instanceId}-v${version}`,
  use: 'AwaitReplay',
  input: { instance: instance.instanceId },
  description: `Wait until ${label(instance)} has replayed what the RW wrote`,
});
