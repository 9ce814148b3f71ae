/** Arithmetic, order, equality, and what is in what. */
import type { Meter } from '../meter.ts';
import { duration, timestamp } from '../time.ts';
import {
  appended,
  CelError,
  type CelList,
  type CelMap,
  type CelValue,
  compare,
  equals,
  itemsOf,
  keyText,
  noSuchOverload,
  numberOf,
  sizeOf,
} from '../values.ts';
import type { CelFunction, CelFunctions } from './function.ts';

const MAX_INT = 2n ** 63n - 1n;
const MAX_UINT = 2n ** 64n - 1n;

export function int(value: bigint): bigint {
  if (value > MAX_INT || value < -MAX_INT - 1n) throw new CelError('integer overflow');
  return value;
}

export function uint(value: bigint): CelValue {
  if (value > MAX_UINT || value < 0n) throw new CelError('unsigned integer overflow');
  return { tag: 'uint', value };
}

interface Arithmetic {
  readonly int?: (a: bigint, b: bigint) => bigint;
  readonly double?: (a: number, b: number) => number;
  readonly other?: (a: CelValue, b: CelValue, meter: Meter) => CelValue;
}

function arithmetic({ int: ofInts, double, other }: Arithmetic): CelFunction {
  return ([a = null, b = null], meter) => {
    if (ofInts && typeof a === 'bigint' && typeof b === 'bigint') return int(ofInts(a, b));
    if (double && typeof a === 'number' && typeof b === 'number') return double(a, b);
    if (ofInts && isTagged(a, 'uint') && isTagged(b, 'uint')) return uint(ofInts(a.value, b.value));
    if (other) return other(a, b, meter);
    throw noSuchOverload();
  };
}

type Tagged = Exclude<CelValue, null | boolean | bigint | number | string>;

export function isTagged<T extends Tagged['tag']>(value: CelValue, tag: T): value is Extract<Tagged, { tag: T }> {
  return typeof value === 'object' && value !== null && value.tag === tag;
}

function add(a: CelValue, b: CelValue, meter: Meter): CelValue {
  if (typeof a === 'string' && typeof b === 'string') return a + b;
  if (isTagged(a, 'list') && isTagged(b, 'list')) return appended(a, b, meter);
  if (isTagged(a, 'bytes') && isTagged(b, 'bytes')) {
    return { tag: 'bytes', bytes: Uint8Array.from([...a.bytes, ...b.bytes]) };
  }
  if (isTagged(a, 'duration') && isTagged(b, 'duration')) return duration(a.nanos + b.nanos);
  if (isTagged(a, 'timestamp') && isTagged(b, 'duration')) return timestamp(a.nanos + b.nanos);
  if (isTagged(a, 'duration') && isTagged(b, 'timestamp')) return timestamp(a.nanos + b.nanos);
  throw noSuchOverload();
}

function subtract(a: CelValue, b: CelValue): CelValue {
  if (isTagged(a, 'duration') && isTagged(b, 'duration')) return duration(a.nanos - b.nanos);
  if (isTagged(a, 'timestamp') && isTagged(b, 'duration')) return timestamp(a.nanos - b.nanos);
  if (isTagged(a, 'timestamp') && isTagged(b, 'timestamp')) return duration(a.nanos - b.nanos);
  throw noSuchOverload();
}

const byZero = (what: string): CelError => new CelError(`${what} by zero`);

const order =
  (holds: (sign: number) => boolean): CelFunction =>
  ([a = null, b = null]) =>
    holds(compare(a, b));

/** The item at an index; undefined beyond the ends. */
export function itemAt(list: CelList, index: CelValue): CelValue | undefined {
  const number = numberOf(index);
  if (number === undefined) throw new CelError('no such overload');
  const place = Number(number);
  if (!Number.isInteger(place)) throw new CelError(`unsupported index value ${place} in list`);
  return place >= 0 && place < list.length ? list.items[place] : undefined;
}

export function entryAt(map: CelMap, key: CelValue): CelValue | undefined {
  return map.entries.get(keyText(key))?.[1];
}

export function shown(key: CelValue): string {
  if (typeof key === 'string') return key;
  return typeof key === 'object' ? '' : String(key);
}

function index([container = null, key = null]: readonly CelValue[]): CelValue {
  if (isTagged(container, 'optional')) {
    return container.value === undefined ? container : optionalIndex([container.value, key]);
  }
  if (isTagged(container, 'list')) {
    const found = itemAt(container, key);
    if (found === undefined) throw new CelError(`index out of bounds: ${shown(key)}`);
    return found;
  }
  if (!isTagged(container, 'map')) throw noSuchOverload();
  const found = entryAt(container, key);
  if (found === undefined) throw new CelError(`no such key: ${shown(key)}`);
  return found;
}

function optionalIndex([container = null, key = null]: readonly CelValue[]): CelValue {
  const inner = isTagged(container, 'optional') ? container.value : container;
  if (inner === undefined) return { tag: 'optional', value: undefined };
  if (isTagged(inner, 'list')) return { tag: 'optional', value: itemAt(inner, key) };
  if (isTagged(inner, 'map')) return { tag: 'optional', value: entryAt(inner, key) };
  throw noSuchOverload();
}

function isIn([item = null, container = null]: readonly CelValue[], meter: Meter): CelValue {
  if (isTagged(container, 'list')) return itemsOf(container).some((other) => equals(item, other, meter));
  if (!isTagged(container, 'map')) throw noSuchOverload();
  const isKey = typeof item === 'string' || typeof item === 'boolean' || numberOf(item) !== undefined;
  return isKey && container.entries.has(keyText(item));
}

export const operators: CelFunctions = {
  '_+_': arithmetic({ int: (a, b) => a + b, double: (a, b) => a + b, other: add }),
  '_-_': arithmetic({ int: (a, b) => a - b, double: (a, b) => a - b, other: subtract }),
  '_*_': arithmetic({ int: (a, b) => a * b, double: (a, b) => a * b }),
  '_/_': arithmetic({
    int: (a, b) => {
      if (b === 0n) throw byZero('division');
      return a / b;
    },
    double: (a, b) => a / b,
  }),
  '_%_': arithmetic({
    int: (a, b) => {
      if (b === 0n) throw byZero('modulus');
      return a % b;
    },
  }),
  '-_': ([a = null]) => {
    if (typeof a === 'bigint') return int(-a);
    if (typeof a === 'number') return -a;
    throw noSuchOverload();
  },
  '!_': ([a = null]) => {
    if (typeof a !== 'boolean') throw noSuchOverload();
    return !a;
  },
  '_==_': ([a = null, b = null], meter) => equals(a, b, meter),
  '_!=_': ([a = null, b = null], meter) => !equals(a, b, meter),
  '_<_': order((sign) => sign < 0),
  '_<=_': order((sign) => sign <= 0),
  '_>_': order((sign) => sign > 0),
  '_>=_': order((sign) => sign >= 0),
  '_[_]': index,
  '_[?_]': optionalIndex,
  '@in': isIn,
  size: ([value = null]) => {
    const isSized = typeof value === 'string' || ['list', 'map', 'bytes'].some((tag) => isTagged(value, tag as 'list'));
    if (!isSized) throw noSuchOverload();
    return BigInt(sizeOf(value));
  },
};
