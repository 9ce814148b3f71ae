/** `'%s has %d'.format([name, count])`. */
import { durationText, timestampText } from '../time.ts';
import { CelError, type CelValue, itemsOf, typeName } from '../values.ts';
import { doubleText, textOf } from './conversions.ts';
import { isTagged } from './operators.ts';

export function formatText(template: string, args: readonly CelValue[]): string {
  let used = 0;
  let result = '';
  for (let rest = template; rest !== ''; ) {
    if (!rest.startsWith('%')) {
      const end = rest.indexOf('%');
      result += end < 0 ? rest : rest.slice(0, end);
      rest = end < 0 ? '' : rest.slice(end);
      continue;
    }
    if (rest[1] === '%') {
      result += '%';
      rest = rest.slice(2);
      continue;
    }
    if (used >= args.length) throw new CelError(`index ${used} out of range`);
    if (rest === '%') throw new CelError('unexpected end of string');
    const clause = /^%(?:\.(\d*))?([\s\S]?)/.exec(rest);
    const [written = '%', precision, verb = ''] = clause ?? [];
    result += formatOne(verb, precision, args[used++] ?? null);
    rest = rest.slice(written.length);
  }
  return result;
}

const during = (why: string): CelError => new CelError(`error during formatting: ${why}`);

function formatOne(verb: string, precision: string | undefined, value: CelValue): string {
  const digits = precision === undefined || precision === '' ? 6 : Math.min(Number(precision), 100);
  switch (verb) {
    case 's':
      return shownAsText(value);
    case 'd':
      return String(integer(value, 'decimal clause can only be used on integers'));
    case 'b':
      if (typeof value === 'boolean') return value ? '1' : '0';
      return integer(value, 'only integers and bools can be formatted as binary').toString(2);
    case 'o':
      return integer(value, 'octal clause can only be used on integers').toString(8);
    case 'x':
      return hex(value);
    case 'X':
      return hex(value).toUpperCase();
    case 'f':
      return double(value, 'fixed-point').toFixed(digits);
    case 'e':
      return double(value, 'scientific')
        .toExponential(digits)
        .replace(/e([+-])(\d)$/, 'e$10$2');
    default:
      throw new CelError(`could not parse formatting clause: unrecognized formatting clause "${verb}"`);
  }
}

function integer(value: CelValue, rule: string): bigint {
  if (typeof value === 'bigint') return value;
  if (isTagged(value, 'uint')) return value.value;
  throw during(`${rule}, was given ${typeName(value)}`);
}

function double(value: CelValue, clause: string): number {
  if (typeof value === 'number') return value;
  if (value === 'NaN' || value === 'Infinity' || value === '-Infinity') return Number(value);
  throw during(`${clause} clause can only be used on doubles, was given ${typeName(value)}`);
}

function hex(value: CelValue): string {
  if (typeof value === 'string') return Buffer.from(value).toString('hex');
  if (isTagged(value, 'bytes')) return Buffer.from(value.bytes).toString('hex');
  return integer(value, 'only integers, byte buffers, and strings can be formatted as hex').toString(16);
}

function shownAsText(value: CelValue): string {
  if (value === null) return 'null';
  if (isTagged(value, 'list') || isTagged(value, 'map')) return shownInside(value);
  if (isTagged(value, 'type')) return value.name;
  try {
    return textOf(value);
  } catch {
    throw during(
      `string clause can only be used on strings, bools, bytes, ints, doubles, maps, lists, types, durations, and timestamps, was given ${typeName(value)}`,
    );
  }
}

/** Inside of lists and maps texts stand in quotes. */
function shownInside(value: CelValue): string {
  if (typeof value === 'string') return JSON.stringify(value);
  if (typeof value === 'number') return Number.isFinite(value) ? doubleText(value) : JSON.stringify(doubleText(value));
  if (isTagged(value, 'list')) return `[${itemsOf(value).map(shownInside).join(', ')}]`;
  if (isTagged(value, 'map')) {
    const entries = [...value.entries.values()].map(([key, item]) => [shownInside(key), shownInside(item)] as const);
    return `{${entries
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([key, item]) => `${key}: ${item}`)
      .join(', ')}}`;
  }
  if (isTagged(value, 'bytes')) return `b${JSON.stringify(Buffer.from(value.bytes).toString())}`;
  if (isTagged(value, 'duration')) return `duration("${durationText(value.nanos)}")`;
  if (isTagged(value, 'timestamp')) return `timestamp("${timestampText(value.nanos)}")`;
  return shownAsText(value);
}
