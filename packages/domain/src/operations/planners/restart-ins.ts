import type { OperationParameters } from '@polarstack/api';
import { type Planned, planOf, refused } from '../operation-plan.ts';
import { instanceOf, type PlanCluster } from '../plan-facts.ts';
import { closing, expectedPause, label, restartEngine } from '../planned-steps.ts';

/** One engine stopped and started in place. */
export function planRestartIns(cluster: PlanCluster, { instance }: OperationParameters<'RestartIns'>): Planned {
  const found = instanceOf(cluster, instance);
  if (!found) {
    return refused('InstanceUnknown', `the cluster has no instance ${instance}`, 'Name one of its instances.');
  }
  const isPrimary = found.role === 'primary';
  return planOf([restartEngine(found), ...closing], {
    checks: [`the agent of ${label(found)} answers`],
    restarts: [found.instanceId],
    writePauses: isPrimary ? [{ reason: 'restart of the RW', expectedMs: expectedPause.restart }] : [],
    risks: isPrimary
      ? ['An RW that does not start again leaves the cluster without writes: switch first to avoid it.']
      : [],
  });
}
