/** The macros: calls that become loops and tests before anything is checked. */
import { ACCUMULATOR, type Expr, type NodeFactory } from './ast.ts';

/** A macro was meant, but not written right. */
export class MacroProblem extends Error {
  readonly at: number;

  constructor(at: number, message: string) {
    super(message);
    this.at = at;
  }
}

const RESERVED_NAMES = new Set([ACCUMULATOR, '__result__']);

/** The expanded macro; undefined where the call is none. Throws a `MacroProblem`. */
export function expandMacro(
  make: NodeFactory,
  at: number,
  name: string,
  target: Expr | undefined,
  args: readonly Expr[],
): Expr | undefined {
  if (!target) return name === 'has' && args.length === 1 ? has(make, at, args[0] as Expr) : undefined;
  const [first, second, third, fourth] = args;
  if (!first || !second) return undefined;
  switch (`${name}/${args.length}`) {
    case 'all/2':
    case 'exists/2':
      return quantifier(make, at, name, target, [variable(first)], second);
    case 'exists_one/2':
    case 'existsOne/2':
      return existsOne(make, at, target, [variable(first)], second);
    case 'map/2':
      return toList(make, at, target, [variable(first)], undefined, second);
    case 'map/3':
      return toList(make, at, target, [variable(first)], second, third as Expr);
    case 'filter/2':
      return toList(make, at, target, [variable(first)], second, make.ident(at, variable(first)));
    case 'all/3':
    case 'exists/3':
      return quantifier(make, at, name, target, pair(first, second), third as Expr);
    case 'exists_one/3':
    case 'existsOne/3':
      return existsOne(make, at, target, pair(first, second), third as Expr);
    case 'transformList/3':
      return toList(make, at, target, pair(first, second), undefined, third as Expr);
    case 'transformList/4':
      return toList(make, at, target, pair(first, second), third, fourth as Expr);
    case 'transformMap/3':
    case 'transformMap/4':
    case 'transformMapEntry/3':
    case 'transformMapEntry/4':
      return toMap(make, at, name, target, pair(first, second), fourth ? third : undefined, fourth ?? (third as Expr));
    case 'optMap/2':
    case 'optFlatMap/2':
      return optional(make, at, name, target, variable(first), second);
    default:
      return undefined;
  }
}

function has(make: NodeFactory, at: number, arg: Expr): Expr {
  if (arg.kind === 'select' && !arg.isTest) return make.select(at, arg.operand, arg.field, true);
  throw new MacroProblem(arg.at, 'invalid argument to has() macro');
}

function variable(expr: Expr): string {
  if (expr.kind !== 'ident' || expr.name.startsWith('.')) {
    throw new MacroProblem(expr.at, 'argument must be a simple name');
  }
  if (RESERVED_NAMES.has(expr.name)) {
    throw new MacroProblem(expr.at, 'iteration variable overwrites accumulator variable');
  }
  return expr.name;
}

type Names = readonly [string] | readonly [string, string];

function pair(first: Expr, second: Expr): Names {
  const names = [variable(first), variable(second)] as const;
  if (names[0] === names[1]) throw new MacroProblem(second.at, `duplicate variable name: ${names[0]}`);
  return names;
}

function loop(
  make: NodeFactory,
  at: number,
  range: Expr,
  names: Names,
  parts: { readonly init: Expr; readonly condition?: Expr; readonly step: Expr; readonly result?: Expr },
): Expr {
  return make.loop(at, {
    range,
    item: names[0],
    item2: names[1],
    accumulator: ACCUMULATOR,
    init: parts.init,
    condition: parts.condition ?? make.literal(at, true),
    step: parts.step,
    result: parts.result ?? make.ident(at, ACCUMULATOR),
  });
}

function quantifier(make: NodeFactory, at: number, name: string, range: Expr, names: Names, predicate: Expr): Expr {
  const isAll = name === 'all';
  const so = make.ident(at, ACCUMULATOR);
  const going = isAll ? so : make.call(at, '!_', [so]);
  return loop(make, at, range, names, {
    init: make.literal(at, isAll),
    condition: make.call(at, '@not_strictly_false', [going]),
    step: make.call(at, isAll ? '_&&_' : '_||_', [make.ident(at, ACCUMULATOR), predicate]),
  });
}

function existsOne(make: NodeFactory, at: number, range: Expr, names: Names, predicate: Expr): Expr {
  const count = (): Expr => make.ident(at, ACCUMULATOR);
  return loop(make, at, range, names, {
    init: make.literal(at, 0n),
    step: make.call(at, '_?_:_', [predicate, make.call(at, '_+_', [count(), make.literal(at, 1n)]), count()]),
    result: make.call(at, '_==_', [count(), make.literal(at, 1n)]),
  });
}

/** Keeps the accumulator where a filter says no. */
function filtered(make: NodeFactory, at: number, filter: Expr | undefined, step: Expr): Expr {
  return filter ? make.call(at, '_?_:_', [filter, step, make.ident(at, ACCUMULATOR)]) : step;
}

function toList(
  make: NodeFactory,
  at: number,
  range: Expr,
  names: Names,
  filter: Expr | undefined,
  transform: Expr,
): Expr {
  const step = make.call(at, '_+_', [make.ident(at, ACCUMULATOR), make.list(at, [transform])]);
  return loop(make, at, range, names, { init: make.list(at, []), step: filtered(make, at, filter, step) });
}

function toMap(
  make: NodeFactory,
  at: number,
  name: string,
  range: Expr,
  names: Names,
  filter: Expr | undefined,
  transform: Expr,
): Expr {
  const key = name === 'transformMap' ? [make.ident(at, names[0])] : [];
  const step = make.call(at, 'cel.@mapInsert', [make.ident(at, ACCUMULATOR), ...key, transform]);
  return loop(make, at, range, names, { init: make.map(at, []), step: filtered(make, at, filter, step) });
}

/** `o.optMap(v, e)`: `o.hasValue() ? optional.of(e with v = o.value()) : optional.none()`. */
function optional(make: NodeFactory, at: number, name: string, target: Expr, item: string, transform: Expr): Expr {
  const bound = make.loop(at, {
    range: make.list(at, []),
    item: '#unused',
    item2: undefined,
    accumulator: item,
    init: make.call(at, 'value', [], target),
    condition: make.literal(at, false),
    step: make.ident(at, item),
    result: transform,
  });
  const whenPresent = name === 'optMap' ? make.call(at, 'optional.of', [bound]) : bound;
  return make.call(at, '_?_:_', [
    make.call(at, 'hasValue', [], target),
    whenPresent,
    make.call(at, 'optional.none', []),
  ]);
}
