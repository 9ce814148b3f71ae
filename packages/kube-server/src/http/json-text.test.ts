import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { duplicateFields } from './duplicate-fields.ts';
import { MAX_DEPTH, parseText } from './json-text.ts';
import { parseMerged } from './merged-json.ts';

describe('texts in JSON', () => {
  it('are what JSON.parse makes of them, save for what is no value', () => {
    fc.assert(
      fc.property(fc.json(), (text) => {
        expect(parseText(text)).toEqual(JSON.parse(text));
      }),
    );
    expect(parseText('{"a":"\\ud800","\\udfff":["\\ud83d\\ude00"]}')).toEqual({ a: '\ufffd', '\ufffd': ['😀'] });
    expect(parseText('{"__proto__":"\\ud800"}')).toEqual(JSON.parse('{"__proto__":"\\ufffd"}'));
    for (const text of ['1e400', '-1E+999', `{"a":[${'9'.repeat(400)}]}`]) {
      expect(() => parseText(text)).toThrow('a number is out of range');
    }
    expect(parseText('1e300')).toBe(1e300);
  });

  it('are refused beyond a depth, whatever is in their strings (J1)', () => {
    const nested = (depth: number) => `${'['.repeat(depth)}${']'.repeat(depth)}`;
    expect(parseText(nested(MAX_DEPTH))).toBeDefined();
    expect(() => parseText(nested(MAX_DEPTH + 1))).toThrow('nested deeper');
    expect(() => parseText('{"a":'.repeat(1_000_000))).toThrow('nested deeper');
    expect(parseText(JSON.stringify(['\\"[['.repeat(MAX_DEPTH)]))).toEqual(['\\"[['.repeat(MAX_DEPTH)]);
  });
});

describe('fields that stand twice', () => {
  it('are merged where they are objects, and else the last one counts', () => {
    const text = '{"a":{"x":1,"l":[1,2]},"b":1,"a":{"y":2,"l":[3]},"b":"two","c":{"d":1},"c":null}';
    expect(duplicateFields(text)).toEqual(['a', 'b', 'c']);
    expect(parseMerged(text)).toEqual({ a: { x: 1, y: 2, l: [3] }, b: 'two', c: null });
  });

  it('are nothing special where none does', () => {
    fc.assert(
      fc.property(fc.json(), fc.constantFrom('', ' ', '\n\t'), (text, blank) => {
        const spaced = JSON.stringify(JSON.parse(text), null, blank);
        expect(parseMerged(spaced)).toEqual(JSON.parse(text));
      }),
    );
  });
});
