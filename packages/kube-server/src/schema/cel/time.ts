/** Times and durations in expressions. */
import { CelError, type CelValue } from './values.ts';

const SECOND = 1_000_000_000n;
const MAX_INT = 2n ** 63n - 1n;
const MIN_TIME = -62_135_596_800n * SECOND; // year 1
const MAX_TIME = 253_402_300_800n * SECOND; // year 10000

const units: Readonly<Record<string, bigint>> = {
  ns: 1n,
  us: 1_000n,
  µs: 1_000n,
  μs: 1_000n,
  ms: 1_000_000n,
  s: SECOND,
  m: 60n * SECOND,
  h: 3_600n * SECOND,
};

/** A text such as `1h30m` or `-1.5s` in nanoseconds; undefined where it is none. */
export function parseDuration(text: string): bigint | undefined {
  if (/^[+-]?0$/.test(text)) return 0n;
  const match = /^([+-]?)((?:(?:\d+\.?\d*|\.\d+)(?:ns|us|µs|μs|ms|s|m|h))+)$/.exec(text);
  if (!match) return undefined;
  let total = 0n;
  for (const [, whole = '', fraction = '', unit = ''] of (match[2] ?? '').matchAll(
    /(\d*)\.?(\d*)(ns|us|µs|μs|ms|s|m|h)/g,
  )) {
    const size = units[unit] ?? 0n;
    total += BigInt(whole || '0') * size + (BigInt(fraction || '0') * size) / 10n ** BigInt(fraction.length);
  }
  const nanos = match[1] === '-' ? -total : total;
  return nanos > MAX_INT || nanos < -MAX_INT - 1n ? undefined : nanos;
}

const rfc3339 = /^(\d{4})-(\d\d)-(\d\d)T(\d\d):(\d\d):(\d\d)(?:\.(\d{1,9})\d*)?(Z|[+-]\d\d:\d\d)$/;

/** A time of RFC 3339 in nanoseconds since 1970; undefined where the text is none. */
export function parseTimestamp(text: string): bigint | undefined {
  const match = rfc3339.exec(text);
  if (!match) return undefined;
  const [, year = '', month = '', day = '', hour, minute, second, fraction = '', zone = ''] = match;
  if (!isDay(Number(year), Number(month), Number(day))) return undefined;
  const millis = Date.parse(`${year}-${month}-${day}T${hour}:${minute}:${second}${zone}`);
  return Number.isNaN(millis) ? undefined : BigInt(millis) * 1_000_000n + BigInt(fraction.padEnd(9, '0'));
}

/** Whether there is such a day; JavaScript's own parser takes 30 February for 1 March. */
export function isDay(year: number, month: number, day: number): boolean {
  if (month < 1 || month > 12 || day < 1) return false;
  const isLeap = year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0);
  return day <= ([31, isLeap ? 29 : 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31][month - 1] ?? 0);
}

/** Throws where the time lies outside of the years 1 to 9999. */
export function timestamp(nanos: bigint): CelValue {
  if (nanos < MIN_TIME || nanos >= MAX_TIME) throw new CelError('timestamp overflow');
  return { tag: 'timestamp', nanos };
}

export function duration(nanos: bigint): CelValue {
  if (nanos > MAX_INT || nanos < -MAX_INT - 1n) throw new CelError('duration overflow');
  return { tag: 'duration', nanos };
}

const floorDiv = (a: bigint, b: bigint): bigint => (a - (((a % b) + b) % b)) / b;

export function timestampText(nanos: bigint): string {
  const millis = Number(floorDiv(nanos, 1_000_000n));
  const fraction = String(((nanos % SECOND) + SECOND) % SECOND)
    .padStart(9, '0')
    .replace(/0+$/, '');
  return `${new Date(millis).toISOString().slice(0, 19)}${fraction === '' ? '' : `.${fraction}`}Z`;
}

export function durationText(nanos: bigint): string {
  const sign = nanos < 0n ? '-' : '';
  const size = nanos < 0n ? -nanos : nanos;
  const fraction = String(size % SECOND)
    .padStart(9, '0')
    .replace(/0+$/, '');
  return `${sign}${size / SECOND}${fraction === '' ? '' : `.${fraction}`}s`;
}

export type TimePart =
  | 'FullYear'
  | 'Month'
  | 'Date'
  | 'DayOfMonth'
  | 'DayOfWeek'
  | 'DayOfYear'
  | 'Hours'
  | 'Minutes'
  | 'Seconds'
  | 'Milliseconds';

/** One part of a time in a zone: a name such as `Europe/Paris`, or a shift such as `+02:00`. Throws on other texts. */
export function partOfTime(nanos: bigint, part: TimePart, zone: string): bigint {
  const millis = Number(floorDiv(nanos, 1_000_000n));
  const local = new Date(millis + shiftOf(millis, zone));
  switch (part) {
    case 'FullYear':
      return BigInt(local.getUTCFullYear());
    case 'Month':
      return BigInt(local.getUTCMonth());
    case 'Date':
      return BigInt(local.getUTCDate());
    case 'DayOfMonth':
      return BigInt(local.getUTCDate() - 1);
    case 'DayOfWeek':
      return BigInt(local.getUTCDay());
    case 'DayOfYear':
      return BigInt(Math.floor((local.getTime() - Date.UTC(local.getUTCFullYear(), 0, 1)) / 86_400_000));
    case 'Hours':
      return BigInt(local.getUTCHours());
    case 'Minutes':
      return BigInt(local.getUTCMinutes());
    case 'Seconds':
      return BigInt(local.getUTCSeconds());
    case 'Milliseconds':
      return BigInt(local.getUTCMilliseconds());
  }
}

function shiftOf(millis: number, zone: string): number {
  if (zone === '' || zone === 'UTC') return 0;
  const offset = /^([+-]?)(\d\d):(\d\d)$/.exec(zone);
  if (offset) {
    const minutes = Number(offset[2]) * 60 + Number(offset[3]);
    return (offset[1] === '-' ? -1 : 1) * minutes * 60_000;
  }
  try {
    const format = new Intl.DateTimeFormat('en-US', {
      timeZone: zone,
      hourCycle: 'h23',
      year: 'numeric',
      month: 'numeric',
      day: 'numeric',
      hour: 'numeric',
      minute: 'numeric',
      second: 'numeric',
    });
    const parts = Object.fromEntries(format.formatToParts(millis).map(({ type, value }) => [type, Number(value)]));
    const { year = 0, month = 1, day = 1, hour = 0, minute = 0, second = 0 } = parts;
    return Date.UTC(year, month - 1, day, hour, minute, second) - Math.floor(millis / 1000) * 1000;
  } catch {
    throw new CelError(`unknown time zone ${zone}`);
  }
}

/** A part of a duration, whole. */
export function partOfDuration(nanos: bigint, part: TimePart): bigint {
  switch (part) {
    case 'Hours':
      return nanos / (3_600n * SECOND);
    case 'Minutes':
      return nanos / (60n * SECOND);
    case 'Seconds':
      return nanos / SECOND;
    case 'Milliseconds':
      return nanos / 1_000_000n;
    case 'FullYear':
    case 'Month':
    case 'Date':
    case 'DayOfMonth':
    case 'DayOfWeek':
    case 'DayOfYear':
      throw new CelError('no such overload');
  }
}
