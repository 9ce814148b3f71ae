import { lagBytes } from '../status/lsn.ts';
import type { PlanCluster, PlanInstance } from './plan-facts.ts';

/** How far a replica may be behind to become the RW in an orderly switch, in bytes: it has to catch up while writes wait. */
export const MAX_SWITCH_LAG_BYTES = 16 * 1024 * 1024;

/** Who is behind by less than this is not behind: it differs from moment to moment, and a plan should not. */
const CLOSE_BYTES = 64 * 1024;

/** Why a replica cannot become the RW now; undefined where it can. */
export function unfitness(cluster: PlanCluster, instance: PlanInstance): string | undefined {
  if (instance.trouble) return instance.trouble;
  const lag = lagOf(cluster, instance);
  if (lag !== undefined && lag > MAX_SWITCH_LAG_BYTES) return `it is ${lag} bytes behind the RW`;
  return undefined;
}

export const lagOf = ({ primary }: PlanCluster, { seen }: PlanInstance): number | undefined =>
  lagBytes(primary.seen?.report?.engine.lsn, seen?.report?.engine.lsn);

/** The replica to switch to: fit, least behind, lowest id; undefined where none is fit. */
export function bestTarget(cluster: PlanCluster, but: readonly string[] = []): PlanInstance | undefined {
  const lag = (instance: PlanInstance): number => {
    const bytes = lagOf(cluster, instance) ?? Number.MAX_SAFE_INTEGER;
    return bytes < CLOSE_BYTES ? 0 : bytes;
  };
  return cluster.replicas
    .filter((one) => !but.includes(one.instanceId) && unfitness(cluster, one) === undefined)
    .sort((a, b) => lag(a) - lag(b) || Number(a.instanceId) - Number(b.instanceId))[0];
}
