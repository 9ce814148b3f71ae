/**
 * Regular expressions that cannot be made to run long.
 *
 * - R1 Matching takes time linear in the text, whatever the expression: states are followed side by side, never tried
 *   one after the other. An expression comes from whoever may write a CustomResourceDefinition and a text from whoever
 *   may write an object; the engine of JavaScript backtracks, and 40 characters are enough to stop it for years.
 * - R2 Memory is bounded: the table of known state sets is dropped when it is full.
 */
import { isWord } from './classes.ts';
import { parseRegex } from './parse.ts';
import { type Assertion, type CharTest, RegexProblem, type RegexTree } from './tree.ts';

export interface Match {
  /** Indexes into the text, in code units. */
  readonly start: number;
  readonly end: number;
}

export interface Regex {
  /** Whether it matches anywhere in the text. */
  test(text: string): boolean;
  /** The leftmost match at or after `from`. */
  find(text: string, from?: number): Match | undefined;
}

type Step =
  | { readonly op: 'char'; readonly test: CharTest }
  | { readonly op: 'assert'; readonly what: Assertion }
  /** Prefers the first. */
  | { readonly op: 'split'; readonly first: number; readonly second: number }
  | { readonly op: 'jump'; readonly to: number }
  | { readonly op: 'match' };

const MAX_STEPS = 50_000;
/** R2 */
const MAX_STATES = 2_000;

/** Throws a `RegexProblem` where `source` is no regular expression. */
export function compileRegex(source: string): Regex {
  const steps: Step[] = [];
  emit(parseRegex(source), steps);
  steps.push({ op: 'match' });
  const table = createTable(steps);
  return { test: table.test, find: (text, from = 0) => find(steps, text, from) };
}

export function isRegex(source: string): boolean {
  try {
    compileRegex(source);
    return true;
  } catch (error) {
    if (error instanceof RegexProblem) return false;
    throw error;
  }
}

/** A regular expression, compiled once for every text that is asked for. The least used ones are forgotten. */
export function createRegexCache(size: number): (source: string) => Regex {
  const known = new Map<string, Regex>();
  return (source) => {
    const found = known.get(source) ?? compileRegex(source);
    known.delete(source);
    known.set(source, found);
    for (const oldest of known.size > size ? known.keys() : []) {
      known.delete(oldest);
      break;
    }
    return found;
  };
}

function emit(tree: RegexTree, steps: Step[]): void {
  if (steps.length > MAX_STEPS) throw new RegexProblem('expression too large', '');
  switch (tree.kind) {
    case 'empty':
      return;
    case 'char':
      steps.push({ op: 'char', test: tree.test });
      return;
    case 'assert':
      steps.push({ op: 'assert', what: tree.what });
      return;
    case 'sequence':
      for (const part of tree.parts) emit(part, steps);
      return;
    case 'choice': {
      const jumps: number[] = [];
      tree.parts.forEach((part, i) => {
        if (i === tree.parts.length - 1) {
          emit(part, steps);
          return;
        }
        const split = steps.push({ op: 'match' }) - 1;
        emit(part, steps);
        jumps.push(steps.push({ op: 'match' }) - 1);
        steps[split] = { op: 'split', first: split + 1, second: steps.length };
      });
      for (const jump of jumps) steps[jump] = { op: 'jump', to: steps.length };
      return;
    }
    case 'repeat': {
      for (let i = 0; i < tree.min; i++) emit(tree.part, steps);
      if (tree.max === undefined) {
        const split = steps.push({ op: 'match' }) - 1;
        emit(tree.part, steps);
        steps.push({ op: 'jump', to: split });
        steps[split] = fork(split + 1, steps.length, tree.isLazy);
        return;
      }
      const splits: number[] = [];
      for (let i = tree.min; i < tree.max; i++) {
        splits.push(steps.push({ op: 'match' }) - 1);
        emit(tree.part, steps);
      }
      for (const split of splits) steps[split] = fork(split + 1, steps.length, tree.isLazy);
    }
  }
}

function fork(into: number, past: number, isLazy: boolean): Step {
  return isLazy ? { op: 'split', first: past, second: into } : { op: 'split', first: into, second: past };
}

/** No character: before the first and after the last. */
const NONE = -1;

function holds(what: Assertion, before: number, after: number): boolean {
  switch (what) {
    case 'begin-text':
      return before === NONE;
    case 'end-text':
      return after === NONE;
    case 'begin-line':
      return before === NONE || before === 10;
    case 'end-line':
      return after === NONE || after === 10;
    case 'word':
      return isWord(before) !== isWord(after);
    case 'no-word':
      return isWord(before) === isWord(after);
  }
}

/** The steps that wait for a character or have matched, in order of preference, from `start` without reading any. */
function follow(
  steps: readonly Step[],
  start: number,
  before: number,
  after: number,
  seen: Set<number>,
  found: number[],
): void {
  const open = [start];
  for (let at = open.pop(); at !== undefined; at = open.pop()) {
    if (seen.has(at)) continue;
    seen.add(at);
    const step = steps[at];
    switch (step?.op) {
      case 'jump':
        open.push(step.to);
        break;
      case 'split':
        open.push(step.second, step.first);
        break;
      case 'assert':
        if (holds(step.what, before, after)) open.push(at + 1);
        break;
      case 'char':
      case 'match':
        found.push(at);
        break;
      case undefined:
    }
  }
}

interface TableState {
  readonly waiting: readonly number[];
  /** The character before, as far as assertions can tell characters apart. */
  readonly before: number;
  readonly next: Map<number, TableState | true>;
}

/** Answers whether there is a match, by a table of state sets that grows as texts need it. */
function createTable(steps: readonly Step[]): Pick<Regex, 'test'> {
  let states = new Map<string, TableState>();
  const stateOf = (waiting: readonly number[], before: number): TableState => {
    const key = `${before}:${waiting.join()}`;
    const known = states.get(key);
    if (known) return known;
    if (states.size >= MAX_STATES) states = new Map();
    const made = { waiting, before, next: new Map() };
    states.set(key, made);
    return made;
  };
  const kindOf = (point: number): number => (point === 10 ? 10 : isWord(point) ? 0x61 : 0x20);
  const advance = ({ waiting, before }: TableState, point: number): TableState | true => {
    const ready: number[] = [];
    const seen = new Set<number>();
    for (const at of waiting) follow(steps, at, before, point, seen, ready);
    const next = new Set<number>();
    for (const at of ready) {
      const step = steps[at];
      if (step?.op === 'match') return true;
      if (step?.op === 'char' && point !== NONE && step.test(point)) next.add(at + 1);
    }
    next.add(0);
    return stateOf(
      [...next].sort((a, b) => a - b),
      kindOf(point),
    );
  };
  return {
    test: (text) => {
      let state: TableState | true = stateOf([0], NONE);
      for (let i = 0; i <= text.length; ) {
        const point = i === text.length ? NONE : (text.codePointAt(i) ?? 0);
        let next: TableState | true | undefined = state.next.get(point);
        if (next === undefined) {
          next = advance(state, point);
          if (state.next.size < 512) state.next.set(point, next);
        }
        if (next === true) return true;
        state = next;
        i += point > 0xffff ? 2 : 1;
      }
      return false;
    },
  };
}

interface Thread {
  readonly at: number;
  readonly start: number;
}

function find(steps: readonly Step[], text: string, from: number): Match | undefined {
  let threads: readonly Thread[] = [];
  let best: Match | undefined;
  let before = from === 0 ? NONE : (text.codePointAt(from - 1) ?? 0);
  for (let i = from; i <= text.length; ) {
    const point = i === text.length ? NONE : (text.codePointAt(i) ?? 0);
    const width = point > 0xffff ? 2 : 1;
    const seen = new Set<number>();
    const next: Thread[] = [];
    const all = best ? threads : [...threads, { at: 0, start: i }];
    let isDone = false;
    for (const { at, start } of all) {
      const ready: number[] = [];
      follow(steps, at, before, point, seen, ready);
      for (const place of ready) {
        const step = steps[place];
        if (step?.op === 'match') {
          best = { start, end: i };
          isDone = true; // what is preferred less is not followed any further
          break;
        }
        if (step?.op === 'char' && point !== NONE && step.test(point)) next.push({ at: place + 1, start });
      }
      if (isDone) break;
    }
    threads = next;
    if (best && threads.length === 0) return best;
    before = point;
    i += width;
  }
  return best;
}
