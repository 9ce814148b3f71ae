import type { OperationParameters } from '@polarstack/api';
import type { InstanceClass } from '../../catalog/classes.ts';
import { bestTarget } from '../best-target.ts';
import { connectionsProblem } from '../connections.ts';
import { type Planned, planOf, refused, type StepPlan } from '../operation-plan.ts';
import { parameterChange } from '../parameter-change.ts';
import type { PlanCluster, PlanFacts, PlanInstance } from '../plan-facts.ts';
import { closing } from '../planned-steps.ts';
import { entryOf, notAllWell, renewPod } from '../renew-pod.ts';
import { wantedClass } from '../requests.ts';
import { rolloutOf } from '../rollout.ts';
import { checkParameters, recordParameters } from './flush-params.ts';

/** Another class: its parameters and its size, ROs first, then a switch, then the old RW. */
export function planModifyClass(
  cluster: PlanCluster,
  { className: asked }: OperationParameters<'ModifyClass'>,
  facts: PlanFacts,
): Planned {
  const recorded = facts.cluster.status?.insClassInfo?.className ?? '';
  const className = asked ?? wantedClass(facts.cluster) ?? recorded;
  const next = facts.classes.get(className);
  const major = Number.parseInt(facts.cluster.status?.engine?.version ?? '', 10);
  if (!next || (next.major !== undefined && next.major !== major)) return unknownClass(className, facts, major);
  const has = (instance: PlanInstance): string => entryOf(facts.cluster, instance).insClassInfo?.className || recorded;
  if (className === recorded && cluster.instances.every((instance) => has(instance) === className)) {
    return { type: 'nothing', message: `every instance has class ${className}` };
  }
  const verdict = parameterChange(facts, next);
  if (!verdict.ok) return { type: 'refused', refusal: verdict.refusal };
  const { changed } = verdict.change;
  const refusal = notAllWell(cluster) ?? connectionsProblem(cluster, changed, facts);
  if (refusal) return { type: 'refused', refusal };
  if (cluster.replicas.length > 0 && !bestTarget(cluster)) {
    return refused('NoSwitchTarget', 'every RO is too far behind the RW to take over', 'Wait until one has caught up.');
  }
  const renew = (instance: PlanInstance): StepPlan | undefined =>
    has(instance) === className ? undefined : renewPod(instance, { className }, `the size of class ${className}`);
  const rollout = rolloutOf(cluster, changed, facts, { renew, className });
  const checks = changed.length > 0 ? [checkParameters(cluster, changed, className)] : [];
  return planOf(
    [...checks, ...rollout.steps, recordParameters(facts, changed), recordClass(className, facts), ...closing],
    {
      checks: [
        `class ${className} (${sizeOf(next)}) and its parameters: ${changed.map(({ name }) => name).join(', ') || 'none change'}`,
        'no instance has more connections than it could have then',
        'every instance works',
      ],
      restarts: rollout.restarts,
      writePauses: rollout.writePauses,
      risks: [
        'A node that has no room for the larger pod leaves it unscheduled: the operation stops there, with that RO down.',
      ],
    },
  );
}

function unknownClass(className: string, { classes }: PlanFacts, major: number): Planned {
  const known = [...classes.values()].filter((one) => one.major === undefined || one.major === major);
  const names = known.map(({ name }) => name).sort();
  return refused('ClassUnknown', `there is no class ${className}`, `Known classes: ${names.join(', ')}.`);
}

const sizeOf = ({ cpu, memory }: InstanceClass): string =>
  `${cpu.limit ?? 'any number of'} CPU, ${memory.limit === undefined ? 'memory without limit' : `${memory.limit} MiB`}`;

const recordClass = (className: string, { cluster: { spec } }: PlanFacts): StepPlan => ({
  name: 'RecordClass',
  use: 'RecordClass',
  input: { className, from: spec.classInfo.className },
  description: `Record ${className} as the class of the cluster, in spec and status`,
});
