/** Quantities, semantic versions, and the named formats of Kubernetes. */
import { nameChecks } from '../../../registry/names.ts';
import { hasFormat } from '../../formats.ts';
import { parseQuantity } from '../../quantity.ts';
import { CelError, type CelValue, list, noSuchOverload, type Semver } from '../values.ts';
import type { CelFunction, CelFunctions } from './function.ts';
import { int, isTagged } from './operators.ts';

const WHOLE = 10n ** 9n;

function text(value: CelValue | undefined): string {
  if (typeof value !== 'string') throw noSuchOverload();
  return value;
}

function quantity(value: CelValue | undefined): bigint {
  if (value === undefined || !isTagged(value, 'quantity')) throw noSuchOverload();
  return value.billionths;
}

function toQuantity([value]: readonly CelValue[]): CelValue {
  const billionths = parseQuantity(text(value));
  if (billionths !== undefined) return { tag: 'quantity', billionths };
  throw new CelError("quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'");
}

/** A quantity, or a whole number taken for one. */
const amount = (value: CelValue | undefined): bigint => (typeof value === 'bigint' ? value * WHOLE : quantity(value));

const asInteger = ([value]: readonly CelValue[]): CelValue => {
  const billionths = quantity(value);
  if (!isInteger(billionths)) throw new CelError('cannot convert value to integer');
  return int(billionths / WHOLE);
};

const isInteger = (billionths: bigint): boolean =>
  billionths % WHOLE === 0n && billionths / WHOLE < 2n ** 63n && billionths / WHOLE >= -(2n ** 63n);

const semverForm =
  /^(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)(?:-((?:0|[1-9]\d*|\d*[a-zA-Z-][0-9a-zA-Z-]*)(?:\.(?:0|[1-9]\d*|\d*[a-zA-Z-][0-9a-zA-Z-]*))*))?(?:\+[0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*)?$/;

function parseSemver(written: string, isLoose: boolean): Semver | undefined {
  const match = semverForm.exec(isLoose ? completed(written) : written);
  if (!match) return undefined;
  const [, major = '0', minor = '0', patch = '0', prerelease] = match;
  return {
    numbers: [BigInt(major), BigInt(minor), BigInt(patch)],
    prerelease: prerelease?.split('.') ?? [],
  };
}

/** `v1.02` becomes `1.2.0`. */
function completed(written: string): string {
  const [, numbers = '', rest = ''] = /^v?(\d+(?:\.\d+)*)([\s\S]*)$/.exec(written) ?? [];
  const parts = numbers.split('.').map((part) => part.replace(/^0+(?=\d)/, ''));
  while (parts.length < 3 && rest === '') parts.push('0');
  return `${parts.join('.')}${rest}`;
}

function compareSemver(a: Semver, b: Semver): number {
  for (const [i, number] of a.numbers.entries()) {
    const other = b.numbers[i] ?? 0n;
    if (number !== other) return number < other ? -1 : 1;
  }
  if (a.prerelease.length === 0 || b.prerelease.length === 0) return b.prerelease.length - a.prerelease.length;
  for (const [i, part] of a.prerelease.entries()) {
    const other = b.prerelease[i];
    if (other === undefined) return 1;
    if (part === other) continue;
    const areNumbers = [part, other].map((each) => /^\d+$/.test(each));
    if (areNumbers[0] && areNumbers[1]) return BigInt(part) < BigInt(other) ? -1 : 1;
    if (areNumbers[0] !== areNumbers[1]) return areNumbers[0] ? -1 : 1;
    return part < other ? -1 : 1;
  }
  return a.prerelease.length - b.prerelease.length;
}

function semver(value: CelValue | undefined): Semver {
  if (value === undefined || !isTagged(value, 'semver')) throw noSuchOverload();
  return value.version;
}

/** Compares two quantities or two versions. */
function sign([a = null, b]: readonly CelValue[]): number {
  if (isTagged(a, 'semver')) return Math.sign(compareSemver(a.version, semver(b)));
  const [left, right] = [quantity(a), quantity(b)];
  return left < right ? -1 : left > right ? 1 : 0;
}

const prefix =
  (check: (name: string) => string | undefined) =>
  (name: string): string | undefined =>
    check(name.endsWith('-') ? `${name.slice(0, -1)}a` : name);

const formatted =
  (format: string, why: string) =>
  (value: string): string | undefined =>
    hasFormat(format, value) ? undefined : why;

const formats: Readonly<Record<string, (value: string) => string | undefined>> = {
  dns1123Label: nameChecks.label,
  dns1123Subdomain: nameChecks.subdomain,
  dns1035Label: nameChecks.label1035,
  qualifiedName: nameChecks.qualified,
  dns1123LabelPrefix: prefix(nameChecks.label),
  dns1123SubdomainPrefix: prefix(nameChecks.subdomain),
  dns1035LabelPrefix: prefix(nameChecks.label1035),
  labelValue: nameChecks.labelValue,
  uri: formatted('uri', 'invalid URI for request'),
  uuid: formatted('uuid', 'does not match the UUID format'),
  byte: formatted('byte', 'invalid base64'),
  date: formatted('date', 'invalid date'),
  datetime: formatted('datetime', 'invalid datetime'),
};

function validate([format = null, value]: readonly CelValue[]): CelValue {
  if (!isTagged(format, 'format')) throw noSuchOverload();
  const problem = formats[format.name]?.(text(value));
  return { tag: 'optional', value: problem === undefined ? undefined : list([problem]) };
}

const numberAt =
  (place: 0 | 1 | 2): CelFunction =>
  ([value]) =>
    int(semver(value).numbers[place]);

export const kinds: CelFunctions = {
  quantity: toQuantity,
  isQuantity: ([value]) => parseQuantity(text(value)) !== undefined,
  sign: ([value]) => {
    const billionths = quantity(value);
    return billionths < 0n ? -1n : billionths > 0n ? 1n : 0n;
  },
  asInteger,
  isInteger: ([value]) => isInteger(quantity(value)),
  asApproximateFloat: ([value]) => Number(quantity(value)) / 1e9,
  add: ([value, other]) => ({ tag: 'quantity', billionths: quantity(value) + amount(other) }),
  sub: ([value, other]) => ({ tag: 'quantity', billionths: quantity(value) - amount(other) }),
  isGreaterThan: (args) => sign(args) > 0,
  isLessThan: (args) => sign(args) < 0,
  compareTo: (args) => BigInt(sign(args)),
  semver: ([value, isLoose = false]) => {
    const version = parseSemver(text(value), isLoose === true);
    if (!version) throw new CelError('No Major.Minor.Patch elements found');
    return { tag: 'semver', version };
  },
  isSemver: ([value, isLoose = false]) => parseSemver(text(value), isLoose === true) !== undefined,
  major: numberAt(0),
  minor: numberAt(1),
  patch: numberAt(2),
  'format.named': ([name]) => ({
    tag: 'optional',
    value: Object.hasOwn(formats, text(name)) ? { tag: 'format', name: text(name) } : undefined,
  }),
  validate,
  ...Object.fromEntries(
    Object.keys(formats).map((name): [string, CelFunction] => [`format.${name}`, () => ({ tag: 'format', name })]),
  ),
};
