/**
 * Checks of what comes over a wire, written by hand: the agent runs beside every database, and a schema library would be a
 * sixth of its memory. A guard either answers the value with its type, or throws naming the field.
 */
import { StackError } from '@polarstack/base';

/** Turns an unknown value found at `path` into a T, or throws `InvalidRequest`. */
export type Guard<T> = (value: unknown, path: string) => T;

function refuse(path: string, what: string): never {
  throw new StackError('InvalidRequest', `${path === '' ? 'the body' : path} ${what}`, { details: { field: path } });
}

export const text =
  ({ pattern, max = 1024, min = 1 }: { pattern?: RegExp; max?: number; min?: number } = {}): Guard<string> =>
  (value, path) => {
    if (typeof value !== 'string') return refuse(path, 'must be a string');
    if (value.length < min)
      return refuse(path, min === 1 ? 'must not be empty' : `must have at least ${min} characters`);
    if (value.length > max) return refuse(path, `must have at most ${max} characters`);
    if (value.includes('\0')) return refuse(path, 'must not contain a NUL character');
    if (pattern && !pattern.test(value)) return refuse(path, `must match ${pattern.source}`);
    return value;
  };

export const integer =
  (min: number, max: number = Number.MAX_SAFE_INTEGER): Guard<number> =>
  (value, path) => {
    if (typeof value !== 'number' || !Number.isSafeInteger(value)) return refuse(path, 'must be an integer');
    if (value < min || value > max) return refuse(path, `must be from ${min} to ${max}`);
    return value;
  };

export const flag: Guard<boolean> = (value, path) =>
  typeof value === 'boolean' ? value : refuse(path, 'must be true or false');

export const oneOf =
  <const T extends string>(...allowed: readonly T[]): Guard<T> =>
  (value, path) =>
    allowed.find((one) => one === value) ?? refuse(path, `must be one of ${allowed.join(', ')}`);

export const list =
  <T>(item: Guard<T>, max = 10_000): Guard<readonly T[]> =>
  (value, path) => {
    if (!Array.isArray(value)) return refuse(path, 'must be a list');
    if (value.length > max) return refuse(path, `must have at most ${max} elements`);
    return value.map((one: unknown, index) => item(one, `${path}[${index}]`));
  };

const isRecord = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** An object as a map: any key, each value by the same guard. */
export const mapOf =
  <T>(item: Guard<T>): Guard<Readonly<Record<string, T>>> =>
  (value, path) => {
    if (!isRecord(value)) return refuse(path, 'must be an object');
    return Object.fromEntries(Object.entries(value).map(([key, one]) => [key, item(one, `${path}.${key}`)]));
  };

/** Marks a field that may be missing. */
export interface Optional<T> {
  readonly optional: Guard<T>;
}
export const optional = <T>(guard: Guard<T>): Optional<T> => ({ optional: guard });

type Fields = Readonly<Record<string, Guard<unknown> | Optional<unknown>>>;
type Required<F extends Fields> = {
  readonly [K in keyof F as F[K] extends Guard<unknown> ? K : never]: F[K] extends Guard<infer T> ? T : never;
};
type Partial_<F extends Fields> = {
  readonly [K in keyof F as F[K] extends Guard<unknown> ? never : K]?: F[K] extends Optional<infer T> ? T : never;
};
type Shape<F extends Fields> = Required<F> & Partial_<F>;

/** An object of exactly these fields: an unknown one is refused, because a misspelt field must not be ignored. */
export const object =
  <F extends Fields>(fields: F): Guard<Shape<F>> =>
  (value, path) => {
    if (!isRecord(value)) return refuse(path, 'must be an object');
    const at = (name: string): string => (path === '' ? name : `${path}.${name}`);
    for (const name of Object.keys(value)) if (!Object.hasOwn(fields, name)) refuse(at(name), 'is not a known field');
    const entries = Object.entries(fields).flatMap(([name, guard]) => {
      const field = value[name];
      if (typeof guard === 'function') {
        return [[name, field === undefined ? refuse(at(name), 'is missing') : guard(field, at(name))]];
      }
      return field === undefined ? [] : [[name, guard.optional(field, at(name))]];
    });
    return Object.fromEntries(entries) as Shape<F>;
  };
