import { describe, expect, test } from 'vitest';
import { bugs } from './bugs.ts';
import { families, makeFaults } from './faults.ts';
import { createRandom } from './kernel.ts';
import { hunt, hunts } from './planted.ts';
import { regressions } from './regressions.ts';
import { shrink } from './shrink.ts';
import { familyOf, planOf, simulate } from './simulate.ts';

/** In the gate; `make sim` takes thousands. */
const SEEDS = 600;

test(`I1 to I9 hold in ${SEEDS} histories of faults, and the histories are worth looking at`, () => {
  let [switches, acknowledged, givenUp] = [0, 0, 0];
  for (let seed = 1; seed <= SEEDS; seed++) {
    const plan = planOf(seed, familyOf(seed));
    const { violation, epochs, acknowledged: count, lost } = simulate(plan);
    expect(violation, `SEED=${seed} make sim`).toBeUndefined();
    switches += epochs - 1;
    acknowledged += count;
    if (plan.mode === 'async') givenUp += lost;
    else expect(lost, `SEED=${seed}: nothing is ever given up in sync`).toBe(0);
  }
  // These are the same numbers in every run: nothing in it is left to chance.
  expect(switches).toBeGreaterThan(SEEDS / 2);
  expect(acknowledged).toBeGreaterThan(SEEDS * 100);
  expect(givenUp).toBeGreaterThan(0);
});

test('a seed is the same run every time', () => {
  for (const seed of [3, 8, 14]) expect(simulate(planOf(seed, 'any'))).toEqual(simulate(planOf(seed, 'any')));
});

describe('planted mistakes are caught', () => {
  test.each(bugs)('%s', (bug) => {
    const found = hunt(bug);
    expect(found?.outcome.violation?.invariant, `not within ${hunts[bug].seeds} seeds`).toBeDefined();
    if (!found) return;
    expect(hunts[bug].by, found.outcome.violation?.text).toContain(found.outcome.violation?.invariant);
    // It is the mistake that shows, not the faults.
    expect(simulate({ ...found.plan, bugs: [] }).violation).toBeUndefined();
  });
});

describe('regressions', () => {
  test.each(regressions)('$name', ({ plan, mistake }) => {
    expect(simulate({ ...plan, bugs: [mistake] }).violation).toBeDefined();
    expect(simulate(plan).violation).toBeUndefined();
  });
});

test('a failing history shrinks to one that breaks the same invariant with fewer faults', () => {
  const plan = planOf(14, 'succession', ['no-floor'], 'sync');
  const before = simulate(plan).violation;
  const { plan: small } = shrink(plan);
  expect(before?.invariant).toBe('I3');
  expect(simulate(small).violation?.invariant).toBe('I3');
  expect(small.faults.length).toBeLessThan(plan.faults.length);
  for (const one of small.faults)
    expect(simulate({ ...small, faults: small.faults.filter((other) => other !== one) }).violation?.invariant).not.toBe(
      'I3',
    );
});

test('a history that does not fail cannot be shrunk', () => {
  expect(() => shrink(planOf(1, 'harmless'))).toThrow(RangeError);
});

test('faults are data: they survive being written down, and none lasts for ever', () => {
  for (const family of families) {
    for (let seed = 1; seed <= 20; seed++) {
      const faults = makeFaults(createRandom(seed), family, 'sync');
      expect(JSON.parse(JSON.stringify(faults))).toEqual(faults);
      for (const one of faults) if ('forMs' in one) expect(one.forMs).toBeLessThan(10_000);
    }
  }
});
