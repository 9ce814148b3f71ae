import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decide, isDone, isInitialized } from './decide.ts';
import type { ContainerView } from './pod-view.ts';
import { LONGEST_PAUSE_MS, nextPause, type RestartPolicy, remainingPause, restarts } from './restart-backoff.ts';

const end = (exitCode: number) => ({ run: 1, exitCode, reason: 'x', startedAt: '', finishedAt: '' });
const view = (name: string, fields: Partial<ContainerView> = {}): ContainerView => ({
  name,
  run: fields.state === undefined || fields.state === 'waiting' ? 0 : 1,
  state: 'waiting',
  started: false,
  ready: false,
  unhealthy: false,
  pauseMs: 0,
  ...fields,
});

const views = (prefix: string) =>
  fc
    .array(
      fc.record({
        state: fc.constantFrom('waiting', 'running', 'stopping', 'ended' as const),
        code: fc.constantFrom(0, 1),
        pauseMs: fc.constantFrom(0, 500),
        unhealthy: fc.boolean(),
      }),
      { maxLength: 4 },
    )
    .map((list) =>
      list.map(({ state, code, pauseMs, unhealthy }, i) =>
        view(`${prefix}${i}`, { state, pauseMs, unhealthy, ...(state === 'ended' ? { end: end(code) } : {}) }),
      ),
    );
const policies = fc.constantFrom<RestartPolicy>('Always', 'OnFailure', 'Never');

describe('decide', () => {
  it('1: runs init containers one after the other, each to success', () => {
    const main = [view('m')];
    expect(decide({ policy: 'Always', init: [view('a'), view('b')], main }).start).toEqual(['a']);
    const first = view('a', { state: 'ended', end: end(0) });
    expect(decide({ policy: 'Always', init: [first, view('b')], main }).start).toEqual(['b']);
    const second = view('b', { state: 'ended', end: end(0) });
    expect(decide({ policy: 'Always', init: [first, second], main }).start).toEqual(['m']);
  });

  it('2: an init container that failed for good leaves the rest unstarted', () => {
    const init = [view('a', { state: 'ended', end: end(1) }), view('b')];
    expect(decide({ policy: 'Never', init, main: [view('m')] })).toEqual({ start: [], stop: [] });
  });

  it('holds 1 to 3 whatever the situation', () => {
    fc.assert(
      fc.property(policies, views('i'), views('m'), (policy, init, main) => {
        const { start, stop, againInMs } = decide({ policy, init, main });
        const all = [...init, ...main];
        const of = (name: string) => all.find((candidate) => candidate.name === name);
        for (const name of start) {
          expect(['waiting', 'ended']).toContain(of(name)?.state);
          expect(of(name)?.pauseMs).toBe(0);
          expect(isDone(of(name) as ContainerView, policy, name.startsWith('i'))).toBe(false);
        }
        for (const name of stop) expect(of(name)).toMatchObject({ state: 'running', unhealthy: true });
        const begun = main.some((candidate) => candidate.run > 0);
        if (!isInitialized(init) && !begun) {
          expect([...start, ...stop].filter((name) => name.startsWith('m'))).toEqual([]);
          expect(start.length).toBeLessThanOrEqual(1);
        }
        if (againInMs !== undefined) expect(againInMs).toBeGreaterThan(0);
      }),
    );
  });
});

describe('restart pauses', () => {
  it('are none, 10 s, doubling to 5 min; none again after 10 min of health', () => {
    const pauses: number[] = [];
    let last = 0;
    for (let run = 1; run <= 8; run++) {
      last = nextPause(run, last, 100);
      pauses.push(last / 1000);
    }
    expect(pauses).toEqual([0, 10, 20, 40, 80, 160, 300, 300]);
    expect(nextPause(8, LONGEST_PAUSE_MS, 600_000)).toBe(0);
  });

  it('never last longer than they are, wherever the clock has gone', () => {
    fc.assert(
      fc.property(fc.nat(LONGEST_PAUSE_MS), fc.integer(), fc.integer(), (pause, endedAt, now) => {
        const left = remainingPause(pause, endedAt, now);
        expect(left).toBeGreaterThanOrEqual(0);
        expect(left).toBeLessThanOrEqual(pause);
      }),
    );
  });

  it('depend on the policy', () => {
    expect([restarts('Always', 0, false), restarts('Always', 0, true), restarts('Always', 1, true)]).toEqual([
      true,
      false,
      true,
    ]);
    expect([restarts('OnFailure', 0, false), restarts('OnFailure', 2, false)]).toEqual([false, true]);
    expect(restarts('Never', 2, false)).toBe(false);
  });
});
