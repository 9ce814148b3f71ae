import fc from 'fast-check';
import { expect, test } from 'vitest';
import { createEventCorrelator } from './event-correlator.ts';

test('the first ten different messages stay, further ones are combined until ten minutes of quiet (A1)', () => {
  const correlator = createEventCorrelator();
  const hear = (message: string, now: number) => correlator.hear({ source: 's', kind: 'k', message }, now).isCombined;
  expect(Array.from({ length: 12 }, (_, i) => hear(`m${i}`, i))).toEqual([
    ...Array<boolean>(10).fill(false),
    true,
    true,
  ]);
  expect(hear('m3', 20)).toBe(false);
  expect(hear('new', 599_000)).toBe(true);
  expect(hear('new', 599_000 + 600_001)).toBe(false);
});

test('another object, or another reason, has a count of its own (A1, A2)', () => {
  const correlator = createEventCorrelator({ combineAfter: 1, burst: 1 });
  const hear = (source: string, kind: string, message: string) => correlator.hear({ source, kind, message }, 0);
  expect(hear('a', 'a-x', '1')).toEqual({ isCombined: false, count: 1 });
  expect(hear('a', 'a-x', '2')).toEqual({ isCombined: true, count: 0 });
  expect(hear('b', 'b-x', '2')).toEqual({ isCombined: false, count: 1 });
});

test('never more than the bucket allows, and nothing that is held back gets lost while it is remembered (A2)', () => {
  const event = fc.record({ source: fc.nat(2), message: fc.nat(3), after: fc.nat(40) });
  fc.assert(
    fc.property(fc.array(event, { maxLength: 200 }), fc.integer({ min: 1, max: 8 }), (events, burst) => {
      const refillMs = 50;
      const correlator = createEventCorrelator({ burst, refillMs });
      const heard = new Map<string, number>();
      const written = new Map<string, number>();
      const writes = new Map<number, number>();
      let now = 0;
      for (const { source, message, after } of events) {
        now += after;
        const key = `${source}/${message}`;
        const { count } = correlator.hear({ source: `${source}`, kind: `${source}`, message: `${message}` }, now);
        heard.set(key, (heard.get(key) ?? 0) + 1);
        written.set(key, (written.get(key) ?? 0) + count);
        if (count > 0) writes.set(source, (writes.get(source) ?? 0) + 1);
        if (count > 0) expect(written.get(key)).toBe(heard.get(key));
        expect(writes.get(source) ?? 0).toBeLessThanOrEqual(burst + now / refillMs);
      }
    }),
  );
});

test('what was not heard of for longest is forgotten first (A3)', () => {
  const correlator = createEventCorrelator({ burst: 1, maxKeys: 2 });
  const hear = (source: string) => correlator.hear({ source, kind: source, message: '' }, 0).count;
  expect([hear('a'), hear('b'), hear('a'), hear('c'), hear('a'), hear('b')]).toEqual([1, 1, 0, 1, 0, 1]);
});
