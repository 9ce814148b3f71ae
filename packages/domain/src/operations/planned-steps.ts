import type { StepPlan } from './operation-plan.ts';
import type { PlanInstance } from './plan-facts.ts';

/** Steps that several operations share. */

export const label = ({ instanceId, pod }: Pick<PlanInstance, 'instanceId' | 'pod'>): string =>
  `${pod} (${instanceId})`;

/** Stops and starts one engine in its role. Recorded is when it was started: one that is younger was restarted already. */
export const restartEngine = (instance: PlanInstance): StepPlan => ({
  name: `RestartEngine-${instance.instanceId}`,
  use: 'RestartEngine',
  input: { instance: instance.instanceId, startedAt: instance.seen?.report?.engine.startedAt ?? '' },
  description: `Restart the engine of ${label(instance)}`,
  interrupts:
    instance.role === 'primary'
      ? 'Writes wait until it is back; all its connections end.'
      : 'Its connections end; Service ro leads to the others meanwhile.',
});

/** All of them at once. */
export const restartEngines = (instances: readonly PlanInstance[]): StepPlan => ({
  name: 'RestartEngines',
  use: 'RestartEngines',
  input: {
    startedAt: Object.fromEntries(
      instances.map(({ instanceId, seen }) => [instanceId, seen?.report?.engine.startedAt ?? '']),
    ),
  },
  description: 'Restart the engines of all instances at once',
  interrupts: 'Nothing answers until they are back; all connections end.',
});

/** A restart of one engine where it says that something waits for a restart; else there is nothing to do. */
export const restartPending = (instance: PlanInstance, role: 'primary' | 'replica', version: number): StepPlan => ({
  name: `RestartEngine-${instance.instanceId}-v${version}`,
  use: 'RestartEngine',
  input: { instance: instance.instanceId, ifPending: true },
  description: `Restart the engine of ${label(instance)}, as far as something waits for it`,
  interrupts:
    role === 'primary'
      ? 'Writes wait until it is back; all its connections end.'
      : 'Its connections end; Service ro leads to the others meanwhile.',
});

export const switchPrimary = (target: PlanInstance, name = 'SwitchPrimary'): StepPlan => ({
  name,
  use: 'SwitchPrimary',
  input: { target: target.instanceId },
  description: `Make ${label(target)} the RW`,
  interrupts: 'Writes pause for the switch; connections to the old RW end.',
});

export const verifyCluster: StepPlan = {
  name: 'VerifyCluster',
  use: 'VerifyCluster',
  description: 'Write a row on the RW and read it on every RO; all ROs stream and the Services lead to all',
};

export const updateRunningStatus: StepPlan = {
  name: 'UpdateRunningStatus',
  use: 'UpdateRunningStatus',
  description: 'Record that the cluster runs as asked',
};

/** How every operation on a living cluster ends. */
export const closing: readonly StepPlan[] = [verifyCluster, updateRunningStatus];

/** Expected pauses of writes, in milliseconds: the docs tell the measured ones. */
export const expectedPause = { switch: 600, restart: 1_500, pod: 5_000 } as const;
