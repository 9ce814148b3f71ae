import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { compareKeys, createSortedKeys } from './sorted-keys.ts';

const bytes = (a: string, b: string): number => Buffer.compare(Buffer.from(a), Buffer.from(b));
const listed = (keys: ReturnType<typeof createSortedKeys>, prefix = ''): string[] => {
  const found: string[] = [];
  keys.each(prefix, (key) => found.push(key));
  return found;
};

describe('sorted keys', () => {
  it('are ordered as the bytes of their UTF-8 form, beyond the basic plane too', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), fc.string({ unit: 'binary' }), (a, b) => {
        expect(Math.sign(compareKeys(a, b))).toBe(Math.sign(bytes(a, b)));
      }),
    );
    expect(compareKeys('\u{1F600}', '\uFFFD')).toBeGreaterThan(0);
  });

  it('stay in order through any additions and removals, and answer every prefix', () => {
    const key = fc.stringMatching(/^[ab/é]{1,6}$/);
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.boolean(), key), { maxLength: 200 }), key, (changes, prefix) => {
        const keys = createSortedKeys();
        const model = new Set<string>();
        for (const [add, one] of changes) {
          if (!add) keys.remove(one);
          else if (!model.has(one)) keys.add(one);
          if (add) model.add(one);
          else model.delete(one);
        }
        const expected = [...model].sort(bytes);
        expect(listed(keys)).toEqual(expected);
        expect(listed(keys, prefix)).toEqual(expected.filter((one) => one.startsWith(prefix)));
        expect(keys.size).toBe(model.size);
      }),
    );
  });

  it('stay in order when there are so many that they are kept in several blocks', () => {
    const keys = createSortedKeys();
    const all = Array.from({ length: 9000 }, (_, index) => `/k/${(index * 7919) % 9000}`);
    for (const key of all) keys.add(key);
    expect(listed(keys)).toEqual(all.toSorted(bytes));
    for (const key of all.slice(0, 8990)) keys.remove(key);
    expect(listed(keys)).toEqual(all.slice(8990).sort(bytes));
    expect(listed(keys, '/none')).toEqual([]);
  });
});
