/**
 * Finds the type of every part of an expression, and what is wrong with it, before it is ever run.
 *
 * A part whose type cannot be told before is `dyn`; it is judged when it runs.
 */
import { type CallNode, type Expr, type Literal, type LoopNode, qualifiedName, type SelectNode } from './ast.ts';
import { functionDeclarations, type Overload, typeNames } from './declarations.ts';
import type { Issue } from './issues.ts';
import {
  assign,
  assignAll,
  type Bindings,
  BOOL,
  BYTES,
  type CelType,
  DOUBLE,
  DYN,
  ERROR,
  INT,
  listOf,
  mapOf,
  mostGeneral,
  NULL,
  optionalOf,
  paramsOf,
  STRING,
  sameType,
  substitute,
  typeParam,
  typeText,
  UINT,
  unwrapOptional,
} from './types.ts';

export interface Checked {
  readonly expr: Expr;
  readonly type: CelType;
  readonly types: ReadonlyMap<number, CelType>;
  /** The overloads that a call may turn out to be, by the id of the call. */
  readonly overloads: ReadonlyMap<number, readonly string[]>;
  /** Parts that spell a variable or a type by a dotted name, by id. */
  readonly names: ReadonlyMap<number, string>;
  /** Calls such as `optional.of(x)`, whose target is part of the function's name: the whole name by id. */
  readonly functions: ReadonlyMap<number, string>;
  readonly usesVariable: (name: string) => boolean;
  readonly issues: readonly Issue[];
}

interface Walk {
  readonly variables: ReadonlyMap<string, CelType>;
  readonly types: Map<number, CelType>;
  readonly overloads: Map<number, readonly string[]>;
  readonly names: Map<number, string>;
  readonly functions: Map<number, string>;
  readonly issues: Issue[];
  /** Lists whose items may be of any types: the arguments of `format`. */
  readonly mixed: Set<number>;
  scopes: readonly ReadonlyMap<string, CelType>[];
  bindings: Bindings;
  freshTypes: number;
}

export function check(expr: Expr, variables: ReadonlyMap<string, CelType>): Checked {
  const walk: Walk = {
    variables,
    types: new Map(),
    overloads: new Map(),
    names: new Map(),
    functions: new Map(),
    issues: [],
    mixed: new Set(),
    scopes: [],
    bindings: new Map(),
    freshTypes: 0,
  };
  visit(expr, walk);
  for (const [id, type] of walk.types) walk.types.set(id, substitute(walk.bindings, type, true));
  const used = new Set(walk.names.values());
  return {
    expr,
    type: walk.types.get(expr.id) ?? ERROR,
    types: walk.types,
    overloads: walk.overloads,
    names: walk.names,
    functions: walk.functions,
    usesVariable: (name) => used.has(name),
    issues: walk.issues,
  };
}

const typeAt = (expr: Expr, walk: Walk): CelType => walk.types.get(expr.id) ?? ERROR;

function fresh(walk: Walk): CelType {
  return typeParam(`_var${walk.freshTypes++}`);
}

function assignable(walk: Walk, given: CelType, wanted: CelType): boolean {
  const bindings = assign(walk.bindings, given, wanted);
  if (bindings) walk.bindings = bindings;
  return bindings !== undefined;
}

function complain(walk: Walk, expr: Expr, message: string): CelType {
  walk.issues.push({ at: expr.at, message });
  return ERROR;
}

const mismatch = (walk: Walk, expr: Expr, wanted: CelType, found: CelType): CelType =>
  complain(walk, expr, `expected type '${typeText(wanted)}' but found '${typeText(found)}'`);

const undeclared = (walk: Walk, expr: Expr, name: string): CelType =>
  complain(walk, expr, `undeclared reference to '${name}' (in container '')`);

/** Macros use a part twice; it has one type, and a chain of them must not take twice as long with each link. */
function visit(expr: Expr, walk: Walk): void {
  if (walk.types.has(expr.id)) return;
  walk.types.set(expr.id, typeOf(expr, walk));
}

function typeOf(expr: Expr, walk: Walk): CelType {
  switch (expr.kind) {
    case 'literal':
      return literalType(expr.value);
    case 'ident':
      return lookUp(walk, expr, expr.name) ?? undeclared(walk, expr, expr.name);
    case 'select':
      return select(expr, walk);
    case 'call':
      return call(expr, walk);
    case 'list': {
      let item: CelType | undefined;
      expr.elements.forEach((element, i) => {
        visit(element, walk);
        const type = entryType(walk, element, expr.optional.has(i));
        item = walk.mixed.has(expr.id) ? DYN : join(walk, element, item, type);
      });
      return listOf(item ?? fresh(walk));
    }
    case 'map': {
      let key: CelType | undefined;
      let value: CelType | undefined;
      for (const entry of expr.entries) {
        visit(entry.key, walk);
        key = join(walk, entry.key, key, typeAt(entry.key, walk));
        visit(entry.value, walk);
        value = join(walk, entry.value, value, entryType(walk, entry.value, entry.isOptional));
      }
      return mapOf(key ?? fresh(walk), value ?? fresh(walk));
    }
    case 'message':
      return undeclared(walk, expr, expr.name);
    case 'loop':
      return loop(expr, walk);
  }
}

function literalType(value: Literal): CelType {
  if (typeof value === 'boolean') return BOOL;
  if (typeof value === 'bigint') return INT;
  if (typeof value === 'number') return DOUBLE;
  if (typeof value === 'string') return STRING;
  if (value === null) return NULL;
  return value.tag === 'uint' ? UINT : BYTES;
}

/** The type of a variable, or of a name of a type; notes that the name was used. */
function lookUp(walk: Walk, expr: Expr, written: string): CelType | undefined {
  const isRooted = written.startsWith('.');
  const name = isRooted ? written.slice(1) : written;
  for (const scope of isRooted ? [] : walk.scopes.toReversed()) {
    const local = scope.get(name);
    if (local) return local;
  }
  const variable = walk.variables.get(name);
  const type = variable ?? typeNames.get(name);
  if (type === undefined) return undefined;
  walk.names.set(expr.id, name);
  return variable ?? { kind: 'type', params: [type] };
}

function select(expr: SelectNode, walk: Walk): CelType {
  const name = qualifiedName(expr);
  const isLocal = name !== undefined && walk.scopes.some((scope) => scope.has(name.split('.')[0] ?? ''));
  const whole = name === undefined || isLocal ? undefined : lookUp(walk, expr, name);
  if (whole) return whole;
  const type = field(expr, expr.operand, expr.field, walk);
  return expr.isTest ? BOOL : substitute(walk.bindings, type, false);
}

function field(at: Expr, operand: Expr, name: string, walk: Walk): CelType {
  visit(operand, walk);
  const { type, isOptional } = unwrapOptional(substitute(walk.bindings, typeAt(operand, walk), false));
  const found = fieldOf(at, type, name, walk);
  return isOptional ? optionalOf(found) : found;
}

function fieldOf(at: Expr, type: CelType, name: string, walk: Walk): CelType {
  switch (type.kind) {
    case 'map':
      return type.params[1];
    case 'object':
      return type.fields.get(name) ?? complain(walk, at, `undefined field '${name}'`);
    case 'param':
      assignable(walk, DYN, type);
      return DYN;
    case 'dyn':
    case 'error':
      return DYN;
    case 'bool':
    case 'int':
    case 'uint':
    case 'double':
    case 'string':
    case 'bytes':
    case 'null':
    case 'duration':
    case 'timestamp':
    case 'list':
    case 'type':
    case 'opaque':
      complain(walk, at, `type '${typeText(type)}' does not support field selection`);
      return DYN;
  }
}

function call(expr: CallNode, walk: Walk): CelType {
  if (expr.name === '_?._') {
    const [operand, name] = expr.args;
    if (!operand || name?.kind !== 'literal' || typeof name.value !== 'string') return ERROR;
    walk.overloads.set(expr.id, ['select_optional_field']);
    const { type } = unwrapOptional(field(expr, operand, name.value, walk));
    return substitute(walk.bindings, optionalOf(type), false);
  }
  const { target } = expr;
  if (target && expr.name === 'format' && expr.args[0]) walk.mixed.add(expr.args[0].id);
  for (const arg of expr.args) visit(arg, walk);
  if (!target) {
    const name = expr.name.replace(/^\./, '');
    return resolve(expr, name, undefined, walk);
  }
  const prefix = qualifiedName(target);
  const whole = prefix === undefined ? undefined : `${prefix}.${expr.name}`;
  if (whole !== undefined && functionDeclarations.has(whole)) {
    walk.functions.set(expr.id, whole);
    return resolve(expr, whole, undefined, walk);
  }
  visit(target, walk);
  return resolve(expr, expr.name, target, walk);
}

function resolve(expr: CallNode, name: string, target: Expr | undefined, walk: Walk): CelType {
  const declared = functionDeclarations.get(name);
  if (!declared) return undeclared(walk, expr, name);
  const given = [...(target ? [target] : []), ...expr.args].map((arg) => typeAt(arg, walk));
  if (name === '_&&_' || name === '_||_') return logic(expr, declared, given, walk);
  const fitting: string[] = [];
  let result: CelType | undefined;
  for (const overload of declared) {
    if (overload.isMember !== (target !== undefined)) continue;
    const { args, result: type } = instantiate(overload, walk);
    const bindings = assignAll(walk.bindings, given, args);
    if (!bindings) continue;
    walk.bindings = bindings;
    fitting.push(overload.id);
    const found = substitute(bindings, type, false);
    if (result === undefined) result = found;
    else if (result.kind !== 'dyn' && !sameType(found, result)) result = DYN;
  }
  if (result === undefined) {
    const texts = given.map((type) => typeText(substitute(walk.bindings, type, true)));
    const receiver = target ? `${texts.shift() ?? ''}.` : '';
    return complain(
      walk,
      expr,
      `found no matching overload for '${name}' applied to '${receiver}(${texts.join(', ')})'`,
    );
  }
  walk.overloads.set(expr.id, fitting);
  return result;
}

function logic(expr: CallNode, declared: readonly Overload[], given: readonly CelType[], walk: Walk): CelType {
  walk.overloads.set(
    expr.id,
    declared.map(({ id }) => id),
  );
  let isRight = true;
  given.forEach((type, i) => {
    if (assignable(walk, type, BOOL)) return;
    mismatch(walk, expr.args[i] as Expr, BOOL, type);
    isRight = false;
  });
  return isRight ? BOOL : ERROR;
}

/** The overload with type parameters of its own, so that two calls do not share theirs. */
function instantiate(overload: Overload, walk: Walk): Pick<Overload, 'args' | 'result'> {
  const own = new Map<string, CelType>();
  const collect = (type: CelType): void => {
    if (type.kind === 'param' && !own.has(type.name)) own.set(type.name, fresh(walk));
    for (const inner of paramsOf(type)) collect(inner);
  };
  for (const type of [...overload.args, overload.result]) collect(type);
  if (own.size === 0) return overload;
  return {
    args: overload.args.map((type) => substitute(own, type, false)),
    result: substitute(own, overload.result, false),
  };
}

function entryType(walk: Walk, value: Expr, isMarked: boolean): CelType {
  const type = typeAt(value, walk);
  if (!isMarked) return type;
  const inner = unwrapOptional(type);
  if (!inner.isOptional && type.kind !== 'dyn') mismatch(walk, value, optionalOf(type), type);
  return inner.type;
}

/** All items of a list have one type. */
function join(walk: Walk, at: Expr, before: CelType | undefined, now: CelType): CelType {
  if (before === undefined) return now;
  if (assignable(walk, before, now)) return mostGeneral(before, now);
  return mismatch(walk, at, before, now);
}

function loop(expr: LoopNode, walk: Walk): CelType {
  visit(expr.range, walk);
  visit(expr.init, walk);
  const range = substitute(walk.bindings, typeAt(expr.range, walk), false);
  const accumulated = typeAt(expr.init, walk);
  const outer = walk.scopes;
  walk.scopes = [...outer, new Map([[expr.accumulator, accumulated]])];
  const inner = walk.scopes;
  const [first, second] = itemTypes(expr, range, walk);
  walk.scopes = [...inner, new Map([[expr.item, first], ...(expr.item2 ? ([[expr.item2, second]] as const) : [])])];
  visit(expr.condition, walk);
  wants(walk, expr.condition, BOOL);
  visit(expr.step, walk);
  wants(walk, expr.step, accumulated);
  walk.scopes = inner;
  visit(expr.result, walk);
  walk.scopes = outer;
  return substitute(walk.bindings, typeAt(expr.result, walk), false);
}

function wants(walk: Walk, expr: Expr, type: CelType): void {
  if (!assignable(walk, type, typeAt(expr, walk))) mismatch(walk, expr, type, typeAt(expr, walk));
}

/** The types of the loop's variables. */
function itemTypes(expr: LoopNode, range: CelType, walk: Walk): readonly [CelType, CelType] {
  const isPair = expr.item2 !== undefined;
  switch (range.kind) {
    case 'list':
      return isPair ? [INT, range.params[0]] : [range.params[0], DYN];
    case 'map':
      return [range.params[0], range.params[1]];
    case 'dyn':
    case 'error':
    case 'param':
      assignable(walk, DYN, range);
      return [DYN, DYN];
    case 'bool':
    case 'int':
    case 'uint':
    case 'double':
    case 'string':
    case 'bytes':
    case 'null':
    case 'duration':
    case 'timestamp':
    case 'object':
    case 'type':
    case 'opaque':
      complain(
        walk,
        expr.range,
        `expression of type '${typeText(range)}' cannot be range of a comprehension (must be list, map, or dynamic)`,
      );
      return [ERROR, ERROR];
  }
}
