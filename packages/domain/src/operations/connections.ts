import { unquote } from '../parameters/quoting.ts';
import type { Refusal } from './operation-plan.ts';
import type { ChangedParameter } from './parameter-change.ts';
import type { PlanCluster, PlanFacts } from './plan-facts.ts';
import { label } from './planned-steps.ts';

/** Connections that an engine keeps for superusers and the like, where nobody says otherwise. */
const RESERVED = 3;

/** Why `max_connections` cannot become so small now; undefined where it can, or does not change. */
export function connectionsProblem(
  cluster: PlanCluster,
  changed: readonly ChangedParameter[],
  { parameters: { running } }: PlanFacts,
): Refusal | undefined {
  const wanted = changed.find(({ name }) => name === 'max_connections')?.value;
  if (wanted === undefined) return undefined;
  const most = Number(unquote(wanted));
  const valueFor = (name: string, fallback: number): number => {
    const text = changed.find((one) => one.name === name)?.value ?? running.get(name)?.value;
    return text === undefined ? fallback : Number(unquote(text)) || 0;
  };
  const reserved = valueFor('superuser_reserved_connections', RESERVED) + valueFor('reserved_connections', 0);
  const crowded = cluster.instances.find(({ seen }) => (seen?.report?.engine.connections ?? 0) > most - reserved);
  if (!crowded) return undefined;
  const inUse = crowded.seen?.report?.engine.connections;
  return {
    code: 'ConnectionsInUse',
    message: `max_connections ${most} leaves ${most - reserved} to users, and ${label(crowded)} has ${inUse} connections now`,
    remedy: 'Let applications close connections first, or choose a larger value.',
  };
}
