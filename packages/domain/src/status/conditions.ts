import type { Condition } from '@polarstack/api';

export type ConditionType = 'Accepted' | 'Ready' | 'Available' | 'Progressing' | 'Degraded' | 'DeletionRefused';

/** What is claimed now; when that last changed is worked out against what was claimed before. */
export interface Claim {
  readonly type: ConditionType;
  readonly status: 'True' | 'False' | 'Unknown';
  /** CamelCase; an error code where something is wrong. */
  readonly reason: string;
  readonly message: string;
}

/** The conditions to store: claims replace those of their type, the others stay; times change only with the status. */
export function mergeConditions(
  previous: readonly Condition[] = [],
  claims: readonly Claim[],
  observedGeneration: number,
  now: string,
): readonly Condition[] {
  const claimed = new Map(claims.map((claim) => [claim.type as string, claim]));
  const kept = previous.filter(({ type }) => !claimed.has(type));
  const made = claims.map((claim): Condition => {
    const before = previous.find(({ type }) => type === claim.type);
    const since = before?.status === claim.status ? before.lastTransitionTime : undefined;
    return { ...claim, observedGeneration, lastTransitionTime: since ?? now };
  });
  return [...kept, ...made].sort((a, b) => (a.type < b.type ? -1 : 1));
}

export function conditionOf(conditions: readonly Condition[] | undefined, type: ConditionType): Condition | undefined {
  return conditions?.find((condition) => condition.type === type);
}
