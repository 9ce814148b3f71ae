import type { OperationParameters } from '@polarstack/api';
import { bestTarget } from '../best-target.ts';
import { type Planned, planOf } from '../operation-plan.ts';
import type { PlanCluster } from '../plan-facts.ts';
import { closing, expectedPause, restartEngine, restartEngines, switchPrimary } from '../planned-steps.ts';

/** Every engine restarted: ROs one after the other and a switch, or all at once where that is asked for. */
export function planRestartCluster(cluster: PlanCluster, { mode }: OperationParameters<'RestartCluster'>): Planned {
  const { primary, replicas, instances } = cluster;
  const restart = { reason: 'restart of the RW', expectedMs: expectedPause.restart };
  if (mode === 'all') {
    return planOf([restartEngines(instances), ...closing], {
      checks: ['the agent of every instance answers'],
      restarts: instances.map(({ instanceId }) => instanceId),
      writePauses: [restart],
      risks: ['Reads stop as well until the instances are back.'],
    });
  }
  const target = bestTarget(cluster);
  const last = target ? switchPrimary(target) : restartEngine(primary);
  return planOf([...replicas.map(restartEngine), last, ...closing], {
    checks: ['each RO streams again before the next is restarted'],
    restarts: [...replicas, primary].map(({ instanceId }) => instanceId),
    writePauses: [target ? { reason: 'switch of the RW', expectedMs: expectedPause.switch } : restart],
    risks: target
      ? [`Afterwards ${target.pod} is the RW; the old one is restarted by the switch.`]
      : ['No RO can take over: the RW restarts in place.'],
  });
}
