import type { OperationParameters } from '@polarstack/api';
import { itemTime } from '../../parameters/item.ts';
import { unquote } from '../../parameters/quoting.ts';
import { connectionsProblem } from '../connections.ts';
import { type Planned, planOf, type StepPlan } from '../operation-plan.ts';
import { type ChangedParameter, parameterChange, standbySensitive } from '../parameter-change.ts';
import type { PlanCluster, PlanFacts } from '../plan-facts.ts';
import { closing } from '../planned-steps.ts';
import { changedInput, rolloutOf } from '../rollout.ts';

/** What users ask for in `<c>-user-params` and `spec.parameters`, brought to the engines. */
export function planFlushParams(
  cluster: PlanCluster,
  _parameters: OperationParameters<'FlushParams'>,
  facts: PlanFacts,
): Planned {
  const verdict = parameterChange(facts);
  if (!verdict.ok) return { type: 'refused', refusal: verdict.refusal };
  const { changed } = verdict.change;
  const crowded = connectionsProblem(cluster, changed, facts);
  if (crowded) return { type: 'refused', refusal: crowded };
  const record = recordParameters(facts, changed);
  if (changed.length === 0) {
    // The spec may say what runs already: that is remembered, so that nobody asks again.
    return specIsRecorded(facts)
      ? { type: 'nothing', message: 'every parameter is as it was asked for' }
      : planOf([record, ...closing.slice(-1)]);
  }
  const rollout = rolloutOf(cluster, changed, facts);
  return planOf([checkParameters(cluster, changed), ...rollout.steps, record, ...closing], {
    checks: [
      `each value against its range and unit: ${changed.map(({ name }) => name).join(', ')}`,
      'all values together by the engine of every instance, before any of them is told',
    ],
    restarts: rollout.restarts,
    writePauses: rollout.writePauses,
    risks: changed.some(({ name }) => standbySensitive.has(name))
      ? ['A lower value reaches the RW first: it restarts in place, without a switch.']
      : [],
  });
}

export const checkParameters = (
  { instances }: PlanCluster,
  changed: readonly ChangedParameter[],
  className?: string,
): StepPlan => ({
  name: 'CheckParameters',
  use: 'CheckParameters',
  input: {
    instances: instances.map(({ instanceId }) => instanceId),
    changed: changedInput(changed),
    ...(className !== undefined && { className }),
  },
  description: `Let every engine check ${changed.map(shown).join(', ')}`,
});

const shown = ({ name, value }: ChangedParameter): string =>
  `${name} = ${value === undefined ? 'its default' : unquote(value)}`;

export const recordParameters = (
  { cluster, now, parameters: { user } }: PlanFacts,
  changed: readonly ChangedParameter[],
): StepPlan => ({
  name: 'RecordParameters',
  use: 'RecordParameters',
  input: {
    changed: changedInput(changed),
    spec: { ...cluster.spec.parameters },
    // What users asked for when this was planned, so that what they ask for meanwhile is told apart.
    asOf: itemTime(now),
    asked: Object.fromEntries(
      changed.flatMap(({ name }) => {
        const item = user.get(name);
        return item ? [[name, { value: item.value, updateTime: item.updateTime }]] : [];
      }),
    ),
  },
  description: 'Record what runs, and when it was flushed',
});

function specIsRecorded({ cluster: { spec, status } }: PlanFacts): boolean {
  const [wanted, applied] = [spec.parameters ?? {}, status?.appliedSpec?.parameters ?? {}];
  const names = new Set([...Object.keys(wanted), ...Object.keys(applied)]);
  return [...names].every((name) => wanted[name] === applied[name]);
}
