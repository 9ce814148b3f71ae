/**
 * Runs a checked expression.
 *
 * - E1 Nothing outlives its meter: every step charges it, and it ends the run when the limit is passed.
 * - E2 Evaluation has no effect but its answer; the values that it was given are not changed.
 * - E3 An error ends the run, save inside of `&&` and `||` (and so of `all` and `exists`), where the other side may
 *   decide alone; then the error is as if it had not been.
 */
import type { CallNode, Expr, Literal, LoopNode } from './ast.ts';
import { callCost, LIST_COST, MAP_COST } from './call-cost.ts';
import type { Checked } from './checker.ts';
import { typeNames } from './declarations.ts';
import { conversions } from './functions/conversions.ts';
import type { CelFunctions } from './functions/function.ts';
import { kinds } from './functions/kinds.ts';
import { lists } from './functions/lists.ts';
import { network } from './functions/network.ts';
import { entryAt, isTagged, operators } from './functions/operators.ts';
import { texts } from './functions/texts.ts';
import type { Meter } from './meter.ts';
import { CelError, type CelMap, type CelValue, itemsOf, list, map, noSuchOverload, typeName } from './values.ts';

const functions: CelFunctions = { ...operators, ...conversions, ...lists, ...network, ...kinds, ...texts };

/** Gives the value of a variable; undefined where it has none. Asked again at each use. */
export type Variables = (name: string) => CelValue | undefined;

interface Scope {
  readonly name: string;
  readonly value: CelValue;
  readonly outer: Scope | undefined;
}

interface Run {
  readonly checked: Checked;
  readonly variables: Variables;
  readonly meter: Meter;
}

/** Throws a `CelError` or a `CostExceeded`. */
export function evaluate(checked: Checked, variables: Variables, meter: Meter): CelValue {
  return run(checked.expr, undefined, { checked, variables, meter });
}

function run(expr: Expr, scope: Scope | undefined, state: Run): CelValue {
  switch (expr.kind) {
    case 'literal':
      return literal(expr.value);
    case 'ident':
      state.meter.charge(1);
      return variable(expr, expr.name.replace(/^\./, ''), scope, state);
    case 'select': {
      const name = state.checked.names.get(expr.id);
      if (name !== undefined) return variable(expr, name, undefined, state);
      const operand = run(expr.operand, scope, state);
      if (!expr.isTest) {
        state.meter.charge(1);
        return field(operand, expr.field);
      }
      return has(operand, expr.field);
    }
    case 'call':
      return call(expr, scope, state);
    case 'list': {
      const items: CelValue[] = [];
      expr.elements.forEach((element, i) => {
        const value = run(element, scope, state);
        if (!expr.optional.has(i)) items.push(value);
        else if (!isTagged(value, 'optional')) throw noSuchOverload();
        else if (value.value !== undefined) items.push(value.value);
      });
      state.meter.charge(isConstant(expr) ? 0 : LIST_COST);
      return list(items);
    }
    case 'map': {
      const entries: (readonly [CelValue, CelValue])[] = [];
      for (const entry of expr.entries) {
        const key = run(entry.key, scope, state);
        const value = run(entry.value, scope, state);
        if (!entry.isOptional) entries.push([key, value]);
        else if (!isTagged(value, 'optional')) throw noSuchOverload();
        else if (value.value !== undefined) entries.push([key, value.value]);
      }
      state.meter.charge(MAP_COST);
      return map(entries);
    }
    case 'message':
      throw noSuchOverload(); // the checker lets none pass
    case 'loop':
      return loop(expr, scope, state);
  }
}

function isConstant(expr: Expr): boolean {
  if (expr.kind === 'list') return expr.elements.length > 0 && expr.elements.every(isConstant);
  return expr.kind === 'literal';
}

function literal(value: Literal): CelValue {
  return value;
}

function variable(expr: Expr, name: string, scope: Scope | undefined, { checked, variables }: Run): CelValue {
  for (let at = scope; at; at = at.outer) if (at.name === name) return at.value;
  const value = variables(name);
  if (value !== undefined) return value;
  if (checked.names.get(expr.id) === name && typeNames.has(name)) return { tag: 'type', name };
  throw new CelError(`no such attribute(s): ${name}`);
}

function field(value: CelValue, name: string): CelValue {
  if (isTagged(value, 'optional')) {
    if (value.value === undefined) return value;
    return { tag: 'optional', value: isTagged(value.value, 'map') ? entryAt(value.value, name) : undefined };
  }
  if (!isTagged(value, 'map')) throw typeof value === 'object' && value !== null ? noSuchOverload() : noSuchKey(name);
  const found = entryAt(value, name);
  if (found === undefined) throw noSuchKey(name);
  return found;
}

const noSuchKey = (name: string): CelError => new CelError(`no such key: ${name}`);

function has(value: CelValue, name: string): boolean {
  const inner = isTagged(value, 'optional') ? value.value : value;
  if (inner === undefined) return false;
  if (!isTagged(inner, 'map')) throw noSuchOverload();
  return entryAt(inner, name) !== undefined;
}

function call(expr: CallNode, scope: Scope | undefined, state: Run): CelValue {
  const { args, target } = expr;
  const [first, second, third] = args;
  const name = state.checked.functions.get(expr.id) ?? expr.name.replace(/^\./, '');
  switch (name) {
    case '_&&_':
      return either(first as Expr, second as Expr, false, scope, state);
    case '_||_':
      return either(first as Expr, second as Expr, true, scope, state);
    case '_?_:_': {
      const condition = run(first as Expr, scope, state);
      if (typeof condition !== 'boolean') throw noSuchOverload();
      return run((condition ? second : third) as Expr, scope, state);
    }
    case '@not_strictly_false':
      return notFalse(first as Expr, scope, state);
    case '_?._':
      return optionalField(first as Expr, second as Expr, scope, state);
    case 'or':
    case 'orValue':
      if (target) return orElse(name, target, first as Expr, scope, state);
      break;
    default:
  }
  const isMember = target !== undefined && !state.checked.functions.has(expr.id);
  const values = [...(isMember ? [target] : []), ...args].map((arg) => run(arg, scope, state));
  const run1 = functions[name];
  if (!run1) throw noSuchOverload();
  for (const value of values) if (typeof value === 'string') state.meter.work(value.length >> 4);
  let result: CelValue;
  try {
    result = run1(values, state.meter);
  } catch (error) {
    if (!(error instanceof CelError) || error.message !== 'no such overload' || name.startsWith('_')) throw error;
    throw new CelError(`no such overload: ${name}(${values.map(typeName).join(', ')})`);
  }
  state.meter.charge(callCost(name, values, result));
  return result;
}

/** `&&` and `||`: `decisive` is the value that decides alone. */
function either(a: Expr, b: Expr, decisive: boolean, scope: Scope | undefined, state: Run): CelValue {
  let failure: CelError | undefined;
  for (const side of [a, b]) {
    try {
      const value = run(side, scope, state);
      if (value === decisive) return decisive;
      if (typeof value !== 'boolean') failure ??= noSuchOverload();
    } catch (error) {
      if (!(error instanceof CelError)) throw error;
      failure ??= error; // E3
    }
  }
  if (failure) throw failure;
  return !decisive;
}

function notFalse(expr: Expr, scope: Scope | undefined, state: Run): CelValue {
  state.meter.charge(1);
  try {
    return run(expr, scope, state) !== false;
  } catch (error) {
    if (!(error instanceof CelError)) throw error;
    return true;
  }
}

function optionalField(operand: Expr, name: Expr, scope: Scope | undefined, state: Run): CelValue {
  const value = run(operand, scope, state);
  state.meter.charge(1);
  const inner = isTagged(value, 'optional') ? value.value : value;
  if (inner === undefined) return { tag: 'optional', value: undefined };
  if (!isTagged(inner, 'map')) throw noSuchOverload();
  const key = name.kind === 'literal' && typeof name.value === 'string' ? name.value : '';
  return { tag: 'optional', value: entryAt(inner, key) };
}

function orElse(name: string, target: Expr, other: Expr, scope: Scope | undefined, state: Run): CelValue {
  const value = run(target, scope, state);
  if (!isTagged(value, 'optional')) throw noSuchOverload();
  if (value.value !== undefined) return name === 'or' ? value : value.value;
  return run(other, scope, state);
}

function loop(expr: LoopNode, scope: Scope | undefined, state: Run): CelValue {
  const range = run(expr.range, scope, state);
  let accumulated: CelValue | CelError;
  accumulated = run(expr.init, scope, state);
  for (const [first, second] of pairsOf(range, expr.item2 !== undefined)) {
    state.meter.work(1);
    const inside = inner(expr, scope, accumulated);
    if (attempt(() => run(expr.condition, inside, state)) === false) break;
    const items: Scope = { name: expr.item, value: first, outer: inside };
    const both = expr.item2 === undefined ? items : { name: expr.item2, value: second, outer: items };
    accumulated = attempt(() => step(expr, both, accumulated, state));
  }
  if (accumulated instanceof CelError) throw accumulated;
  return run(expr.result, { name: expr.accumulator, value: accumulated, outer: scope }, state);
}

/** A step of `all` or `exists` that failed leaves its error in the accumulator: a later step may decide without it. */
function step(expr: LoopNode, scope: Scope, before: CelValue | CelError, state: Run): CelValue {
  if (!(before instanceof CelError)) return run(expr.step, scope, state);
  if (expr.step.kind !== 'call' || (expr.step.name !== '_&&_' && expr.step.name !== '_||_')) throw before;
  const decisive = expr.step.name === '_||_';
  const value = run(expr.step.args[1] as Expr, scope, state);
  if (value === decisive) return value;
  throw before;
}

function attempt<T>(what: () => T): T | CelError {
  try {
    return what();
  } catch (error) {
    if (error instanceof CelError) return error;
    throw error;
  }
}

function inner(expr: LoopNode, scope: Scope | undefined, accumulated: CelValue | CelError): Scope | undefined {
  return accumulated instanceof CelError ? scope : { name: expr.accumulator, value: accumulated, outer: scope };
}

function* pairsOf(range: CelValue, isPair: boolean): Iterable<readonly [CelValue, CelValue]> {
  if (isTagged(range, 'list')) {
    for (const [i, item] of itemsOf(range).entries()) yield isPair ? [BigInt(i), item] : [item, null];
  } else if (isTagged(range, 'map')) {
    yield* [...(range as CelMap).entries.values()];
  } else throw noSuchOverload();
}
