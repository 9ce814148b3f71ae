/** Texts: search, cut, join, regular expressions. */
import { createRegexCache } from '../../regex/regex.ts';
import { CelError, type CelValue, charCount, itemsOf, list, noSuchOverload, typeName } from '../values.ts';
import { formatText } from './format-text.ts';
import type { CelFunction, CelFunctions } from './function.ts';
import { indexOfItem, lastIndexOfItem } from './lists.ts';
import { isTagged } from './operators.ts';

/** Patterns mostly stand in rules as constants: a few hundred cover all definitions that a server has. */
const regexOf = createRegexCache(500);

function regex(source: string) {
  try {
    return regexOf(source);
  } catch (error) {
    throw new CelError(`Illegal regex: ${error instanceof Error ? error.message : String(error)}`);
  }
}

function text(value: CelValue | undefined): string {
  if (typeof value !== 'string') throw noSuchOverload();
  return value;
}

function whole(value: CelValue | undefined): number {
  if (typeof value !== 'bigint') throw noSuchOverload();
  return Number(value);
}

const outOfRange = (at: number): CelError => new CelError(`index out of range: ${at}`);

function charAt([value, at]: readonly CelValue[]): CelValue {
  const chars = Array.from(text(value));
  const place = whole(at);
  if (place < 0 || place > chars.length) throw outOfRange(place);
  return chars[place] ?? '';
}

function indexOf(value: string, part: string, from: number): number {
  if (part === '') return from;
  if (from < 0) throw outOfRange(from);
  const chars = Array.from(value);
  if (from >= chars.length) return -1;
  const found = value.indexOf(part, chars.slice(0, from).join('').length);
  return found < 0 ? -1 : charCount(value.slice(0, found));
}

function lastIndexOf(value: string, part: string, from: number): number {
  if (part === '') return from;
  if (from < 0) throw outOfRange(from);
  const chars = Array.from(value);
  if (from >= chars.length) return -1;
  const found = value.lastIndexOf(part, chars.slice(0, from).join('').length);
  return found < 0 ? -1 : charCount(value.slice(0, found));
}

function substring([value, from, to]: readonly CelValue[]): CelValue {
  const chars = Array.from(text(value));
  const start = whole(from);
  if (to === undefined) {
    if (start < 0 || start > chars.length) throw outOfRange(start);
    return chars.slice(start).join('');
  }
  const end = whole(to);
  if (start > end) throw new CelError(`invalid substring range. start: ${start}, end: ${end}`);
  for (const at of [start, end]) if (at < 0 || at > chars.length) throw outOfRange(at);
  return chars.slice(start, end).join('');
}

/** An empty text is found before every character and at the end. */
function replace([value, old, by, limit]: readonly CelValue[]): CelValue {
  const [subject, from, to] = [text(value), text(old), text(by)];
  let left = limit === undefined ? -1 : whole(limit);
  if (left < 0) left = Number.POSITIVE_INFINITY;
  const parts = from === '' ? ['', ...Array.from(subject), ''] : subject.split(from);
  let result = parts[0] ?? '';
  for (const [i, part] of parts.slice(1).entries()) {
    const isLastOfEmpty = from === '' && i === parts.length - 2;
    const joint = left-- > 0 ? to : from;
    result += isLastOfEmpty ? joint : joint + part;
  }
  return result;
}

function split([value, separator, limit]: readonly CelValue[]): CelValue {
  const [subject, by] = [text(value), text(separator)];
  const count = limit === undefined ? -1 : whole(limit);
  if (count === 0) return list([]);
  const parts = by === '' ? Array.from(subject) : subject.split(by);
  if (count > 0 && parts.length > count) {
    return list([...parts.slice(0, count - 1), parts.slice(count - 1).join(by)]);
  }
  return list(parts);
}

function join([items = null, separator = '']: readonly CelValue[]): CelValue {
  if (!isTagged(items, 'list')) throw noSuchOverload();
  return itemsOf(items)
    .map((item) => {
      if (typeof item !== 'string') throw new CelError(`join: invalid input: ${typeName(item)}`);
      return item;
    })
    .join(text(separator));
}

function findAll([value, pattern, limit]: readonly CelValue[]): CelValue {
  const subject = text(value);
  const matcher = regex(text(pattern));
  const most = limit === undefined ? -1 : whole(limit);
  const found: CelValue[] = [];
  for (let at = 0; at <= subject.length && (most < 0 || found.length < most); ) {
    const match = matcher.find(subject, at);
    if (!match) break;
    // An empty match right after another match does not count.
    if (match.end > match.start || match.start !== at || found.length === 0) {
      found.push(subject.slice(match.start, match.end));
    }
    at = match.end > match.start ? match.end : match.end + ((subject.codePointAt(match.end) ?? 0) > 0xffff ? 2 : 1);
  }
  return list(found);
}

const escapes: Readonly<Record<string, string>> = {
  '\x07': '\\a',
  '\b': '\\b',
  '\f': '\\f',
  '\n': '\\n',
  '\r': '\\r',
  '\t': '\\t',
  '\v': '\\v',
  '\\': '\\\\',
  '"': '\\"',
};

const ofText =
  (change: (value: string) => CelValue): CelFunction =>
  ([value]) =>
    change(text(value));
const ofTexts =
  (answer: (value: string, other: string) => CelValue): CelFunction =>
  ([value, other]) =>
    answer(text(value), text(other));

export const texts: CelFunctions = {
  contains: ofTexts((value, part) => value.includes(part)),
  startsWith: ofTexts((value, part) => value.startsWith(part)),
  endsWith: ofTexts((value, part) => value.endsWith(part)),
  matches: ([value, pattern]) => {
    const subject = text(value);
    try {
      return regexOf(text(pattern)).test(subject);
    } catch (error) {
      throw error instanceof CelError ? error : new CelError(error instanceof Error ? error.message : String(error));
    }
  },
  find: ofTexts((value, pattern) => {
    const match = regex(pattern).find(value);
    return match ? value.slice(match.start, match.end) : '';
  }),
  findAll,
  charAt,
  indexOf: (args, meter) => {
    const [value = null, part, from] = args;
    if (isTagged(value, 'list')) return indexOfItem(value, part ?? null, meter);
    return BigInt(indexOf(text(value), text(part), from === undefined ? 0 : whole(from)));
  },
  lastIndexOf: (args, meter) => {
    const [value = null, part, from] = args;
    if (isTagged(value, 'list')) return lastIndexOfItem(value, part ?? null, meter);
    const subject = text(value);
    const count = charCount(subject);
    if (from !== undefined) return BigInt(lastIndexOf(subject, text(part), whole(from)));
    if (text(part) === '') return BigInt(count);
    return count === 0 ? -1n : BigInt(lastIndexOf(subject, text(part), count - 1));
  },
  lowerAscii: ofText((value) => value.replace(/[A-Z]/g, (char) => char.toLowerCase())),
  upperAscii: ofText((value) => value.replace(/[a-z]/g, (char) => char.toUpperCase())),
  replace,
  split,
  join,
  substring,
  trim: ofText((value) => value.trim()),
  'strings.quote': ofText((value) => `"${Array.from(value, (char) => escapes[char] ?? char).join('')}"`),
  format: ([template, args = null]) => {
    if (!isTagged(args, 'list')) throw noSuchOverload();
    return formatText(text(template), itemsOf(args));
  },
};
