import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  decideElection,
  type ElectionEvent,
  type ElectionRequest,
  type ElectionState,
  type ElectionTimes,
  mayAct,
  newElection,
  nextTick,
} from './leader-election.ts';
import { createElectionWorld, type WorldStep } from './testing/election-world.ts';

const times: ElectionTimes = { leaseDurationMs: 15_000, renewDeadlineMs: 10_000, retryPeriodMs: 2_000 };

const member = fc.integer({ min: 0, max: 3 });
const step: fc.Arbitrary<WorldStep> = fc.oneof(
  { weight: 40, arbitrary: fc.record({ type: fc.constant('run' as const), ms: fc.integer({ min: 1, max: 9_000 }) }) },
  { weight: 4, arbitrary: fc.record({ type: fc.constant('pause' as const), member }) },
  { weight: 5, arbitrary: fc.record({ type: fc.constant('resume' as const), member }) },
  { weight: 2, arbitrary: fc.record({ type: fc.constant('restart' as const), member }) },
  { weight: 2, arbitrary: fc.record({ type: fc.constant('stop' as const), member }) },
  { weight: 2, arbitrary: fc.constant({ type: 'delete' as const }) },
  { weight: 2, arbitrary: fc.record({ type: fc.constant('steal' as const), member }) },
  { weight: 1, arbitrary: fc.constant({ type: 'clear' as const }) },
  { weight: 2, arbitrary: fc.record({ type: fc.constant('restore' as const), back: fc.nat(8) }) },
  {
    weight: 3,
    arbitrary: fc.record({
      type: fc.constant('network' as const),
      mood: fc.constantFrom('good', 'slow', 'lossy', 'down'),
    }),
  },
);

/** Rates whose ratio stays below leaseDuration / renewDeadline. */
const rates = fc.array(fc.double({ min: 0.85, max: 1.2, noNaN: true }), { minLength: 4, maxLength: 4 });

/** Somebody writes the name of a process into the Lease while an unanswered write of that process is on its way, beside a leader. */
const stolenForAClaimant: [number[], WorldStep[], number] = [
  [1.031811946252461, 0.850000000000001, 1.1914541244506802, 0.9319026609809863],
  [
    { type: 'steal', member: 0 },
    ...[7, 6534, 1837, 8605, 8336, 7251].map((ms): WorldStep => ({ type: 'run', ms })),
    { type: 'pause', member: 3 },
    ...[1024, 4].map((ms): WorldStep => ({ type: 'run', ms })),
    { type: 'clear' },
    ...[7671, 14, 1023, 6, 5706, 11, 5879, 6340, 4560, 4606, 6931, 8808, 2945, 14, 2279].map(
      (ms): WorldStep => ({ type: 'run', ms }),
    ),
    { type: 'network', mood: 'down' },
    { type: 'steal', member: 0 },
    { type: 'resume', member: 0 },
    { type: 'run', ms: 3256 },
    { type: 'network', mood: 'slow' },
    { type: 'restart', member: 2 },
    ...[3158, 8975, 6530].map((ms): WorldStep => ({ type: 'run', ms })),
    { type: 'resume', member: 3 },
    { type: 'run', ms: 6097 },
    { type: 'steal', member: 2 },
    ...[1, 3500].map((ms): WorldStep => ({ type: 'run', ms })),
  ],
  -985798244,
];

describe('leader election', { timeout: 120_000 }, () => {
  it('never has more than one process that may act (L1), whatever happens to processes, network and Lease', () => {
    let terms = 0;
    fc.assert(
      fc.property(rates, fc.array(step, { minLength: 20, maxLength: 120 }), fc.integer(), (speeds, steps, seed) => {
        const world = createElectionWorld({ times, rates: speeds, seed });
        for (const one of steps) {
          world.apply(one);
          expect(world.mostLeaders()).toBeLessThanOrEqual(1);
        }
        terms += world.terms();
      }),
      { numRuns: 1_500, examples: [stolenForAClaimant] },
    );
    // The property is not empty: leaders came and went all the time.
    expect(terms).toBeGreaterThan(1_500);
  });

  it('has a leader again when all is quiet', () => {
    fc.assert(
      fc.property(rates, fc.array(step, { maxLength: 60 }), fc.integer(), (speeds, steps, seed) => {
        const world = createElectionWorld({ times, rates: speeds, seed });
        for (const one of steps) world.apply(one);
        world.apply({ type: 'network', mood: 'good' });
        for (let i = 0; i < 4; i++) world.apply({ type: 'restart', member: i });
        world.apply({ type: 'run', ms: 120_000 });
        expect(world.leaders()).toHaveLength(1);
        expect(world.mostLeaders()).toBe(1);
      }),
      { numRuns: 150 },
    );
  });
});

interface Step {
  readonly state: ElectionState<string>;
  readonly said: readonly string[];
}

/** One process, told by hand what happens. */
function process(identity = 'a') {
  let state = newElection<string>(identity, times, 0);
  const requests: { readonly id: number; readonly request: ElectionRequest<string> }[] = [];
  const tell = (event: ElectionEvent<string>, now: number): Step => {
    const [next, actions] = decideElection(state, event, now);
    state = next;
    for (const action of actions) if (action.type === 'send') requests.push(action);
    return { state, said: actions.map((a) => (a.type === 'send' ? a.request.verb : a.type)) };
  };
  return {
    tell,
    tick: (now: number) => tell({ type: 'tick' }, now),
    answer: (now: number, kind: 'absent' | 'conflict' | 'failed') =>
      tell({ type: 'answer', id: requests.at(-1)?.id ?? 0, result: { kind } }, now),
    lease: (now: number, version: string, holder: string, isReleased = false) => {
      const lease = { version, holder, durationMs: 15_000, isReleased, object: '' };
      return tell({ type: 'answer', id: requests.at(-1)?.id ?? 0, result: { kind: 'lease', lease } }, now);
    },
    may: (now: number) => mayAct(state, now),
    next: () => nextTick(state),
  };
}

describe('a process', () => {
  it('takes a released Lease at once, and one that lost its holder only after its duration (L3, L4)', () => {
    const a = process();
    a.tick(0);
    expect(a.lease(10, '1', '', true).said).toEqual(['acquire']);
    expect(a.lease(20, '2', 'a').said).toEqual(['begin']);
    const b = process('b');
    b.tick(0);
    expect(b.lease(10, '1', '').said).toEqual([]);
    b.tick(2_010);
    b.lease(2_020, '1', '');
    expect(b.tick(15_009).said).not.toContain('acquire');
  });

  it('waits a whole duration for every version that it sees (L3)', () => {
    const a = process();
    a.tick(0);
    a.lease(0, '1', 'b');
    for (let now = 2_000; now < 14_000; now += 2_000) {
      expect(a.tick(now).said).toEqual(['read']);
      a.lease(now, now === 12_000 ? '2' : '1', 'b');
    }
    expect(a.tick(15_000).said).toEqual(['read']);
    a.lease(15_000, '2', 'b');
    for (let now = 17_000; now < 27_000; now += 2_000) {
      a.tick(now);
      a.lease(now, '2', 'b');
    }
    expect(a.next()).toBe(27_000);
    expect(a.tick(27_000).said).toEqual(['acquire']);
  });

  it('acts until the deadline after it sent its last confirmed renewal (L2)', () => {
    const a = process();
    a.tick(0);
    a.lease(10, '1', '', true); // acquire sent at 10
    a.lease(3_000, '2', 'a');
    expect(a.may(10_009)).toBe(true);
    expect(a.may(10_010)).toBe(false);
    expect(a.tick(5_000).said).toEqual(['renew']);
    expect(a.answer(5_100, 'failed').said).toEqual([]);
    expect(a.tick(7_000).said).toEqual(['read']);
    expect(a.tick(10_010).said).toEqual(['end']);
    expect(a.may(10_010)).toBe(false);
  });

  it('acts a whole duration after it created the Lease (L5)', () => {
    const a = process();
    a.tick(0);
    expect(a.answer(10, 'absent').said).toEqual(['create']);
    a.lease(20, '1', 'a');
    expect(a.may(20)).toBe(false);
    for (let now = 2_020; now < 15_000; now += 2_000) {
      expect(a.tick(now).said).toEqual(['renew']);
      a.lease(now, String(now), 'a');
    }
    expect(a.next()).toBe(15_020);
    expect(a.tick(15_020).said).toContain('begin');
  });

  it('reads after a write without an answer, and leads a duration after it was found there and written once more (L6)', () => {
    const a = process();
    a.tick(0);
    a.lease(0, '1', '', true);
    a.answer(100, 'failed');
    expect(a.tick(2_000).said).toEqual(['read']);
    expect(a.lease(2_010, '2', 'a').said).toEqual(['renew']);
    expect(a.may(2_010)).toBe(false);
    expect(a.lease(2_020, '3', 'a').said).toEqual([]);
    for (let now = 4_020, version = 4; now < 17_000; now += 2_000, version++) {
      expect(a.tick(now).said).toEqual(['renew']);
      expect(a.lease(now, String(version), 'a').said).toEqual([]);
    }
    expect(a.may(17_009)).toBe(false);
    expect(a.tick(17_010).said).toEqual(['begin']);
  });

  it('releases what it holds after it stopped acting, and nothing else (L7)', () => {
    const a = process();
    a.tick(0);
    a.lease(0, '1', '', true);
    a.lease(10, '2', 'a');
    expect(a.tell({ type: 'stop' }, 1_000).said).toEqual(['end', 'release']);
    expect(a.may(1_000)).toBe(false);
    expect(a.lease(1_010, '3', '', true).said).toEqual(['done']);
    const b = process('b');
    b.tick(0);
    b.lease(0, '1', 'a');
    expect(b.tell({ type: 'stop' }, 1_000).said).toEqual(['done']);
    const c = process('c');
    c.tick(0);
    c.answer(0, 'absent');
    c.lease(10, '1', 'c');
    expect(c.tell({ type: 'stop' }, 1_000).said).toEqual(['done']);
  });

  it('stops acting as soon as it sees that the Lease is another’s or gone', () => {
    for (const seen of ['stolen', 'gone'] as const) {
      const a = process();
      a.tick(0);
      a.lease(0, '1', '', true);
      a.lease(10, '2', 'a');
      a.tick(2_010);
      a.answer(2_020, 'conflict');
      const { said } = seen === 'stolen' ? a.lease(2_030, '9', 'b') : a.answer(2_030, 'absent');
      expect(said[0]).toBe('end');
    }
  });
});
