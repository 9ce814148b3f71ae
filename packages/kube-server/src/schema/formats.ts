/** The formats of texts that Kubernetes checks, with its rules; what it does not check is not checked here either. */
import { isObject } from '../json.ts';
import { parseAddress } from './address.ts';
import { isDay, parseDuration } from './cel/time.ts';
import type { Schema } from './schema.ts';

const matches =
  (pattern: RegExp) =>
  (text: string): boolean =>
    pattern.test(text);

function isDate(text: string): boolean {
  const match = /^(\d{4})-(\d\d)-(\d\d)$/.exec(text);
  return match !== null && isDay(Number(match[1]), Number(match[2]), Number(match[3]));
}

function isDateTime(text: string): boolean {
  const [date = '', time = ''] = text.toLowerCase().split('t');
  const match = /^(\d\d):(\d\d):(\d\d)(?:.\d+)?(?:z|[+-]\d\d:\d\d)$/.exec(time);
  if (!match || !isDate(date)) return false;
  const [, hour = '', minute = '', second = ''] = match;
  return hour <= '23' && minute <= '59' && second <= '59';
}

const microTime = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}(Z|[+-]\d\d:\d\d)$/;

/** Words for units beside those of Go; the last of each may be followed by more letters: `2 hours`. */
const units = [
  ['ns', 'nano'],
  ['us', 'µs', 'micro'],
  ['ms', 'milli'],
  ['s', 'sec'],
  ['m', 'min'],
  ['h', 'hr', 'hour'],
  ['d', 'day'],
  ['w', 'wk', 'week'],
] as const;

function isDuration(text: string): boolean {
  if (parseDuration(text) !== undefined) return true;
  return [...text.matchAll(/\d+\s*([A-Za-zµ]+)/g)].some(([, word = '']) => {
    const unit = word.toLowerCase();
    return units.some((names) => names.some((name) => name === unit) || unit.startsWith(names.at(-1) ?? ''));
  });
}

/** As Go reads it here: zeros may lead the numbers. */
function isSloppyIPv4(text: string): boolean {
  const parts = text.split('.');
  return parts.length === 4 && parts.every((part) => /^\d{1,3}$/.test(part) && Number(part) <= 255);
}

const isIPv6 = (text: string): boolean => text.includes(':') && parseAddress(text) !== undefined;

function isCidr(text: string): boolean {
  const match = /^([^/]+)\/(\d{1,3})$/.exec(text);
  const [, address = '', bits = ''] = match ?? [];
  return isSloppyIPv4(address) ? Number(bits) <= 32 : isIPv6(address) && bits !== '' && Number(bits) <= 128;
}

const mac =
  /^(?:[0-9a-fA-F]{2}(?:([:-])[0-9a-fA-F]{2})(?:\1[0-9a-fA-F]{2}){4}(?:(?:\1[0-9a-fA-F]{2}){2}|(?:\1[0-9a-fA-F]{2}){14})?|[0-9a-fA-F]{4}(?:\.[0-9a-fA-F]{4}){2}(?:\.[0-9a-fA-F]{4}|(?:\.[0-9a-fA-F]{4}){7})?)$/;

const hostname =
  /^([a-zA-Z0-9\p{S}\p{L}]((-?[a-zA-Z0-9\p{S}\p{L}]{0,62})?)|([a-zA-Z0-9\p{S}\p{L}](([a-zA-Z0-9\-\p{S}\p{L}]{0,61}[a-zA-Z0-9\p{S}\p{L}])?)(\.)){1,}([a-zA-Z\p{L}]){2,63})$/u;

function isHostname(text: string): boolean {
  if (Buffer.byteLength(text) > 255 || text.split('.').some((part) => Buffer.byteLength(part) > 63)) return false;
  return hostname.test(text);
}

/** `name@host`, `"a name" <name@host>`. */
function isEmail(text: string): boolean {
  const inside = /^(?:(?:"(?:\\.|[^"\\])*"|[^<>@,;:"()[\]\\]*)\s*)?<([^<>]*)>$/.exec(text.trim())?.[1] ?? text.trim();
  return /^(?:[A-Za-z0-9!#$%&'*+/=?^_`{|}~\u0080-\uffff-]+(?:\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~\u0080-\uffff-]+)*|"(?:\\.|[^"\\])*")@(?:[A-Za-z0-9!#$%&'*+/=?^_`{|}~\u0080-\uffff-]+(?:\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~\u0080-\uffff-]+)*|\[[^\]]*\])$/.test(
    inside,
  );
}

/** Absolute, or a path from the root: what may be asked of a server. */
export function isRequestUri(text: string): boolean {
  if (text === '' || Array.from(text).some((char) => char < ' ' || char === '\x7f')) return false;
  if (text === '*' || text.startsWith('/')) return !/%(?![0-9a-fA-F]{2})/.test(text);
  const match = /^[A-Za-z][A-Za-z0-9+.-]*:([\s\S]*)$/.exec(text);
  if (!match) return false;
  const rest = match[1] ?? '';
  const host = /^\/\/([^/?]*)/.exec(rest)?.[1]?.replace(/^[^@]*@/, '');
  if (host === undefined) return true;
  const hostAndPort = /^(\[[^\]]*\]|[^:]*)(?::(\d*))?$/.exec(host);
  return hostAndPort !== null && !/[ <>"\\^`{|}]/.test(host) && !/%(?![0-9a-fA-F]{2})/.test(rest.split('?')[0] ?? '');
}

const digits = (text: string): readonly number[] => Array.from(text, Number);

function isIsbn10(text: string): boolean {
  const plain = text.replace(/[\s-]+/g, '');
  if (!/^(?:\d{9}X|\d{10})$/.test(plain)) return false;
  const sum = Array.from(plain).reduce((total, char, i) => total + (i + 1) * (char === 'X' ? 10 : Number(char)), 0);
  return sum % 11 === 0;
}

function isIsbn13(text: string): boolean {
  const plain = text.replace(/[\s-]+/g, '');
  if (!/^\d{13}$/.test(plain)) return false;
  const sum = digits(plain.slice(0, 12)).reduce((total, digit, i) => total + digit * (i % 2 === 0 ? 1 : 3), 0);
  return Number(plain[12]) === (10 - (sum % 10)) % 10;
}

const cards =
  /^(?:4[0-9]{12}(?:[0-9]{3})?|5[1-5][0-9]{14}|6(?:011|5[0-9][0-9])[0-9]{12}|3[47][0-9]{13}|3(?:0[0-5]|[68][0-9])[0-9]{11}|(?:2131|1800|35\d{3})\d{11})$/;

function isCreditCard(text: string): boolean {
  const plain = text.replace(/\D+/g, '');
  if (!cards.test(plain)) return false;
  const sum = digits(plain)
    .toReversed()
    .reduce((total, digit, i) => {
      const doubled = i % 2 === 1 ? digit * 2 : digit;
      return total + (doubled > 9 ? doubled - 9 : doubled);
    }, 0);
  return sum % 10 === 0;
}

const byte = '(?:0|[1-9]\\d?|1\\d\\d?|2[0-4]\\d|25[0-5])';

const checks: Readonly<Record<string, (text: string) => boolean>> = {
  bsonobjectid: matches(/^[0-9a-fA-F]{24}$/),
  byte: matches(/^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=|[A-Za-z0-9+/]{4})$/),
  cidr: isCidr,
  creditcard: isCreditCard,
  date: isDate,
  datetime: isDateTime,
  duration: isDuration,
  email: isEmail,
  hexcolor: matches(/^#?(?:[0-9a-fA-F]{3}|[0-9a-fA-F]{6})$/),
  hostname: isHostname,
  ipv4: (text) => isSloppyIPv4(text) || (isIPv6(text) && text.includes('.')),
  ipv6: isIPv6,
  isbn: (text) => isIsbn10(text) || isIsbn13(text),
  isbn10: isIsbn10,
  isbn13: isIsbn13,
  mac: matches(mac),
  microtime: (text) => microTime.test(text) && !Number.isNaN(Date.parse(text)),
  password: () => true,
  rgbcolor: matches(new RegExp(`^rgb\\(\\s*${byte}\\s*,\\s*${byte}\\s*,\\s*${byte}\\s*\\)$`)),
  ssn: (text) => text.length === 11 && /^\d{3}[- ]?\d{2}[- ]?\d{4}$/.test(text),
  uri: isRequestUri,
  uuid: matches(/^[0-9a-f]{8}-?(?:[0-9a-f]{4}-?){3}[0-9a-f]{12}$/i),
  uuid3: matches(/^[0-9a-f]{8}-?[0-9a-f]{4}-?3[0-9a-f]{3}-?[0-9a-f]{4}-?[0-9a-f]{12}$/i),
  uuid4: matches(/^[0-9a-f]{8}-?[0-9a-f]{4}-?4[0-9a-f]{3}-?[89ab][0-9a-f]{3}-?[0-9a-f]{12}$/i),
  uuid5: matches(/^[0-9a-f]{8}-?[0-9a-f]{4}-?5[0-9a-f]{3}-?[89ab][0-9a-f]{3}-?[0-9a-f]{12}$/i),
};

/** Dashes in the name of a format mean nothing. */
const checkOf = (format: string): ((text: string) => boolean) | undefined => {
  const name = format.replaceAll('-', '');
  return Object.hasOwn(checks, name) ? checks[name] : undefined;
};

/** Whether `text` has the format; formats that Kubernetes does not know are not checked, as there. */
export function hasFormat(format: string, text: string): boolean {
  return checkOf(format)?.(text) ?? true;
}

/** The formats of texts in a schema that nothing checks. */
export function unknownFormats(schema: Schema): readonly string[] {
  const own = schema.type === 'string' && schema.format !== undefined && schema.format !== '' ? [schema.format] : [];
  const children = [
    schema.items,
    ...(schema.allOf ?? []),
    ...(schema.anyOf ?? []),
    ...(schema.oneOf ?? []),
    schema.not,
    ...Object.values(schema.properties ?? {}),
    isObject(schema.additionalProperties) ? (schema.additionalProperties as Schema) : undefined,
  ];
  return [
    ...own.filter((format) => format.replaceAll('-', '') === 'microtime' || checkOf(format) === undefined),
    ...children.flatMap((child) => (child ? unknownFormats(child) : [])),
  ];
}
