/** From one type to another. */
import { addressText } from '../../address.ts';
import {
  duration,
  durationText,
  parseDuration,
  parseTimestamp,
  partOfDuration,
  partOfTime,
  type TimePart,
  timestamp,
  timestampText,
} from '../time.ts';
import { CelError, type CelValue, noSuchOverload, typeName } from '../values.ts';
import type { CelFunction, CelFunctions } from './function.ts';
import { int, isTagged, uint } from './operators.ts';

const cannot = (value: CelValue, to: string): CelError =>
  new CelError(`type conversion error from '${typeName(value)}' to '${to}'`);

/** As `%g` writes it: an exponent below -4 and from 6 digits before the point on. */
export function doubleText(value: number): string {
  if (Number.isNaN(value)) return 'NaN';
  if (!Number.isFinite(value)) return value > 0 ? '+Inf' : '-Inf';
  const [digits = '', exponent = '0'] = value.toExponential().split('e');
  const power = Number(exponent);
  if (value === 0 || (power >= -4 && power < 6)) return Object.is(value, -0) ? '-0' : plainText(value);
  return `${digits}e${power < 0 ? '-' : '+'}${String(Math.abs(power)).padStart(2, '0')}`;
}

function plainText(value: number): string {
  const text = String(value);
  return text.includes('e') ? value.toFixed(20).replace(/0+$/, '') : text;
}

const toInt: CelFunction = ([value = null]) => {
  if (typeof value === 'bigint') return value;
  if (typeof value === 'number') {
    if (!Number.isFinite(value) || value <= -(2 ** 63) || value >= 2 ** 63) throw new CelError('integer overflow');
    return BigInt(Math.trunc(value));
  }
  if (typeof value === 'string') {
    if (/^[+-]?\d+$/.test(value)) {
      const number = BigInt(value.replace('+', ''));
      if (number < 2n ** 63n && number >= -(2n ** 63n)) return number;
    }
    throw cannot(value, 'int');
  }
  if (isTagged(value, 'uint')) return int(value.value);
  if (isTagged(value, 'duration')) return value.nanos;
  if (isTagged(value, 'timestamp')) {
    const seconds = value.nanos / 1_000_000_000n;
    return value.nanos < 0n && value.nanos % 1_000_000_000n !== 0n ? seconds - 1n : seconds;
  }
  throw cannot(value, 'int');
};

const toUint: CelFunction = ([value = null]) => {
  if (isTagged(value, 'uint')) return value;
  if (typeof value === 'bigint') return uint(value);
  if (typeof value === 'number') {
    if (!Number.isFinite(value) || value < 0 || value >= 2 ** 64) throw new CelError('unsigned integer overflow');
    return { tag: 'uint', value: BigInt(Math.trunc(value)) };
  }
  if (typeof value === 'string' && /^\d+$/.test(value) && BigInt(value) < 2n ** 64n) {
    return { tag: 'uint', value: BigInt(value) };
  }
  throw cannot(value, 'uint');
};

const toDouble: CelFunction = ([value = null]) => {
  if (typeof value === 'number') return value;
  if (typeof value === 'bigint') return Number(value);
  if (isTagged(value, 'uint')) return Number(value.value);
  if (typeof value === 'string') {
    if (/^[+-]?(?:inf|infinity)$/i.test(value)) return value.startsWith('-') ? -Infinity : Infinity;
    if (/^nan$/i.test(value)) return Number.NaN;
    if (/^[+-]?(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?$/i.test(value)) return Number(value);
  }
  throw cannot(value, 'double');
};

export function textOf(value: CelValue): string {
  if (typeof value === 'string') return value;
  if (typeof value === 'boolean' || typeof value === 'bigint') return String(value);
  if (typeof value === 'number') return doubleText(value);
  if (value === null) throw cannot(value, 'string');
  switch (value.tag) {
    case 'uint':
      return String(value.value);
    case 'bytes':
      try {
        return new TextDecoder('utf-8', { fatal: true }).decode(value.bytes);
      } catch {
        throw new CelError('invalid UTF-8 in bytes, cannot convert to string');
      }
    case 'duration':
      return durationText(value.nanos);
    case 'timestamp':
      return timestampText(value.nanos);
    case 'ip':
      return addressText(value.address);
    case 'cidr':
      return `${addressText(value.network.address)}/${value.network.bits}`;
    case 'list':
    case 'map':
    case 'optional':
    case 'type':
    case 'quantity':
    case 'url':
    case 'semver':
    case 'format':
      throw cannot(value, 'string');
  }
}

const toDuration: CelFunction = ([value = null]) => {
  if (isTagged(value, 'duration')) return value;
  if (typeof value === 'bigint') return duration(value);
  const nanos = typeof value === 'string' ? parseDuration(value) : undefined;
  if (nanos === undefined) throw cannot(value, 'google.protobuf.Duration');
  return duration(nanos);
};

const toTimestamp: CelFunction = ([value = null]) => {
  if (isTagged(value, 'timestamp')) return value;
  if (typeof value === 'bigint') return timestamp(value * 1_000_000_000n);
  const nanos = typeof value === 'string' ? parseTimestamp(value) : undefined;
  if (nanos === undefined) throw cannot(value, 'google.protobuf.Timestamp');
  return timestamp(nanos);
};

const toBool: CelFunction = ([value = null]) => {
  if (typeof value === 'boolean') return value;
  if (typeof value === 'string') {
    if (['1', 't', 'T', 'TRUE', 'true', 'True'].includes(value)) return true;
    if (['0', 'f', 'F', 'FALSE', 'false', 'False'].includes(value)) return false;
  }
  throw cannot(value, 'bool');
};

const toBytes: CelFunction = ([value = null]) => {
  if (isTagged(value, 'bytes')) return value;
  if (typeof value !== 'string') throw cannot(value, 'bytes');
  return { tag: 'bytes', bytes: new TextEncoder().encode(value) };
};

const getter =
  (part: TimePart): CelFunction =>
  ([value = null, zone = '']) => {
    if (typeof zone !== 'string') throw noSuchOverload();
    if (isTagged(value, 'timestamp')) return partOfTime(value.nanos, part, zone);
    if (isTagged(value, 'duration')) return partOfDuration(value.nanos, part);
    throw noSuchOverload();
  };

const parts: readonly TimePart[] = [
  'FullYear',
  'Month',
  'Date',
  'DayOfMonth',
  'DayOfWeek',
  'DayOfYear',
  'Hours',
  'Minutes',
  'Seconds',
  'Milliseconds',
];

export const conversions: CelFunctions = {
  int: toInt,
  uint: toUint,
  double: toDouble,
  string: ([value = null]) => textOf(value),
  bool: toBool,
  bytes: toBytes,
  duration: toDuration,
  timestamp: toTimestamp,
  dyn: ([value = null]) => value,
  type: ([value = null]) => ({ tag: 'type', name: typeName(value) }),
  ...Object.fromEntries(parts.map((part) => [`get${part}`, getter(part)])),
};
