/**
 * Runs that failed once, kept whole: the faults are data, so that a change of how faults are made does not change them. Each names
 * the mistake that it showed; with it the run must fail, without it never again.
 */
import type { Bug } from './bugs.ts';
import type { Plan } from './simulate.ts';

export interface Regression {
  readonly name: string;
  readonly mistake: Bug;
  readonly plan: Plan;
}

export const regressions: readonly Regression[] = [
  {
    name: 'a member whose term file was lost is told the epoch, and elected although it had promised not to be',
    mistake: 'introduced-without-promise',
    plan: {
      seed: 1,
      mode: 'async',
      family: 'failsafe',
      faults: [
        { atMs: 3327, kind: 'cut', from: ['m0', 'm1', 'api'], to: ['a', 'b', 'c'], forMs: 4037, oneWay: false },
        { atMs: 7344, kind: 'failover', inPlace: false },
        { atMs: 7360, kind: 'cut', from: ['a'], to: ['b', 'c', 'm0', 'm1', 'api'], forMs: 857, oneWay: false },
        { atMs: 7403, kind: 'lose-term', node: 'c' },
      ],
      bugs: [],
    },
  },
  {
    name: 'a primary that was to go on in place dies, and refuses the fence because it was told to stay: nobody is ever elected',
    mistake: 'fence-below-stay',
    plan: {
      seed: 95,
      mode: 'sync',
      family: 'in-place',
      faults: [
        { atMs: 5143, kind: 'failover', inPlace: false },
        { atMs: 5568, kind: 'cut', from: ['c'], to: ['a', 'b', 'm0', 'm1', 'api'], forMs: 1865, oneWay: false },
        { atMs: 7381, kind: 'failover', inPlace: true },
      ],
      bugs: [],
    },
  },
  {
    name: 'the one elected goes too, and a member below the floor answers alone',
    mistake: 'no-floor',
    plan: {
      seed: 14,
      mode: 'sync',
      family: 'succession',
      faults: [
        { atMs: 3088, kind: 'catch', point: 'S4', what: 'winner-off', forMs: 3879 },
        { atMs: 3088, kind: 'disturb', loss: 0, jitterMs: 443, forMs: 1500 },
        { atMs: 3218, kind: 'cut', from: ['a'], to: ['m0', 'm1'], forMs: 6558, oneWay: false },
        { atMs: 3278, kind: 'failover', inPlace: false },
      ],
      bugs: [],
    },
  },
];
