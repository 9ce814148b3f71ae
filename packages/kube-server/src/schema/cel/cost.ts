/**
 * Estimates, before an expression ever runs, the most that it can cost on the largest values that its types allow.
 *
 * Sizes come from the schema (`maxItems`, `maxProperties`, `maxLength`) or, where it sets no bound, from the most that
 * fits into one request. The numbers are those of Kubernetes: a rule that is too expensive there is refused here too.
 * They are compared with its limits only, so that a double's 53 bits are enough.
 */
import type { CallNode, Expr, LoopNode } from './ast.ts';
import { LIST_COST, MAP_COST, PER_CHAR, PER_REGEX_CHAR } from './call-cost.ts';
import type { Checked } from './checker.ts';
import type { Declared } from './declared.ts';
import { type Estimate, libraryCost } from './library-cost.ts';
import { add, exactly, type Range, scaled, times, UNKNOWN, union } from './range.ts';
import { type CelType, ERROR, unwrapOptional } from './types.ts';
import { charCount } from './values.ts';

/** The sizes of the keys and values of a list or map that the expression itself makes. */
interface Entries {
  readonly kind: 'list' | 'map';
  readonly key: Range;
  readonly value: Range;
}

interface Local {
  readonly path: readonly string[] | undefined;
  readonly size: Range | undefined;
  readonly entries: Entries | undefined;
}

interface State {
  readonly checked: Checked;
  readonly roots: ReadonlyMap<string, Declared>;
  /** Where in the declared types a part of the expression is, by its id. */
  readonly paths: Map<number, readonly string[]>;
  readonly sizes: Map<number, Range>;
  readonly entries: Map<number, Entries>;
  readonly locals: Map<string, Local[]>;
  /** Parts that macros use twice are priced once. */
  readonly known: Map<number, Range>;
}

/** `roots`: what is known of the variables' sizes. */
export function estimateCost(checked: Checked, roots: ReadonlyMap<string, Declared>): number {
  const state: State = {
    checked,
    roots,
    paths: new Map(),
    sizes: new Map(),
    entries: new Map(),
    locals: new Map(),
    known: new Map(),
  };
  return cost(checked.expr, state).max;
}

const typeOf = (expr: Expr, state: State): CelType => state.checked.types.get(expr.id) ?? ERROR;

function local(name: string, state: State): Local | undefined {
  return state.locals.get(name)?.at(-1);
}

function push(name: string, value: Local, state: State): void {
  state.locals.set(name, [...(state.locals.get(name) ?? []), value]);
}

function pop(name: string, state: State): void {
  state.locals.get(name)?.pop();
}

function pathOf(expr: Expr, state: State): readonly string[] | undefined {
  if (expr.kind === 'ident') {
    const bound = local(expr.name, state);
    if (bound) return bound.path;
  }
  return state.paths.get(expr.id);
}

function cost(expr: Expr, state: State): Range {
  const found = state.known.get(expr.id) ?? priceOf(expr, state);
  state.known.set(expr.id, found);
  return found;
}

function priceOf(expr: Expr, state: State): Range {
  switch (expr.kind) {
    case 'literal':
      return exactly(0);
    case 'ident': {
      const path = local(expr.name, state)?.path ?? (local(expr.name, state) ? undefined : [expr.name]);
      if (path) state.paths.set(expr.id, path);
      return exactly(1);
    }
    case 'select': {
      if (state.checked.names.has(expr.id)) return exactly(1);
      const operand = cost(expr.operand, state);
      if (expr.isTest) return operand;
      const { kind } = typeOf(expr.operand, state);
      const path = pathOf(expr.operand, state);
      if (path) state.paths.set(expr.id, [...path, expr.field]);
      return kind === 'map' || kind === 'object' || kind === 'param' ? add(operand, exactly(1)) : operand;
    }
    case 'call':
      return callCost(expr, state);
    case 'list': {
      const sum = add(...expr.elements.map((element) => cost(element, state)));
      const sizes = expr.elements.map((element) => sizeOf(element, state) ?? UNKNOWN);
      state.entries.set(expr.id, { kind: 'list', key: exactly(1), value: sizes.reduce(union, sizes[0] ?? exactly(0)) });
      return add(sum, exactly(LIST_COST));
    }
    case 'map': {
      const sum = add(...expr.entries.flatMap(({ key, value }) => [cost(key, state), cost(value, state)]));
      const keys = expr.entries.map(({ key }) => sizeOf(key, state) ?? UNKNOWN);
      const values = expr.entries.map(({ value }) => sizeOf(value, state) ?? UNKNOWN);
      state.entries.set(expr.id, {
        kind: 'map',
        key: keys.reduce(union, keys[0] ?? exactly(0)),
        value: values.reduce(union, values[0] ?? exactly(0)),
      });
      return add(sum, exactly(MAP_COST));
    }
    case 'message':
      return exactly(0);
    case 'loop':
      return isBinding(expr) ? bindingCost(expr, state) : loopCost(expr, state);
  }
}

/** `optMap` is written as a loop that never runs. */
const isBinding = ({ range, condition }: LoopNode): boolean =>
  range.kind === 'list' && range.elements.length === 0 && condition.kind === 'literal' && condition.value === false;

function bindingCost(expr: LoopNode, state: State): Range {
  const before = add(cost(expr.range, state), cost(expr.init, state));
  push(expr.accumulator, localOf(expr.init, state), state);
  const result = cost(expr.result, state);
  pop(expr.accumulator, state);
  keep(expr, sizeOf(expr.result, state), entriesOf(expr.result, state), state);
  return add(before, result);
}

const localOf = (expr: Expr, state: State): Local => ({
  path: pathOf(expr, state),
  size: sizeOf(expr, state),
  entries: entriesOf(expr, state),
});

function keep(expr: Expr, size: Range | undefined, entries: Entries | undefined, state: State): void {
  if (size) state.sizes.set(expr.id, size);
  if (entries) state.entries.set(expr.id, entries);
}

function loopCost(expr: LoopNode, state: State): Range {
  const { range, item, item2 } = expr;
  const before = add(cost(range, state), cost(expr.init, state));
  push(expr.accumulator, localOf(expr.init, state), state);
  const entries = entriesOf(range, state);
  const isList = (entries?.kind ?? typeOf(range, state).kind) === 'list';
  const path = pathOf(range, state);
  const bound = (suffix: string, size: Range | undefined): Local => ({
    path: path && [...path, suffix],
    size,
    entries: undefined,
  });
  if (item2 !== undefined) {
    push(item, bound(isList ? '@indices' : '@keys', entries?.key), state);
    push(item2, bound(isList ? '@items' : '@values', entries?.value), state);
  } else push(item, isList ? bound('@items', entries?.value) : bound('@keys', entries?.key), state);
  const each = add(cost(expr.condition, state), cost(expr.step, state));
  pop(item, state);
  if (item2 !== undefined) pop(item2, state);
  const after = cost(expr.result, state);
  pop(expr.accumulator, state);
  const count = sizeOf(range, state) ?? UNKNOWN;
  if (expr.init.kind === 'literal') keep(expr, sizeOf(expr.init, state), undefined, state);
  else keep(expr, count, entriesOf(expr.step, state), state);
  return add(before, times(count, each), after);
}

function entriesOf(expr: Expr, state: State): Entries | undefined {
  const known = state.entries.get(expr.id);
  if (known) return known;
  return expr.kind === 'ident' ? local(expr.name, state)?.entries : undefined;
}

function sizeOf(expr: Expr, state: State): Range | undefined {
  const known = state.sizes.get(expr.id) ?? ownSize(expr);
  if (known) return known;
  const path = pathOf(expr, state);
  const declared = path && declaredSize(path, state);
  if (declared) return declared;
  const type = typeOf(expr, state);
  if (isScalar(type)) return exactly(1);
  return expr.kind === 'ident' ? local(expr.name, state)?.size : undefined;
}

function ownSize(expr: Expr): Range | undefined {
  switch (expr.kind) {
    case 'literal': {
      const { value } = expr;
      if (typeof value === 'string') return exactly(charCount(value));
      return exactly(typeof value === 'object' && value?.tag === 'bytes' ? value.bytes.length : 1);
    }
    case 'list':
      return exactly(expr.elements.length);
    case 'map':
      return exactly(expr.entries.length);
    case 'ident':
    case 'select':
    case 'call':
    case 'message':
    case 'loop':
      return undefined;
  }
}

function isScalar(type: CelType): boolean {
  const inner = unwrapOptional(type);
  if (inner.isOptional) return isScalar(inner.type);
  return ['bool', 'double', 'duration', 'int', 'timestamp', 'uint'].includes(type.kind);
}

/** The most that the declared type at a path can hold. */
function declaredSize(path: readonly string[], state: State): Range | undefined {
  const [root = '', ...rest] = path;
  // Names that are no variables (of types, say) are taken for the root, as Kubernetes takes them.
  let declared = state.roots.get(root) ?? state.roots.get('self');
  for (const part of rest) {
    if (!declared) return undefined;
    if (part === '@items' || part === '@values') declared = declared.item;
    else if (part === '@keys') declared = declared.key;
    else declared = declared.fields?.get(part);
  }
  return declared && { min: 0, max: declared.maxElements };
}

function callCost(expr: CallNode, state: State): Range {
  const name = state.checked.functions.get(expr.id) ?? expr.name;
  const [first] = expr.args;
  if (name === 'dyn' && first) {
    const own = cost(first, state);
    keep(expr, sizeOf(first, state), entriesOf(first, state), state);
    return add(exactly(1), own);
  }
  const argCosts = expr.args.map((arg) => cost(arg, state));
  const target = state.checked.functions.has(expr.id) ? undefined : expr.target;
  const targetCost = target ? cost(target, state) : exactly(0);
  const overloads = state.checked.overloads.get(expr.id) ?? [];
  if (overloads.length === 0) return exactly(0);
  const estimates = overloads.map((id) => estimate(name, id, target, expr, argCosts, state));
  const total = estimates.map((one) => one.cost).reduce(union);
  let size = estimates
    .flatMap((one) => one.size ?? [])
    .reduce<Range | undefined>((a, b) => (a ? union(a, b) : b), undefined);
  if (first && (overloads.includes('index_list') || overloads.includes('index_map'))) {
    const path = pathOf(first, state);
    if (path) state.paths.set(expr.id, [...path, overloads.includes('index_map') ? '@values' : '@items']);
    size = entriesOf(first, state)?.value;
  }
  const result = size ?? sizeOf(expr, state);
  if (result) state.sizes.set(expr.id, result);
  return add(targetCost, total);
}

function estimate(
  name: string,
  overload: string,
  target: Expr | undefined,
  expr: CallNode,
  argCosts: readonly Range[],
  state: State,
): Estimate {
  const all = add(...argCosts);
  const library = libraryCost(name, overload, target, expr.args, {
    of: (part) => sizeOf(part, state) ?? UNKNOWN,
    ofItems: (list) => {
      const path = pathOf(list, state);
      return (path && declaredSize([...path, '@items'], state)) ?? UNKNOWN;
    },
    typeOf: (part) => typeOf(part, state),
  });
  if (library) return { ...library, cost: add(library.cost, all) };
  const { args } = expr;
  const sizeAt = (i: number): Range => (args[i] ? (sizeOf(args[i], state) ?? UNKNOWN) : UNKNOWN);
  const own = target ? (sizeOf(target, state) ?? UNKNOWN) : UNKNOWN;
  switch (name) {
    case 'bytes':
    case 'string':
      if (overload !== 'string_to_bytes' && overload !== 'bytes_to_string') break;
      return {
        cost: add(scaled(sizeAt(0), PER_CHAR), all),
        size: name === 'bytes' ? times(sizeAt(0), { min: 1, max: 4 }) : { min: sizeAt(0).min / 4, max: sizeAt(0).max },
      };
    case 'strings.quote':
      return {
        cost: add(scaled(sizeAt(0), PER_CHAR), all),
        size: add(times(sizeAt(0), { min: 1, max: 2 }), exactly(2)),
      };
    case 'format':
      return { cost: add(scaled(own, PER_CHAR), all) };
    case 'startsWith':
    case 'endsWith':
      return { cost: add(scaled(sizeAt(0), PER_CHAR), all) };
    case '@in':
      if (overload !== 'in_list') break;
      return { cost: add(sizeAt(1), all) };
    case 'matches': {
      if (!target) break;
      const texts = scaled(add(own, exactly(1)), PER_CHAR);
      return { cost: add(times(texts, scaled(sizeAt(0), PER_REGEX_CHAR)), all) };
    }
    case 'contains':
      return { cost: add(times(scaled(own, PER_CHAR), scaled(sizeAt(0), PER_CHAR)), all) };
    case '_&&_':
    case '_||_':
      return { cost: { min: argCosts[0]?.min ?? 0, max: all.max } };
    case '_?_:_': {
      const [whether = exactly(0), yes = exactly(0), no = exactly(0)] = argCosts;
      const joined = joinEntries(args[1], args[2], state);
      if (joined) state.entries.set(expr.id, joined);
      return { cost: add(whether, union(yes, no)), size: union(sizeAt(1), sizeAt(2)) };
    }
    case '_+_': {
      if (!['add_string', 'add_bytes', 'add_list'].includes(overload)) break;
      const size = add(sizeAt(0), sizeAt(1));
      const joined = joinEntries(args[0], args[1], state);
      if (joined) state.entries.set(expr.id, joined);
      return { cost: add(overload === 'add_list' ? exactly(1) : scaled(size, PER_CHAR), all), size };
    }
    case '_==_':
    case '_!=_':
      return { cost: add(comparison(sizeAt(0), sizeAt(1)), all) };
    case '_<_':
    case '_<=_':
    case '_>_':
    case '_>=_':
      if (!/_(?:string|bytes)$/.test(overload)) break;
      return { cost: add(comparison(sizeAt(0), sizeAt(1)), all) };
    case 'sets.contains':
    case 'sets.intersects':
    case 'sets.equivalent': {
      const each = times(sizeAt(0), sizeAt(1));
      return { cost: add(scaled(each, name === 'sets.equivalent' ? 2 : 1), exactly(1), all) };
    }
    default:
  }
  return { cost: add(exactly(1), all) };
}

function comparison(a: Range, b: Range): Range {
  const max = Math.min(a.max, b.max);
  return scaled({ min: max > 0 ? 1 : 0, max }, PER_CHAR);
}

function joinEntries(a: Expr | undefined, b: Expr | undefined, state: State): Entries | undefined {
  const [left, right] = [a && entriesOf(a, state), b && entriesOf(b, state)];
  if (!left || !right) return undefined;
  return { kind: left.kind, key: union(left.key, right.key), value: union(left.value, right.value) };
}
