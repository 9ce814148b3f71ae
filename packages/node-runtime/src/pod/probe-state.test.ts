import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { addResult, freshProbe, nextTry, type ProbeState } from './probe-state.ts';

const settings = { periodMs: 1000, successThreshold: 1, failureThreshold: 3 };
const feed = (results: readonly (readonly [ok: boolean, atMs: number])[], from = freshProbe): ProbeState =>
  results.reduce((state, [ok, atMs]) => addResult(state, ok, atMs, settings), from);

describe('probe results', () => {
  it('many quick failures of one period count once', () => {
    const quick = Array.from({ length: 9 }, (_, i) => [false, i * 100] as const);
    expect(feed(quick)).toMatchObject({ failures: 1, verdict: 'unknown' });
    expect(feed([...quick, [false, 1000], [false, 2000]]).verdict).toBe('failing');
  });

  it('after the first success each failure counts, and one success ends them', () => {
    const failing = feed([
      [true, 0],
      [false, 10],
      [false, 20],
      [false, 30],
    ]);
    expect(failing.verdict).toBe('failing');
    expect(
      feed(
        [
          [false, 10],
          [false, 20],
        ],
        feed([[true, 0]]),
      ).verdict,
    ).toBe('passing');
    expect(feed([[true, 40]], failing)).toMatchObject({ verdict: 'passing', failures: 0 });
  });

  it('passes only after successThreshold successes in a row', () => {
    const strict = { ...settings, successThreshold: 2 };
    const once = addResult(freshProbe, true, 0, strict);
    expect(once.verdict).toBe('unknown');
    expect(addResult(addResult(once, false, 1, strict), true, 2, strict).verdict).toBe('unknown');
    expect(addResult(once, true, 1, strict).verdict).toBe('passing');
  });

  it('is tried fast at first, never slower than its period, and by its period once it passed', () => {
    expect(nextTry(freshProbe, 0, settings)).toBe(100);
    expect(nextTry(feed([[true, 0]]), 0, settings)).toBe(1000);
    fc.assert(
      fc.property(fc.nat(1e7), (waited) => {
        const ms = nextTry(freshProbe, waited, settings);
        expect(ms).toBeGreaterThanOrEqual(100);
        expect(ms).toBeLessThanOrEqual(1000);
      }),
    );
  });
});
