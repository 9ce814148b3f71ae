/** What expressions compute with. */
import type { Address, Network } from '../address.ts';
import type { Meter } from './meter.ts';

/** Items beyond `length` belong to longer lists that share the storage; see `appended`. */
export interface CelList {
  readonly tag: 'list';
  readonly items: CelValue[];
  readonly length: number;
  /** How lists that a schema declares as sets or maps are compared and joined. */
  readonly identity?: (item: CelValue) => string | undefined;
}

export interface CelMap {
  readonly tag: 'map';
  /** By the key's text with its type; see `keyText`. */
  readonly entries: Map<string, readonly [CelValue, CelValue]>;
}

export type CelValue =
  | null
  | boolean
  | bigint
  | number
  | string
  | CelList
  | CelMap
  | { readonly tag: 'uint'; readonly value: bigint }
  | { readonly tag: 'bytes'; readonly bytes: Uint8Array }
  | { readonly tag: 'duration'; readonly nanos: bigint }
  /** Nanoseconds since 1970. */
  | { readonly tag: 'timestamp'; readonly nanos: bigint }
  | { readonly tag: 'optional'; readonly value: CelValue | undefined }
  | { readonly tag: 'type'; readonly name: string }
  | { readonly tag: 'quantity'; readonly billionths: bigint }
  | { readonly tag: 'url'; readonly url: URL; readonly text: string }
  | { readonly tag: 'ip'; readonly address: Address }
  | { readonly tag: 'cidr'; readonly network: Network }
  | { readonly tag: 'semver'; readonly version: Semver }
  | { readonly tag: 'format'; readonly name: string };

export interface Semver {
  readonly numbers: readonly [bigint, bigint, bigint];
  readonly prerelease: readonly string[];
}

/** An expression went wrong; `&&`, `||`, `all` and `exists` may still give an answer without the part that did. */
export class CelError extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'CelError';
  }
}

export const noSuchOverload = (): CelError => new CelError('no such overload');

export function list(items: CelValue[], identity?: CelList['identity']): CelList {
  return { tag: 'list', items, length: items.length, ...(identity ? { identity } : {}) };
}

export function itemsOf({ items, length }: CelList): readonly CelValue[] {
  return items.length === length ? items : items.slice(0, length);
}

/** A list with more items; in constant time for each one where the storage has no other heir yet. */
export function appended(base: CelList, more: CelList, meter: Meter): CelList {
  const added = itemsOf(more);
  if (base.identity) return joinedSets(base, added);
  if (base.items.length !== base.length) {
    meter.work(base.length);
    return list([...itemsOf(base), ...added]);
  }
  meter.work(added.length);
  for (const item of added === base.items ? [...added] : added) base.items.push(item);
  return { tag: 'list', items: base.items, length: base.length + added.length };
}

/** In lists of a schema's type `set` or `map`, an item that is there already is replaced where it stands. */
function joinedSets(base: CelList, added: readonly CelValue[]): CelList {
  const { identity } = base;
  const result = [...itemsOf(base)];
  const places = new Map(result.map((item, i) => [identity?.(item), i]));
  for (const item of added) {
    const key = identity?.(item);
    const place = key === undefined ? undefined : places.get(key);
    if (place === undefined) places.set(key, result.push(item) - 1);
    else result[place] = item;
  }
  return list(result, identity);
}

export function map(entries: Iterable<readonly [CelValue, CelValue]>): CelMap {
  const made = new Map<string, readonly [CelValue, CelValue]>();
  for (const entry of entries) made.set(keyText(entry[0]), entry);
  return { tag: 'map', entries: made };
}

/** Numbers of any type are the same key where they are the same number. */
export function keyText(key: CelValue): string {
  if (typeof key === 'string') return `s${key}`;
  if (typeof key === 'boolean') return `b${key}`;
  const number = numberOf(key);
  if (number === undefined) throw new CelError(`unsupported key type`);
  return typeof number === 'number' && Number.isInteger(number) ? `n${BigInt(number)}` : `n${number}`;
}

/** A number of any of the three types; undefined for anything else. */
export function numberOf(value: CelValue): bigint | number | undefined {
  if (typeof value === 'bigint' || typeof value === 'number') return value;
  return typeof value === 'object' && value !== null && value.tag === 'uint' ? value.value : undefined;
}

export function typeName(value: CelValue): string {
  if (typeof value === 'boolean') return 'bool';
  if (typeof value === 'bigint') return 'int';
  if (typeof value === 'number') return 'double';
  if (typeof value === 'string') return 'string';
  return value === null ? 'null_type' : tagNames[value.tag];
}

const tagNames = {
  list: 'list',
  map: 'map',
  uint: 'uint',
  bytes: 'bytes',
  duration: 'google.protobuf.Duration',
  timestamp: 'google.protobuf.Timestamp',
  optional: 'optional_type',
  type: 'type',
  quantity: 'kubernetes.Quantity',
  url: 'kubernetes.URL',
  ip: 'net.IP',
  cidr: 'net.CIDR',
  semver: 'kubernetes.Semver',
  format: 'kubernetes.NamedFormat',
} as const;

/** What `size` tells, and 1 for what has no size. */
export function sizeOf(value: CelValue): number {
  if (typeof value === 'string') return charCount(value);
  if (typeof value !== 'object' || value === null) return 1;
  switch (value.tag) {
    case 'list':
      return value.length;
    case 'map':
      return value.entries.size;
    case 'bytes':
      return value.bytes.length;
    case 'optional':
      return value.value === undefined ? 1 : sizeOf(value.value);
    case 'ip':
      return value.address.bytes.length;
    case 'cidr':
      return Math.ceil(value.network.bits / 8);
    case 'uint':
    case 'duration':
    case 'timestamp':
    case 'type':
    case 'quantity':
    case 'url':
    case 'semver':
    case 'format':
      return 1;
  }
}

/** Code points. */
export function charCount(text: string): number {
  let count = text.length;
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i);
    if (unit >= 0xd800 && unit < 0xdc00) count--;
  }
  return count;
}

export function equals(a: CelValue, b: CelValue, meter: Meter): boolean {
  meter.work(1);
  const [left, right] = [numberOf(a), numberOf(b)];
  if (left !== undefined || right !== undefined) {
    // biome-ignore lint/suspicious/noDoubleEquals: the only way to compare integers and doubles without losing digits
    return left !== undefined && right !== undefined && left == right;
  }
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return a === b;
  if (a.tag === 'list') return b.tag === 'list' && equalLists(a, b, meter);
  if (a.tag === 'map') return b.tag === 'map' && equalMaps(a, b, meter);
  if (a.tag === 'optional') {
    if (b.tag !== 'optional') return false;
    if (a.value === undefined || b.value === undefined) return a.value === b.value;
    return equals(a.value, b.value, meter);
  }
  return a.tag === b.tag && opaqueText(a) === opaqueText(b);
}

function opaqueText(value: Exclude<CelValue & object, CelList | CelMap>): string {
  switch (value.tag) {
    case 'bytes':
      return Buffer.from(value.bytes).toString('hex');
    case 'duration':
    case 'timestamp':
      return String(value.nanos);
    case 'quantity':
      return String(value.billionths);
    case 'url':
      return value.text;
    case 'type':
    case 'format':
      return value.name;
    case 'ip':
      return value.address.bytes.join();
    case 'cidr':
      return `${value.network.address.bytes.join()}/${value.network.bits}`;
    case 'semver':
      return `${value.version.numbers.join('.')}-${value.version.prerelease.join('.')}`;
    case 'uint':
      return String(value.value);
    case 'optional':
      return '';
  }
}

function equalLists(a: CelList, b: CelList, meter: Meter): boolean {
  if (a.length !== b.length) return false;
  const { identity } = a;
  if (!identity) return itemsOf(a).every((item, i) => equals(item, b.items[i] as CelValue, meter));
  const others = new Map(itemsOf(b).map((item) => [identity(item), item]));
  return itemsOf(a).every((item) => {
    const other = others.get(identity(item));
    return other !== undefined && equals(item, other, meter);
  });
}

function equalMaps(a: CelMap, b: CelMap, meter: Meter): boolean {
  if (a.entries.size !== b.entries.size) return false;
  return [...a.entries].every(([key, [, value]]) => {
    const other = b.entries.get(key);
    return other !== undefined && equals(value, other[1], meter);
  });
}

/** Below zero, zero or above. Throws where the two have no order. */
export function compare(a: CelValue, b: CelValue): number {
  const [left, right] = [numberOf(a), numberOf(b)];
  if (left !== undefined && right !== undefined) {
    if (Number.isNaN(left) || Number.isNaN(right)) throw new CelError('NaN values cannot be ordered');
    return left < right ? -1 : left > right ? 1 : 0;
  }
  if (typeof a === 'string' && typeof b === 'string') return compareTexts(a, b);
  if (typeof a === 'boolean' && typeof b === 'boolean') return Number(a) - Number(b);
  if (typeof a === 'object' && a !== null && typeof b === 'object' && b !== null) {
    if (a.tag === 'bytes' && b.tag === 'bytes') return Buffer.compare(a.bytes, b.bytes);
    if ((a.tag === 'duration' && b.tag === 'duration') || (a.tag === 'timestamp' && b.tag === 'timestamp')) {
      return a.nanos < b.nanos ? -1 : a.nanos > b.nanos ? 1 : 0;
    }
  }
  throw noSuchOverload();
}

/** By code points, as bytes of UTF-8 are ordered; JavaScript orders by code units. */
function compareTexts(a: string, b: string): number {
  const end = Math.min(a.length, b.length);
  let i = 0;
  while (i < end && a.charCodeAt(i) === b.charCodeAt(i)) i++;
  if (i === end) return a.length - b.length;
  return (a.codePointAt(i) ?? 0) - (b.codePointAt(i) ?? 0);
}
