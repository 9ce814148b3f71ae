/** From tokens to an expression, by the grammar of the language: one function for each level of precedence. */
import { createNodeFactory, type Expr, type Literal, type MapEntry, type NodeFactory } from './ast.ts';
import type { Issue } from './issues.ts';
import { type Token, tokenize } from './lexer.ts';
import { expandMacro, MacroProblem } from './macros.ts';

export type Parsed = { readonly expr: Expr } | { readonly issues: readonly Issue[] };

const MAX_DEPTH = 250;
const MAX_CHARS = 100_000;

const RESERVED = new Set(
  'as break const continue else for function if import let loop package namespace return var void while'.split(' '),
);

const EXPRESSION =
  "{'[', '{', '(', '.', '-', '!', 'true', 'false', 'null', NUM_FLOAT, NUM_INT, NUM_UINT, STRING, BYTES, IDENTIFIER}";

/** Ends the parsing; carries where and why. */
class SyntaxProblem extends Error {
  readonly at: number;

  constructor(at: number, message: string) {
    super(message);
    this.at = at;
  }
}

export function parse(source: string): Parsed {
  const size = Array.from(source).length;
  if (size > MAX_CHARS) {
    return {
      issues: [{ at: 0, message: `expression code point size exceeds limit: size: ${size}, limit ${MAX_CHARS}` }],
    };
  }
  const { tokens, issues } = tokenize(source);
  if (issues.length > 0) return { issues };
  const found: Issue[] = [];
  const state: State = { tokens, position: 0, depth: 0, issues: found, make: createNodeFactory() };
  try {
    const expr = expression(state);
    const rest = peek(state);
    if (rest.type !== 'end') {
      throw new SyntaxProblem(rest.at, `Syntax error: extraneous input '${rest.text}' expecting <EOF>`);
    }
    return found.length > 0 ? { issues: found } : { expr };
  } catch (error) {
    if (!(error instanceof SyntaxProblem)) throw error;
    return { issues: [...found, { at: error.at, message: error.message }] };
  }
}

interface State {
  readonly tokens: readonly Token[];
  position: number;
  depth: number;
  /** Faults that do not end the parsing. */
  readonly issues: Issue[];
  readonly make: NodeFactory;
}

const END: Token = { type: 'end', text: '<EOF>', at: 0 };
const peek = (state: State): Token => state.tokens[state.position] ?? state.tokens.at(-1) ?? END;

function next(state: State): Token {
  const token = peek(state);
  state.position++;
  return token;
}

/** Takes the token if it is one of these symbols. */
function take(state: State, ...symbols: readonly string[]): Token | undefined {
  const token = peek(state);
  return token.type === 'symbol' && symbols.includes(token.text) ? next(state) : undefined;
}

function expect(state: State, symbol: string): Token {
  const token = peek(state);
  const found = take(state, symbol);
  if (!found) {
    throw new SyntaxProblem(token.at, `Syntax error: mismatched input '${token.text}' expecting '${symbol}'`);
  }
  return found;
}

function expression(state: State): Expr {
  state.depth++;
  if (state.depth > MAX_DEPTH) throw new SyntaxProblem(0, 'max recursion depth exceeded');
  const condition = logical(state, 0);
  const question = take(state, '?');
  let result = condition;
  if (question) {
    const whenTrue = logical(state, 0);
    expect(state, ':');
    result = state.make.call(question.at, '_?_:_', [condition, whenTrue, expression(state)]);
  }
  state.depth--;
  return result;
}

const LOGICAL = ['||', '&&'] as const;

/**
 * `a || b || c` becomes a balanced tree, so that a long chain is not a deep one. The operators keep their order.
 */
function logical(state: State, level: number): Expr {
  const symbol = LOGICAL[level];
  if (symbol === undefined) return relation(state);
  const terms = [logical(state, level + 1)];
  const places: number[] = [];
  for (let found = take(state, symbol); found; found = take(state, symbol)) {
    places.push(found.at);
    terms.push(logical(state, level + 1));
  }
  const balance = (from: number, to: number): Expr => {
    if (from === to) return terms[from] as Expr;
    const middle = Math.floor((from + to + 1) / 2) - 1;
    return state.make.call(places[middle] ?? 0, `_${symbol}_`, [balance(from, middle), balance(middle + 1, to)]);
  };
  return balance(0, terms.length - 1);
}

function relation(state: State): Expr {
  let left = binary(state, 0);
  for (;;) {
    const symbol = take(state, '<', '<=', '>=', '>', '==', '!=', 'in');
    if (!symbol) return left;
    const name = symbol.text === 'in' ? '@in' : `_${symbol.text}_`;
    left = state.make.call(symbol.at, name, [left, binary(state, 0)]);
  }
}

const BINARY = [
  ['+', '-'],
  ['*', '/', '%'],
] as const;

function binary(state: State, level: number): Expr {
  const symbols = BINARY[level];
  if (symbols === undefined) return unary(state);
  let left = binary(state, level + 1);
  for (let found = take(state, ...symbols); found; found = take(state, ...symbols)) {
    left = state.make.call(found.at, `_${found.text}_`, [left, binary(state, level + 1)]);
  }
  return left;
}

function unary(state: State): Expr {
  const first = take(state, '!', '-');
  if (!first) return member(state);
  let count = 1;
  while (take(state, first.text)) count++;
  const literal = peek(state);
  if (first.text === '-' && count === 1 && literal.type === 'literal') {
    const { value } = literal;
    if (typeof value === 'bigint' || typeof value === 'number') {
      next(state);
      return suffixes(state, state.make.literal(first.at, -value));
    }
  }
  const operand = member(state);
  if (count % 2 === 0) return operand;
  return state.make.call(first.at, first.text === '!' ? '!_' : '-_', [operand]);
}

function member(state: State): Expr {
  return suffixes(state, primary(state));
}

function suffixes(state: State, start: Expr): Expr {
  const { make } = state;
  let expr = start;
  for (let links = 0; ; links++) {
    if (links > MAX_DEPTH) throw new SyntaxProblem(0, 'max recursion depth exceeded');
    const bracket = take(state, '[');
    if (bracket) {
      const isOptional = take(state, '?') !== undefined;
      const index = expression(state);
      expect(state, ']');
      expr = make.call(bracket.at, isOptional ? '_[?_]' : '_[_]', [expr, index]);
      continue;
    }
    const dot = take(state, '.');
    if (!dot) return expr;
    const isOptional = take(state, '?') !== undefined;
    const name = next(state);
    if (name.type !== 'ident') {
      const wanted = isOptional || name.type === 'end' ? 'IDENTIFIER' : "{'?', IDENTIFIER, ESC_IDENTIFIER}";
      throw new SyntaxProblem(
        name.at,
        name.type === 'end'
          ? `Syntax error: no viable alternative at input '.'`
          : `Syntax error: mismatched input '${name.text}' expecting ${wanted}`,
      );
    }
    if (isOptional) {
      expr = make.call(dot.at, '_?._', [expr, make.literal(name.at, name.text)]);
      continue;
    }
    const open = take(state, '(');
    expr = open ? call(state, open.at, name.text, expr) : make.select(dot.at, expr, name.text);
  }
}

function call(state: State, at: number, name: string, target: Expr | undefined): Expr {
  const args: Expr[] = [];
  while (!take(state, ')')) {
    if (args.length > 0) {
      expect(state, ',');
      if (peek(state).text === ')') throw unexpected(state);
    }
    args.push(expression(state));
  }
  try {
    return expandMacro(state.make, at, name, target, args) ?? state.make.call(at, name, args, target);
  } catch (error) {
    if (!(error instanceof MacroProblem)) throw error;
    state.issues.push({ at: error.at, message: error.message });
    return state.make.literal(at, null);
  }
}

function unexpected(state: State): SyntaxProblem {
  const token = peek(state);
  return new SyntaxProblem(token.at, `Syntax error: mismatched input '${token.text}' expecting ${EXPRESSION}`);
}

function primary(state: State): Expr {
  const { make } = state;
  const token = peek(state);
  if (token.type === 'literal') {
    next(state);
    if (token.value === 2n ** 63n) state.issues.push({ at: token.at, message: 'invalid int literal' });
    return make.literal(token.at, token.value as Literal);
  }
  const dot = take(state, '.');
  if (peek(state).type === 'ident') return named(state, dot !== undefined);
  if (dot) throw unexpected(state);
  const open = take(state, '(', '[', '{');
  if (!open) throw unexpected(state);
  if (open.text === '[') return list(state, open.at);
  if (open.text === '{') return make.map(open.at, entries(state));
  const inner = expression(state);
  expect(state, ')');
  return inner;
}

function named(state: State, isRooted: boolean): Expr {
  const { make } = state;
  const word = next(state);
  if (RESERVED.has(word.text)) {
    state.issues.push({ at: word.at, message: `reserved identifier: ${word.text}` });
  }
  const name = `${isRooted ? '.' : ''}${word.text}`;
  const open = take(state, '(');
  if (open) return call(state, open.at, name, undefined);
  const message = messageName(state, name);
  if (message === undefined) return make.ident(word.at, name);
  const brace = expect(state, '{');
  fields(state);
  return make.message(brace.at, message);
}

/** `a.b.C` before `{`: a message, not a selection. */
function messageName(state: State, first: string): string | undefined {
  let name = first;
  let ahead = state.position;
  const at = (i: number): Token | undefined => state.tokens[i];
  while (at(ahead)?.text === '.' && at(ahead + 1)?.type === 'ident') {
    name += `.${at(ahead + 1)?.text ?? ''}`;
    ahead += 2;
  }
  if (at(ahead)?.text !== '{') return undefined;
  state.position = ahead;
  return name;
}

function fields(state: State): void {
  while (!take(state, '}')) {
    take(state, '?');
    const name = next(state);
    if (name.type !== 'ident') throw new SyntaxProblem(name.at, `Syntax error: extraneous input '${name.text}'`);
    expect(state, ':');
    expression(state);
    if (!take(state, ',')) {
      expect(state, '}');
      return;
    }
  }
}

function list(state: State, at: number): Expr {
  const elements: Expr[] = [];
  const optional = new Set<number>();
  while (!take(state, ']')) {
    if (take(state, '?')) optional.add(elements.length);
    elements.push(expression(state));
    if (!take(state, ',')) {
      expect(state, ']');
      break;
    }
  }
  return state.make.list(at, elements, optional);
}

function entries(state: State): readonly MapEntry[] {
  const found: MapEntry[] = [];
  while (!take(state, '}')) {
    const isOptional = take(state, '?') !== undefined;
    const key = expression(state);
    expect(state, ':');
    found.push({ key, value: expression(state), isOptional });
    if (!take(state, ',')) {
      expect(state, '}');
      break;
    }
  }
  return found;
}
