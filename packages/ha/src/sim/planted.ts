/** For each mistake that the protocol can be told to make: how one looks for it, and by how many seeds at the latest it shows. */
import type { Bug } from './bugs.ts';
import type { InvariantId } from './checker.ts';
import type { Family } from './faults.ts';
import { type Outcome, type Plan, planOf, simulate } from './simulate.ts';
import type { Mode } from './world.ts';

export interface Hunt {
  readonly mode: Mode;
  readonly family: Family;
  /** Seeds 1 to this one. */
  readonly seeds: number;
  /** Any of these may tell it first. */
  readonly by: readonly InvariantId[];
}

export const hunts: Readonly<Record<Bug, Hunt>> = {
  'f4-stored-deadline': { mode: 'async', family: 'takeover', seeds: 60, by: ['I4'] },
  'takeover-while-answering': { mode: 'async', family: 'takeover', seeds: 60, by: ['I1', 'I4'] },
  'dead-man-relative': { mode: 'async', family: 'stutter', seeds: 60, by: ['I6'] },
  'dead-man-wall-clock': { mode: 'async', family: 'clocks', seeds: 30, by: ['I6'] },
  'no-floor': { mode: 'sync', family: 'succession', seeds: 60, by: ['I3'] },
  'configuration-replaced': { mode: 'sync', family: 'in-place', seeds: 30, by: ['I7'] },
  'sync-published-after-routing': { mode: 'sync', family: 'reconfigure', seeds: 30, by: ['I7'] },
  'grant-with-promote': { mode: 'async', family: 'late', seeds: 120, by: ['I4', 'I6'] },
  'term-lost-answered': { mode: 'async', family: 'failsafe', seeds: 60, by: ['I3', 'I4'] },
  'unknown-electable': { mode: 'async', family: 'membership', seeds: 60, by: ['I1', 'I4'] },
  'reload-as-seal': { mode: 'sync', family: 'seal', seeds: 30, by: ['I3'] },
  'canary-proves-nothing': { mode: 'sync', family: 'reconfigure', seeds: 30, by: ['I7'] },
  'skip-fence': { mode: 'async', family: 'any', seeds: 60, by: ['I4'] },
  'introduced-without-promise': { mode: 'async', family: 'failsafe', seeds: 30, by: ['I4'] },
  'fence-below-stay': { mode: 'sync', family: 'in-place', seeds: 120, by: ['I8'] },
  'no-evidence-against-candidate': { mode: 'async', family: 'slow-promotion', seeds: 60, by: ['I4'] },
};

/** The first run that shows the mistake. */
export function hunt(bug: Bug): { readonly plan: Plan; readonly outcome: Outcome } | undefined {
  const { mode, family, seeds } = hunts[bug];
  for (let seed = 1; seed <= seeds; seed++) {
    const plan = planOf(seed, family, [bug], mode);
    const outcome = simulate(plan);
    if (outcome.violation) return { plan, outcome };
  }
  return undefined;
}
