/** Sets of characters: `\d`, `[[:alpha:]]`, `\p{Greek}`. */
import { type CharTest, RegexProblem } from './tree.ts';

const within =
  (...ranges: readonly (readonly [number, number])[]): CharTest =>
  (point) =>
    ranges.some(([from, to]) => point >= from && point <= to);

const span = (from: string, to: string): readonly [number, number] => [from.charCodeAt(0), to.charCodeAt(0)];

const digit = within(span('0', '9'));
export const isWord = within(span('0', '9'), span('A', 'Z'), span('a', 'z'), span('_', '_'));
const space = within([9, 10], [12, 13], [32, 32]);

export const not =
  (test: CharTest): CharTest =>
  (point) =>
    !test(point);

export const perlClasses: Readonly<Record<string, CharTest>> = {
  d: digit,
  D: not(digit),
  w: isWord,
  W: not(isWord),
  s: space,
  S: not(space),
};

export const posixClasses: Readonly<Record<string, CharTest>> = {
  alnum: within(span('0', '9'), span('A', 'Z'), span('a', 'z')),
  alpha: within(span('A', 'Z'), span('a', 'z')),
  ascii: within([0, 0x7f]),
  blank: within([9, 9], [32, 32]),
  cntrl: within([0, 0x1f], [0x7f, 0x7f]),
  digit,
  graph: within([0x21, 0x7e]),
  lower: within(span('a', 'z')),
  print: within([0x20, 0x7e]),
  punct: within([0x21, 0x2f], [0x3a, 0x40], [0x5b, 0x60], [0x7b, 0x7e]),
  space: within([9, 13], [32, 32]),
  upper: within(span('A', 'Z')),
  word: isWord,
  xdigit: within(span('0', '9'), span('A', 'F'), span('a', 'f')),
};

/** `\pL`, `\p{Greek}`, `\P{^Lu}`. */
export function unicodeClass(name: string, written: string): CharTest {
  const isNegated = name.startsWith('^');
  const own = isNegated ? name.slice(1) : name;
  if (own === 'Any') return () => !isNegated;
  const property = /^[A-Z][a-z]?$/.test(own) ? own : `Script=${own}`;
  let matcher: RegExp;
  try {
    matcher = new RegExp(`^\\p{${property}}$`, 'u');
  } catch {
    throw new RegexProblem('invalid character class range', written);
  }
  const test: CharTest = (point) => matcher.test(String.fromCodePoint(point));
  return isNegated ? not(test) : test;
}

/** The set without regard to case. */
export function ignoringCase(test: CharTest): CharTest {
  return (point) => {
    if (test(point)) return true;
    const char = String.fromCodePoint(point);
    return [char.toLowerCase(), char.toUpperCase()].some(
      (other) => other !== char && Array.from(other).length === 1 && test(other.codePointAt(0) ?? 0),
    );
  };
}
