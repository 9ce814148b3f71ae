/** From the text of an expression to one that can be run, or to what is wrong with it. */

import { isRegex } from '../regex/regex.ts';
import type { Expr } from './ast.ts';
import { type Checked, check } from './checker.ts';
import { functionDeclarations } from './declarations.ts';
import { type Issue, showIssues } from './issues.ts';
import { parse } from './parser.ts';
import { parseDuration, parseTimestamp } from './time.ts';
import type { CelType } from './types.ts';

export type Compiled = { readonly checked: Checked } | { readonly problem: string };

/** `variables`: what the expression may name, and of which type. */
export function compile(source: string, variables: ReadonlyMap<string, CelType>): Compiled {
  const parsed = parse(source);
  if ('issues' in parsed) return { problem: showIssues(source, parsed.issues) };
  const checked = check(parsed.expr, variables);
  if (checked.issues.length > 0) return { problem: showIssues(source, checked.issues) };
  const wrong: Issue[] = [];
  checkLiterals(parsed.expr, wrong, new Set());
  return wrong.length > 0 ? { problem: showIssues(source, wrong) } : { checked };
}

const literalChecks: Readonly<Record<string, (text: string) => boolean>> = {
  duration: (text) => parseDuration(text) !== undefined,
  timestamp: (text) => parseTimestamp(text) !== undefined,
};

/** Constants that can never be what they are used for. */
function checkLiterals(expr: Expr, wrong: Issue[], seen: Set<number>): void {
  if (seen.has(expr.id)) return;
  seen.add(expr.id);
  if (expr.kind === 'call' && functionDeclarations.has(expr.name)) {
    const [argument] = expr.args;
    const text = argument?.kind === 'literal' && typeof argument.value === 'string' ? argument.value : undefined;
    const test = expr.target ? undefined : literalChecks[expr.name];
    const pattern = expr.name === 'matches' ? (expr.target ? argument : expr.args[1]) : undefined;
    if (argument && text !== undefined && test && !test(text)) {
      wrong.push({ at: argument.at, message: `invalid ${expr.name} argument` });
    }
    if (pattern?.kind === 'literal' && typeof pattern.value === 'string' && !isRegex(pattern.value)) {
      wrong.push({ at: pattern.at, message: 'invalid matches argument' });
    }
  }
  for (const part of partsOf(expr)) checkLiterals(part, wrong, seen);
}

function partsOf(expr: Expr): readonly Expr[] {
  switch (expr.kind) {
    case 'literal':
    case 'ident':
    case 'message':
      return [];
    case 'select':
      return [expr.operand];
    case 'call':
      return [...(expr.target ? [expr.target] : []), ...expr.args];
    case 'list':
      return expr.elements;
    case 'map':
      return expr.entries.flatMap(({ key, value }) => [key, value]);
    case 'loop':
      return [expr.range, expr.init, expr.condition, expr.step, expr.result];
  }
}
