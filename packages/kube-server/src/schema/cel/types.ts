/** The types of expressions, and when a value of one may stand where another is wanted. */

export type SimpleKind =
  | 'bool'
  | 'int'
  | 'uint'
  | 'double'
  | 'string'
  | 'bytes'
  | 'null'
  | 'dyn'
  | 'error'
  | 'duration'
  | 'timestamp';

export type CelType =
  | { readonly kind: SimpleKind }
  | { readonly kind: 'list'; readonly params: readonly [CelType] }
  | { readonly kind: 'map'; readonly params: readonly [CelType, CelType] }
  | { readonly kind: 'type'; readonly params: readonly CelType[] }
  /** Types of libraries, such as `optional_type(int)` or `net.IP`. */
  | { readonly kind: 'opaque'; readonly name: string; readonly params: readonly CelType[] }
  /** A thing with fields; two are the same when their names are. */
  | { readonly kind: 'object'; readonly name: string; readonly fields: ReadonlyMap<string, CelType> }
  /** Stands for a type that is not known yet. */
  | { readonly kind: 'param'; readonly name: string };

const simple = (kind: SimpleKind): CelType => ({ kind });

export const BOOL = simple('bool');
export const INT = simple('int');
export const UINT = simple('uint');
export const DOUBLE = simple('double');
export const STRING = simple('string');
export const BYTES = simple('bytes');
export const NULL = simple('null');
export const DYN = simple('dyn');
export const ERROR = simple('error');
export const DURATION = simple('duration');
export const TIMESTAMP = simple('timestamp');

export const listOf = (item: CelType): CelType => ({ kind: 'list', params: [item] });
export const mapOf = (key: CelType, value: CelType): CelType => ({ kind: 'map', params: [key, value] });
export const opaque = (name: string, ...params: readonly CelType[]): CelType => ({ kind: 'opaque', name, params });
export const objectType = (name: string, fields: ReadonlyMap<string, CelType> = new Map()): CelType => ({
  kind: 'object',
  name,
  fields,
});
export const optionalOf = (type: CelType): CelType => opaque('optional_type', type);
export const typeParam = (name: string): CelType => ({ kind: 'param', name });

export function paramsOf(type: CelType): readonly CelType[] {
  return 'params' in type ? type.params : [];
}

/** The type inside of an optional one, and the type itself of any other. */
export function unwrapOptional(type: CelType): { readonly type: CelType; readonly isOptional: boolean } {
  const isOptional = type.kind === 'opaque' && type.name === 'optional_type';
  return { type: isOptional ? (type.params[0] ?? DYN) : type, isOptional };
}

export function typeText(type: CelType): string {
  switch (type.kind) {
    case 'error':
      return '!error!';
    case 'object':
    case 'param':
      return type.name;
    case 'list':
    case 'map':
    case 'type':
    case 'opaque': {
      const name = type.kind === 'opaque' ? type.name : type.kind;
      return type.params.length === 0 ? name : `${name}(${type.params.map(typeText).join(', ')})`;
    }
    case 'bool':
    case 'int':
    case 'uint':
    case 'double':
    case 'string':
    case 'bytes':
    case 'null':
    case 'dyn':
    case 'duration':
    case 'timestamp':
      return type.kind;
  }
}

export function sameType(a: CelType, b: CelType): boolean {
  return a.kind === b.kind && typeText(a) === typeText(b);
}

/** What the type parameters of an expression were found to be; never changed, only replaced. */
export type Bindings = ReadonlyMap<string, CelType>;

const isWild = (type: CelType): boolean => type.kind === 'dyn' || type.kind === 'error';

/** The bindings under which `given` may stand where `wanted` is asked for; undefined where it may not. */
export function assign(bindings: Bindings, given: CelType, wanted: CelType): Bindings | undefined {
  const work = new Map(bindings);
  return unify(work, given, wanted) ? work : undefined;
}

export function assignAll(
  bindings: Bindings,
  given: readonly CelType[],
  wanted: readonly CelType[],
): Bindings | undefined {
  if (given.length !== wanted.length) return undefined;
  const work = new Map(bindings);
  return given.every((type, i) => unify(work, type, wanted[i] as CelType)) ? work : undefined;
}

function unify(work: Map<string, CelType>, a: CelType, b: CelType): boolean {
  if (b.kind === 'param') {
    const { isValid, wasBound } = bind(work, a, b);
    if (isValid) return true;
    if (wasBound) return false;
  }
  if (a.kind === 'param') return bind(work, b, a).isValid;
  if (isWild(a) || isWild(b)) return true;
  if (a.kind === 'null') return isNullable(b);
  if (b.kind === 'null') return isNullable(a);
  if (a.kind !== b.kind) return false;
  switch (a.kind) {
    case 'type':
      return true;
    case 'object':
      return b.kind === 'object' && a.name === b.name;
    case 'opaque':
      return b.kind === 'opaque' && a.name === b.name && unifyParams(work, a.params, b.params);
    case 'list':
    case 'map':
      return unifyParams(work, a.params, paramsOf(b));
    case 'bool':
    case 'int':
    case 'uint':
    case 'double':
    case 'string':
    case 'bytes':
    case 'dyn':
    case 'error':
    case 'duration':
    case 'timestamp':
      return true;
  }
}

function unifyParams(work: Map<string, CelType>, a: readonly CelType[], b: readonly CelType[]): boolean {
  return a.length === b.length && a.every((type, i) => unify(work, type, b[i] as CelType));
}

const isNullable = (type: CelType): boolean =>
  ['opaque', 'object', 'duration', 'timestamp', 'null'].includes(type.kind);

function bind(
  work: Map<string, CelType>,
  type: CelType,
  param: CelType & { readonly kind: 'param' },
): { readonly isValid: boolean; readonly wasBound: boolean } {
  if (sameType(type, param)) return { isValid: true, wasBound: true };
  const bound = work.get(param.name);
  if (bound) {
    if (sameType(type, bound)) return { isValid: true, wasBound: true };
    if (!unify(work, type, bound)) return { isValid: false, wasBound: true };
    const general = mostGeneral(type, bound);
    if (!occurs(work, param, general)) work.set(param.name, general);
    return { isValid: true, wasBound: true };
  }
  if (occurs(work, param, type)) return { isValid: false, wasBound: false };
  work.set(param.name, type);
  return { isValid: true, wasBound: false };
}

/** Whether a parameter is part of a type: binding it to that type would never end. */
function occurs(work: Bindings, param: CelType, within: CelType): boolean {
  if (sameType(param, within)) return true;
  if (within.kind === 'param') {
    const bound = work.get(within.name);
    return bound !== undefined && occurs(work, param, bound);
  }
  return paramsOf(within).some((inner) => occurs(work, param, inner));
}

export function mostGeneral(a: CelType, b: CelType): CelType {
  return isAtMostAsSpecific(a, b) ? a : b;
}

function isAtMostAsSpecific(a: CelType, b: CelType): boolean {
  if (a.kind === 'dyn' || a.kind === 'param') return true;
  if (b.kind === 'dyn' || b.kind === 'param' || a.kind !== b.kind) return false;
  if (a.kind === 'type') return true;
  if (a.kind === 'opaque' && (b.kind !== 'opaque' || a.name !== b.name)) return false;
  const [left, right] = [paramsOf(a), paramsOf(b)];
  if (left.length === 0) return sameType(a, b);
  return left.length === right.length && left.every((type, i) => isAtMostAsSpecific(type, right[i] as CelType));
}

/** The type with its parameters replaced by what they were found to be; by `dyn` where nothing was, if so asked. */
export function substitute(bindings: Bindings, type: CelType, unknownAsDyn: boolean): CelType {
  switch (type.kind) {
    case 'param': {
      const bound = bindings.get(type.name);
      if (bound) return substitute(bindings, bound, unknownAsDyn);
      return unknownAsDyn ? DYN : type;
    }
    case 'list':
      return listOf(substitute(bindings, type.params[0], unknownAsDyn));
    case 'map':
      return mapOf(
        substitute(bindings, type.params[0], unknownAsDyn),
        substitute(bindings, type.params[1], unknownAsDyn),
      );
    case 'opaque':
    case 'type':
      return { ...type, params: type.params.map((inner) => substitute(bindings, inner, unknownAsDyn)) };
    case 'object':
    case 'bool':
    case 'int':
    case 'uint':
    case 'double':
    case 'string':
    case 'bytes':
    case 'null':
    case 'dyn':
    case 'error':
    case 'duration':
    case 'timestamp':
      return type;
  }
}
