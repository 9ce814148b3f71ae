/** Makes a failing run smaller, so that a person can read it: faults are left out as long as the same invariant is broken. */
import type { Fault } from './faults.ts';
import { type Plan, simulate } from './simulate.ts';

export interface Shrunk {
  readonly plan: Plan;
  readonly runs: number;
}

/** Throws where the plan does not fail. */
export function shrink(plan: Plan, limit = 400): Shrunk {
  const invariant = simulate(plan).violation?.invariant;
  if (invariant === undefined) throw new RangeError(`seed ${plan.seed} of ${plan.family} does not fail`);
  let runs = 1;
  const fails = (faults: readonly Fault[]): boolean => {
    runs++;
    return simulate({ ...plan, faults }).violation?.invariant === invariant;
  };
  let { faults } = plan;
  // Halves first, then less and less, until no single one can be left out.
  for (let size = Math.ceil(faults.length / 2); size >= 1; size = size === 1 ? 0 : Math.ceil(size / 2)) {
    for (let at = 0; at < faults.length && runs < limit; ) {
      const fewer = [...faults.slice(0, at), ...faults.slice(at + size)];
      if (fails(fewer)) faults = fewer;
      else at += size;
    }
  }
  for (const [at, fault] of faults.entries()) {
    if (!('forMs' in fault) || fault.forMs < 200) continue;
    for (const part of [0.25, 0.5, 0.75]) {
      const shorter = faults.map((one, index) =>
        index === at ? { ...one, forMs: Math.round(fault.forMs * part) } : one,
      );
      if (runs >= limit || !fails(shorter)) continue;
      faults = shorter;
      break;
    }
  }
  return { plan: { ...plan, faults }, runs };
}
