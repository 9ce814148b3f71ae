/** Lists, sets, maps and optional values. */
import type { Meter } from '../meter.ts';
import { duration } from '../time.ts';
import {
  CelError,
  type CelList,
  type CelMap,
  type CelValue,
  compare,
  equals,
  itemsOf,
  keyText,
  list,
  noSuchOverload,
  numberOf,
} from '../values.ts';
import type { CelFunction, CelFunctions } from './function.ts';
import { int, isTagged, shown, uint } from './operators.ts';

const NONE: CelValue = { tag: 'optional', value: undefined };

function items(value: CelValue | undefined): readonly CelValue[] {
  if (value === undefined || !isTagged(value, 'list')) throw noSuchOverload();
  return itemsOf(value);
}

function sum([value]: readonly CelValue[]): CelValue {
  const all = items(value);
  const [first] = all;
  if (first === undefined) return 0n;
  if (typeof first === 'number') return all.reduce((total: number, item) => total + Number(numberOf(item)), 0);
  const nanos = (item: CelValue): bigint => (isTagged(item, 'duration') ? item.nanos : 0n);
  if (isTagged(first, 'duration')) return duration(all.reduce((total: bigint, item) => total + nanos(item), 0n));
  const total = all.reduce((before: bigint, item) => {
    const number = numberOf(item);
    if (typeof number !== 'bigint') throw noSuchOverload();
    return before + number;
  }, 0n);
  return isTagged(first, 'uint') ? uint(total) : int(total);
}

const extreme =
  (name: string, sign: 1 | -1): CelFunction =>
  ([value]) => {
    const [first, ...rest] = items(value);
    if (first === undefined) throw new CelError(`${name} called on empty list`);
    return rest.reduce((best, item) => (compare(item, best) * sign > 0 ? item : best), first);
  };

export function indexOfItem(value: CelList, item: CelValue, meter: Meter): bigint {
  return BigInt(itemsOf(value).findIndex((other) => equals(other, item, meter)));
}

export function lastIndexOfItem(value: CelList, item: CelValue, meter: Meter): bigint {
  return BigInt(itemsOf(value).findLastIndex((other) => equals(other, item, meter)));
}

const setTest =
  (answer: (a: readonly CelValue[], b: readonly CelValue[], has: HasItem) => boolean): CelFunction =>
  ([a, b], meter) =>
    answer(items(a), items(b), (all, item) => all.some((other) => equals(other, item, meter)));

type HasItem = (all: readonly CelValue[], item: CelValue) => boolean;

function isZero(value: CelValue): boolean {
  if (value === null || value === false || value === '') return true;
  const number = numberOf(value);
  if (number !== undefined) return Number(number) === 0;
  if (isTagged(value, 'list')) return value.length === 0;
  if (isTagged(value, 'map')) return value.entries.size === 0;
  if (isTagged(value, 'bytes')) return value.bytes.length === 0;
  if (isTagged(value, 'duration')) return value.nanos === 0n;
  return isTagged(value, 'optional') && value.value === undefined;
}

function optional(value: CelValue | undefined) {
  if (value === undefined || !isTagged(value, 'optional')) throw noSuchOverload();
  return value;
}

/** In the loop of a macro the accumulator has no other user: it is written to where it stands. */
function insert([accumulator = null, key = null, value]: readonly CelValue[]): CelValue {
  if (!isTagged(accumulator, 'map')) throw noSuchOverload();
  const target: CelMap = { tag: 'map', entries: accumulator.entries.size === 0 ? new Map() : accumulator.entries };
  const added = value !== undefined ? [[key, value] as const] : isTagged(key, 'map') ? [...key.entries.values()] : [];
  for (const entry of added) {
    const text = keyText(entry[0]);
    if (target.entries.has(text)) throw new CelError(`insert failed: key ${shown(entry[0])} already exists`);
    target.entries.set(text, entry);
  }
  return target;
}

const unwrap: CelFunction = ([value]) => list(items(value).flatMap((item) => optional(item).value ?? []));

export const lists: CelFunctions = {
  isSorted: ([value]) => {
    const all = items(value);
    return all.every((item, i) => i === 0 || compare(all[i - 1] as CelValue, item) <= 0);
  },
  sum,
  min: extreme('min', -1),
  max: extreme('max', 1),
  'sets.contains': setTest((all, wanted, has) => wanted.every((item) => has(all, item))),
  'sets.intersects': setTest((all, others, has) => others.some((item) => has(all, item))),
  'sets.equivalent': setTest((a, b, has) => a.every((item) => has(b, item)) && b.every((item) => has(a, item))),
  first: ([value]) => ({ tag: 'optional', value: items(value)[0] }),
  last: ([value]) => ({ tag: 'optional', value: items(value).at(-1) }),
  'cel.@mapInsert': insert,
  'optional.of': ([value = null]) => ({ tag: 'optional', value }),
  'optional.ofNonZeroValue': ([value = null]) => (isZero(value) ? NONE : { tag: 'optional', value }),
  'optional.none': () => NONE,
  'optional.unwrap': unwrap,
  unwrapOpt: unwrap,
  value: ([value]) => {
    const inner = optional(value).value;
    if (inner === undefined) throw new CelError('optional.none() dereference');
    return inner;
  },
  hasValue: ([value]) => optional(value).value !== undefined,
};
