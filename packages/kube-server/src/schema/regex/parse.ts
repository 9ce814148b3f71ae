/**
 * Reads a regular expression in the syntax of RE2, which is what schemas and rules of Kubernetes are written in: no
 * backreferences and no lookaround, so that every one can be matched in linear time.
 */
import { ignoringCase, not, perlClasses, posixClasses, unicodeClass } from './classes.ts';
import { type CharTest, RegexProblem, type RegexTree } from './tree.ts';

const MAX_REPEAT = 1000;
const MAX_DEPTH = 1000;

interface Flags {
  readonly i: boolean;
  readonly m: boolean;
  readonly s: boolean;
  readonly U: boolean;
}

interface State {
  readonly source: string;
  readonly chars: readonly string[];
  at: number;
  depth: number;
  flags: Flags;
  readonly names: Set<string>;
}

/** Throws a `RegexProblem`. */
export function parseRegex(source: string): RegexTree {
  const state: State = {
    source,
    chars: Array.from(source),
    at: 0,
    depth: 0,
    flags: { i: false, m: false, s: false, U: false },
    names: new Set(),
  };
  const tree = choice(state);
  if (state.at < state.chars.length) throw new RegexProblem('unexpected )', source);
  checkSize(tree, 1);
  return tree;
}

/** Repetitions of repetitions multiply: `((a{100}){100}){100}` is refused as too large. */
function checkSize(tree: RegexTree, times: number): void {
  switch (tree.kind) {
    case 'sequence':
    case 'choice':
      for (const part of tree.parts) checkSize(part, times);
      return;
    case 'repeat': {
      const count = times * Math.max(tree.max ?? tree.min, 1);
      if (count > MAX_REPEAT) throw new RegexProblem('invalid repeat count', `{${count}}`);
      checkSize(tree.part, count);
      return;
    }
    case 'empty':
    case 'char':
    case 'assert':
  }
}

const rest = (state: State): string => state.chars.slice(state.at).join('');
const peek = (state: State): string | undefined => state.chars[state.at];

function take(state: State, text: string): boolean {
  const chars = Array.from(text);
  if (!chars.every((char, i) => state.chars[state.at + i] === char)) return false;
  state.at += chars.length;
  return true;
}

function choice(state: State): RegexTree {
  state.depth++;
  if (state.depth > MAX_DEPTH) throw new RegexProblem('expression nests too deeply', state.source);
  const parts = [sequence(state)];
  while (take(state, '|')) parts.push(sequence(state));
  state.depth--;
  return parts.length === 1 ? (parts[0] as RegexTree) : { kind: 'choice', parts };
}

function sequence(state: State): RegexTree {
  const parts: RegexTree[] = [];
  for (;;) {
    const char = peek(state);
    if (char === undefined || char === '|' || char === ')') break;
    if (char === '*' || char === '+' || char === '?') {
      throw new RegexProblem('missing argument to repetition operator', char);
    }
    const from = state.at;
    const part = atom(state);
    if (part) parts.push(repeated(state, part, from));
  }
  return parts.length === 1
    ? (parts[0] as RegexTree)
    : parts.length === 0
      ? { kind: 'empty' }
      : { kind: 'sequence', parts };
}

function repeated(state: State, part: RegexTree, from: number): RegexTree {
  let tree = part;
  let before: string | undefined;
  for (;;) {
    const start = state.at;
    const bounds = quantifier(state);
    if (!bounds) return tree;
    const isLazy = take(state, '?') !== state.flags.U;
    const written = state.chars.slice(start, state.at).join('');
    if (before !== undefined) throw new RegexProblem('invalid nested repetition operator', `${before}${written}`);
    if (from === start) throw new RegexProblem('missing argument to repetition operator', written);
    before = written;
    tree = { kind: 'repeat', part: tree, ...bounds, isLazy };
  }
}

function quantifier(state: State): { readonly min: number; readonly max: number | undefined } | undefined {
  if (take(state, '*')) return { min: 0, max: undefined };
  if (take(state, '+')) return { min: 1, max: undefined };
  if (take(state, '?')) return { min: 0, max: 1 };
  const match = peek(state) === '{' ? /^\{(\d+)(?:(,)(\d*))?\}/.exec(rest(state)) : null;
  if (!match) return undefined; // a brace that counts nothing is itself
  const [written, low = '', comma, high] = match;
  state.at += written.length;
  const min = Number(low);
  const max = comma === undefined ? min : high ? Number(high) : undefined;
  if (min > MAX_REPEAT || (max ?? min) > MAX_REPEAT || (max ?? min) < min) {
    throw new RegexProblem('invalid repeat count', written);
  }
  return { min, max };
}

const charOf = (state: State, test: CharTest): RegexTree => ({
  kind: 'char',
  test: state.flags.i ? ignoringCase(test) : test,
});

const exactly =
  (point: number): CharTest =>
  (other) =>
    other === point;

/** One thing to match; undefined where only flags were set. */
function atom(state: State): RegexTree | undefined {
  const char = state.chars[state.at++] ?? '';
  switch (char) {
    case '(':
      return group(state);
    case '[':
      return charOf(state, bracket(state));
    case '.':
      return { kind: 'char', test: state.flags.s ? () => true : (point) => point !== 10 };
    case '^':
      return { kind: 'assert', what: state.flags.m ? 'begin-line' : 'begin-text' };
    case '$':
      return { kind: 'assert', what: state.flags.m ? 'end-line' : 'end-text' };
    case '\\':
      return escaped(state);
    default:
      return charOf(state, exactly(char.codePointAt(0) ?? 0));
  }
}

function group(state: State): RegexTree | undefined {
  const start = state.at - 1;
  const outer = state.flags;
  if (take(state, '?')) {
    const named = /^(?:P?<([^>]*)>)/.exec(rest(state));
    if (named) {
      const name = named[1] ?? '';
      const written = `(?${named[0]}`;
      if (!/^[A-Za-z0-9_]+$/.test(name)) throw new RegexProblem('invalid named capture', written);
      if (state.names.has(name)) throw new RegexProblem('duplicate capture group name', name);
      state.names.add(name);
      state.at += named[0].length;
    } else if (setFlags(state, start)) return undefined;
  }
  const inner = choice(state);
  if (!take(state, ')')) throw new RegexProblem('missing closing )', state.source);
  state.flags = outer;
  return inner;
}

/** `(?i)` and `(?i:`; true where no group follows. */
function setFlags(state: State, start: number): boolean {
  const match = /^([imsU]*)(?:(-)([imsU]+))?([:)])/.exec(rest(state));
  if (!match) {
    const written = `(?${(peek(state) ?? '') === '<' ? rest(state).slice(0, 2) : (peek(state) ?? '')}`;
    if (!state.chars.slice(start).includes(')') && peek(state) === undefined) {
      throw new RegexProblem('missing closing )', state.source);
    }
    throw new RegexProblem('invalid or unsupported Perl syntax', written);
  }
  const [written, on = '', , off = '', end] = match;
  state.at += written.length;
  const flags = { ...state.flags };
  for (const flag of on) flags[flag as keyof Flags] = true;
  for (const flag of off) flags[flag as keyof Flags] = false;
  state.flags = flags;
  return end === ')';
}

function escaped(state: State): RegexTree | undefined {
  const char = state.chars[state.at++];
  if (char === undefined) throw new RegexProblem('trailing backslash at end of expression', '');
  switch (char) {
    case 'A':
      return { kind: 'assert', what: 'begin-text' };
    case 'z':
      return { kind: 'assert', what: 'end-text' };
    case 'b':
      return { kind: 'assert', what: 'word' };
    case 'B':
      return { kind: 'assert', what: 'no-word' };
    case 'Q': {
      const body = rest(state).split('\\E')[0] ?? '';
      state.at += Array.from(body).length;
      take(state, '\\E');
      const parts = Array.from(body, (each) => charOf(state, exactly(each.codePointAt(0) ?? 0)));
      return parts.length === 0 ? undefined : { kind: 'sequence', parts };
    }
    default:
      return charOf(state, classAfterBackslash(state, char) ?? exactly(escapedPoint(state, char)));
  }
}

function classAfterBackslash(state: State, char: string): CharTest | undefined {
  const perl = perlClasses[char];
  if (perl) return perl;
  if (char !== 'p' && char !== 'P') return undefined;
  const match = /^(?:\{([^}]*)\}|([A-Z]))/.exec(rest(state));
  if (!match) throw new RegexProblem('invalid character class range', `\\${char}${peek(state) ?? ''}`);
  state.at += Array.from(match[0]).length;
  const test = unicodeClass(match[1] ?? match[2] ?? '', `\\${char}${match[0]}`);
  return char === 'P' ? not(test) : test;
}

const controls: Readonly<Record<string, number>> = { a: 7, f: 12, t: 9, n: 10, r: 13, v: 11 };

function escapedPoint(state: State, char: string): number {
  const control = controls[char];
  if (control !== undefined) return control;
  if (char === 'x') {
    const match = /^(?:\{([0-9a-fA-F]{1,6})\}|([0-9a-fA-F]{2}))/.exec(rest(state));
    const point = match ? Number.parseInt(match[1] ?? match[2] ?? '', 16) : Number.POSITIVE_INFINITY;
    if (match && point <= 0x10ffff) {
      state.at += match[0].length;
      return point;
    }
  } else if (/[0-7]/.test(char)) {
    const match = /^[0-7]{1,2}/.exec(rest(state))?.[0] ?? '';
    if (char === '0' || match !== '') {
      state.at += match.length;
      return Number.parseInt(`${char}${match}`, 8);
    }
  }
  if (/[A-Za-z0-9]/.test(char) || (char.codePointAt(0) ?? 0) > 0x7f) {
    throw new RegexProblem('invalid escape sequence', `\\${char}`);
  }
  return char.codePointAt(0) ?? 0;
}

function bracket(state: State): CharTest {
  const start = state.at - 1;
  const isNegated = take(state, '^');
  const tests: CharTest[] = [];
  for (let isFirst = true; isFirst || peek(state) !== ']'; isFirst = false) {
    if (peek(state) === undefined) throw new RegexProblem('missing closing ]', state.chars.slice(start).join(''));
    const posix = /^\[:(\^?)([a-z]*):\]/.exec(rest(state));
    if (posix) {
      const test = posixClasses[posix[2] ?? ''];
      if (!test) throw new RegexProblem('invalid character class range', posix[0]);
      state.at += posix[0].length;
      tests.push(posix[1] === '^' ? not(test) : test);
      continue;
    }
    tests.push(range(state));
  }
  state.at++;
  const any: CharTest = (point) => tests.some((test) => test(point));
  const test = state.flags.i ? ignoringCase(any) : any;
  return isNegated ? not(test) : test;
}

/** One character of a bracket, a class, or `a-z`. */
function range(state: State): CharTest {
  const from = state.at;
  const low = bracketChar(state);
  if (typeof low !== 'number') return low;
  if (peek(state) !== '-' || state.chars[state.at + 1] === ']' || state.chars[state.at + 1] === undefined) {
    return exactly(low);
  }
  state.at++;
  const high = bracketChar(state);
  if (typeof high !== 'number' || high < low) {
    throw new RegexProblem('invalid character class range', state.chars.slice(from, state.at).join(''));
  }
  return (point) => point >= low && point <= high;
}

function bracketChar(state: State): number | CharTest {
  const char = state.chars[state.at++] ?? '';
  if (char !== '\\') return char.codePointAt(0) ?? 0;
  const next = state.chars[state.at++];
  if (next === undefined) throw new RegexProblem('trailing backslash at end of expression', '');
  return classAfterBackslash(state, next) ?? escapedPoint(state, next);
}
