import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { compileRegex } from './regex.ts';

/** Expressions that mean the same to JavaScript. */
const atom = fc.constantFrom(
  'a',
  'b',
  '.',
  '[ab]',
  '[^a]',
  '\\d',
  '\\w',
  '(?:ab)',
  '(a|b)',
  '\\b',
  '^',
  '$',
  'é',
  '[a-c]',
);
const counted = fc
  .tuple(atom, fc.constantFrom('', '', '*', '+', '?', '{2}', '{1,3}', '*?', '+?'))
  .map(([a, q]) => (/^(\^|\$|\\b)$/.test(a) ? a : a + q));
const expression = fc
  .array(fc.array(counted, { minLength: 1, maxLength: 4 }), { minLength: 1, maxLength: 3 })
  .map((parts) => parts.map((part) => part.join('')).join('|'));
const text = fc.string({ unit: fc.constantFrom('a', 'b', 'c', '1', ' ', 'é', '😀'), maxLength: 12 });

describe('regular expressions', () => {
  it('match where those of JavaScript match', () => {
    fc.assert(
      fc.property(expression, text, (source, subject) => {
        const ours = compileRegex(source);
        const theirs = new RegExp(source, 'u').exec(subject);
        expect(ours.test(subject)).toBe(theirs !== null);
        expect(ours.find(subject)).toEqual(
          theirs ? { start: theirs.index, end: theirs.index + theirs[0].length } : undefined,
        );
      }),
      { numRuns: 2_000 },
    );
  });

  it('R1 take linear time where backtracking takes exponential', () => {
    const long = 'a'.repeat(50_000);
    for (const source of ['^(a+)+$', '^(a|a)*$', '^(a*)*b$', '(.*)*x', '^(([a-z])+.)+[A-Z]([a-z])+$']) {
      expect(compileRegex(source).test(`${long}!`)).toBe(false);
    }
  });

  it.each([
    ['(?i)^abc$', 'ABC', true],
    ['^[[:alpha:]]+$', 'abC', true],
    ['^\\p{Greek}+$', 'αβγ', true],
    ['^\\pL$', '1', false],
    ['\\Aab\\z', 'ab', true],
    ['(?s)a.b', 'a\nb', true],
    ['(?m)^b$', 'a\nb\nc', true],
    ['a.b', 'a\nb', false],
    ['^\\Qa.b\\E$', 'a.b', true],
    ['^\\x{1F600}$', '😀', true],
    ['^[a-z0-9]([-a-z0-9]*[a-z0-9])?$', 'my-name', true],
    ['^(?P<word>a)(?-i:b)$', 'ab', true],
    ['^a{,2}$', 'a{,2}', true],
    ['^[]a]$', ']', true],
  ])('%s against %s', (source, subject, expected) => {
    expect(compileRegex(source).test(subject)).toBe(expected);
  });

  it.each([
    ['(a', 'missing closing ): `(a`'],
    ['a)', 'unexpected ): `a)`'],
    ['[a', 'missing closing ]: `[a`'],
    ['[z-a]', 'invalid character class range: `z-a`'],
    ['*a', 'missing argument to repetition operator: `*`'],
    ['a**', 'invalid nested repetition operator: `**`'],
    ['a{1001}', 'invalid repeat count: `{1001}`'],
    ['a{2,1}', 'invalid repeat count: `{2,1}`'],
    ['(?=a)', 'invalid or unsupported Perl syntax: `(?=`'],
    ['\\q', 'invalid escape sequence: `\\q`'],
    ['a\\', 'trailing backslash at end of expression: ``'],
    ['\\1', 'invalid escape sequence: `\\1`'],
    ['\\p{Nope}', 'invalid character class range: `\\p{Nope}`'],
  ])('%s is refused', (source, message) => {
    expect(() => compileRegex(source)).toThrow(`error parsing regexp: ${message}`);
  });
});
