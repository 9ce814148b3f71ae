import fc from 'fast-check';
import { expect, test } from 'vitest';
import { FAILOVERS_KEPT, type FailoverEntry } from '../record/failover.ts';
import { type HaRecord, newRecord } from '../record/record.ts';
import { FLAP_WINDOW_MS, flapGuards, isFlapping, withFailover } from './flap.ts';

const start = Date.parse('2026-01-01T00:00:00.000Z');
const fresh = newRecord({
  cluster: { namespace: 'default', name: 'demo', uid: 'u' },
  primary: 'a',
  pods: { a: 'pod-a', b: 'pod-b' },
  now: new Date(start),
});
const allowed = (record: HaRecord, ms: number): boolean => flapGuards(record, new Date(ms)).every(({ holds }) => holds);
const entry = (ms: number, from = 'a'): FailoverEntry => ({ at: new Date(ms).toISOString(), from, to: 'b' });

test('B1 (I16): whenever failovers are wanted, those that are allowed keep to the gap and to the number', () => {
  fc.assert(
    fc.property(
      fc.array(fc.integer({ min: 0, max: 90_000 }), { maxLength: 80 }),
      fc.integer({ min: 0, max: 60_000 }),
      fc.integer({ min: 1, max: 5 }),
      (waits, minFailoverGapMs, maxFailovers) => {
        let record: HaRecord = { ...fresh, settings: { minFailoverGapMs, maxFailovers } };
        const begun: number[] = [];
        let at = start;
        for (const wait of waits) {
          at += wait;
          if (!allowed(record, at)) continue;
          begun.push(at);
          record = { ...record, failovers: withFailover(record.failovers, entry(at), FAILOVERS_KEPT) };
        }
        for (const [i, one] of begun.entries()) {
          const before = begun[i - 1];
          if (before !== undefined) expect(one - before).toBeGreaterThanOrEqual(minFailoverGapMs);
          expect(begun.filter((other) => other <= one && one - other < FLAP_WINDOW_MS).length).toBeLessThanOrEqual(
            maxFailovers,
          );
        }
        // The first is free, and a suspension is over once its window has passed.
        expect(begun[0]).toBe(waits.length > 0 ? start + (waits[0] ?? 0) : undefined);
        expect(allowed(record, at + FLAP_WINDOW_MS)).toBe(true);
      },
    ),
  );
});

test('B2: somebody who resumes ends a suspension; the reason says until when it lasts', () => {
  const failovers = [0, 60_000, 120_000].map((ms) => entry(start + ms));
  const record: HaRecord = { ...fresh, failovers };
  const [, rate] = flapGuards(record, new Date(start + 200_000));
  expect(rate).toMatchObject({ guard: 'H4-rate', holds: false });
  expect(rate?.text).toContain(new Date(start + FLAP_WINDOW_MS).toISOString());
  const at = new Date(start + 200_000).toISOString();
  expect(allowed({ ...record, settings: { resumed: { failover: { by: 'me', at } } } }, start + 201_000)).toBe(true);
});

test('B3: a clock that was set back holds nothing up for longer than the window', () => {
  const record: HaRecord = { ...fresh, failovers: [0, 60_000, 120_000].map((ms) => entry(start + 3_600_000 + ms)) };
  expect(allowed(record, start)).toBe(true);
  expect(allowed(record, start + 3_600_000 + 100_000)).toBe(false);
});

test('who lost the primary twice within the window is the last choice, and the list is bounded', () => {
  const record: HaRecord = { ...fresh, failovers: [entry(start), entry(start + 60_000)] };
  expect(isFlapping(record, 'a', new Date(start + 70_000))).toBe(true);
  expect(isFlapping(record, 'b', new Date(start + 70_000))).toBe(false);
  expect(isFlapping(record, 'a', new Date(start + FLAP_WINDOW_MS))).toBe(false);
  let entries: readonly FailoverEntry[] | undefined;
  for (let i = 0; i < 50; i++) entries = withFailover(entries, entry(start + i), FAILOVERS_KEPT);
  expect(entries?.length).toBe(FAILOVERS_KEPT);
  expect(entries?.at(-1)?.at).toBe(new Date(start + 49).toISOString());
});
