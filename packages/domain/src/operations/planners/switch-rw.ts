import type { OperationParameters } from '@polarstack/api';
import { bestTarget, MAX_SWITCH_LAG_BYTES, unfitness } from '../best-target.ts';
import { type Planned, planOf, refused } from '../operation-plan.ts';
import { instanceOf, type PlanCluster, type PlanInstance } from '../plan-facts.ts';
import { closing, expectedPause, label, switchPrimary } from '../planned-steps.ts';

/** Its engine runs as it should, so that it may stream again in a moment. How far behind it is takes longer to mend. */
const catchesUp = ({ seen, trouble }: PlanInstance): boolean =>
  trouble !== undefined && seen?.report?.engine.state === 'running' && seen.report.engine.role === 'replica';

/** Another RW: the one that was named, or the fittest RO. */
export function planSwitchRw(cluster: PlanCluster, { instance }: OperationParameters<'SwitchRw'>): Planned {
  const named = instance === undefined ? undefined : instanceOf(cluster, instance);
  if (instance !== undefined && !named) {
    return refused('InstanceUnknown', `the cluster has no instance ${instance}`, 'Name one of its ROs, or none.');
  }
  if (named?.role === 'primary') return { type: 'nothing', message: `${label(named)} is the RW already` };
  const target = named ?? bestTarget(cluster);
  if (!target) {
    const [first] = cluster.replicas;
    const why = first ? `${label(first)}: ${unfitness(cluster, first)}` : 'the cluster has no RO';
    const refusal = refused('NoSwitchTarget', `no RO can become the RW: ${why}`, 'Mend or add an RO first.');
    return { ...refusal, passing: cluster.replicas.some(catchesUp) };
  }
  const why = unfitness(cluster, target);
  if (why) {
    const text = `${label(target)} cannot become the RW: ${why}`;
    return { ...refused('NoSwitchTarget', text, 'Mend it, or name another.'), passing: catchesUp(target) };
  }
  return planOf([switchPrimary(target), ...closing], {
    checks: [
      `${label(target)} works, streams from the RW and is at most ${MAX_SWITCH_LAG_BYTES} bytes behind`,
      'the RW stops in order, and its last position has arrived before anything is promoted',
    ],
    restarts: [cluster.primary.instanceId],
    writePauses: [{ reason: 'switch of the RW', expectedMs: expectedPause.switch }],
    risks: ['A target that fails during the switch is given up for another one; the old RW comes back as an RO.'],
  });
}
