import type { ParameterTemplate, TemplateItem } from '../catalog/template.ts';
import { quote, unquote } from './quoting.ts';
import { formatNumber, parseNumber } from './units.ts';

/** What is wrong with one parameter. */
export interface ParameterProblem {
  readonly code: 'ParameterUnknown' | 'ParameterLocked' | 'ParameterInvalid';
  readonly name: string;
  readonly message: string;
  readonly remedy: string;
}

const NUMBER = String.raw`-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?`;
const RANGE = new RegExp(`^\\[(${NUMBER})-(${NUMBER})\\]$`);

/** What an item allows, taken apart. */
type Allowed =
  | { readonly kind: 'range'; readonly min: number; readonly max: number }
  | { readonly kind: 'bool' }
  | { readonly kind: 'words'; readonly words: readonly string[] }
  | { readonly kind: 'pattern'; readonly pattern: RegExp }
  | { readonly kind: 'anything' };

export function allowedOf(item: TemplateItem): Allowed {
  const range = RANGE.exec(item.optional);
  if (range) return { kind: 'range', min: Number(range[1]), max: Number(range[2]) };
  if (item.optional.startsWith('[') && item.optional.endsWith(']')) {
    const words = item.optional.slice(1, -1).split('|');
    const isBool = words.length === 2 && words.includes('on') && words.includes('off');
    return isBool ? { kind: 'bool' } : { kind: 'words', words };
  }
  if (item.optional.startsWith('^')) return { kind: 'pattern', pattern: new RegExp(item.optional) };
  return { kind: 'anything' };
}

/** The words that the engine reads as a truth value: any beginning of these that is not also one of the other side. */
const truth = ['true', 'yes', 'on', '1'];
const untruth = ['false', 'no', 'off', '0'];

export function parseBool(text: string): boolean | undefined {
  const word = text.trim().toLowerCase();
  if (word === '') return undefined;
  const starts = (list: readonly string[]) => list.some((full) => full.startsWith(word));
  if (starts(truth) === starts(untruth)) return undefined;
  return starts(truth);
}

interface Objection {
  readonly reason: string;
  readonly allowed: string;
  /** The value with its unit, where it was written without or with another. */
  readonly shown?: string;
}

/** Why the value cannot be, or undefined. */
function objection(item: TemplateItem, value: string): Objection | undefined {
  const allowed = allowedOf(item);
  switch (allowed.kind) {
    case 'range': {
      const [min, max] = [formatNumber(allowed.min, item.baseUnit), formatNumber(allowed.max, item.baseUnit)];
      const range = `${min} to ${max}`;
      const parsed = parseNumber(value, item.type === 'INT' ? 'INT' : 'DOUBLE', item.baseUnit);
      if (!parsed.ok) return { reason: parsed.reason, allowed: range };
      const plain = formatNumber(parsed.value, item.baseUnit);
      const shown = plain === value.trim() ? value : `${value} (${plain})`;
      if (parsed.value < allowed.min) return { reason: `is below the minimum ${min}`, allowed: range, shown };
      if (parsed.value > allowed.max) return { reason: `is above the maximum ${max}`, allowed: range, shown };
      return undefined;
    }
    case 'bool':
      return parseBool(value) === undefined ? { reason: 'is neither on nor off', allowed: 'on, off' } : undefined;
    case 'words': {
      const words = allowed.words.map((word) => word.toLowerCase());
      // Lists that include on and off take the other truth values as well, unshortened.
      if (words.includes('on') && words.includes('off')) words.push(...truth, ...untruth);
      if (words.includes(value.toLowerCase())) return undefined;
      return { reason: `is none of ${allowed.words.join(', ')}`, allowed: allowed.words.join(', ') };
    }
    case 'pattern':
      // The pattern may expect the quotes in which the original keeps strings.
      return allowed.pattern.test(value) || allowed.pattern.test(quote(value))
        ? undefined
        : { reason: `does not match ${item.optional}`, allowed: item.optional };
    case 'anything':
      return undefined;
  }
}

/** Checks a value against its item, whoever sets it. */
export function checkValue(item: TemplateItem, value: string): ParameterProblem | undefined {
  const bare = unquote(value);
  const problem: Objection | undefined = hasControlCharacters(bare)
    ? { reason: 'contains a line break or another control character', allowed: 'printable text' }
    : objection(item, bare);
  if (!problem) return undefined;
  return {
    code: 'ParameterInvalid',
    name: item.name,
    message: `${item.name}: ${problem.shown ?? JSON.stringify(bare)} ${problem.reason}`,
    remedy: `Allowed: ${problem.allowed}.`,
  };
}

function hasControlCharacters(text: string): boolean {
  for (const character of text) if (character < ' ' || character === '\x7f') return true;
  return false;
}

/** Checks what a user asks for: the parameter exists, is not the stack's, and the value is one of its values. */
export function checkParameter(
  template: ParameterTemplate,
  name: string,
  value: string,
  options: { readonly allowLocked?: boolean } = {},
): ParameterProblem | undefined {
  const item = template.find(name);
  if (!item) {
    const similar = similarNames(template, name);
    return {
      code: 'ParameterUnknown',
      name,
      message: `${name}: PostgreSQL ${template.major} has no such parameter`,
      remedy: similar.length > 0 ? `Did you mean ${similar.join(' or ')}?` : 'Correct the name or leave it out.',
    };
  }
  if (!item.isUserChangeable && !options.allowLocked) {
    return {
      code: 'ParameterLocked',
      name: item.name,
      message: `${item.name}: is set by the stack and cannot be changed`,
      remedy: 'Leave it out.',
    };
  }
  return checkValue(item, value);
}

/** Checks all parameters of a user, in the order of their names; one that is there twice in two spellings is refused. */
export function checkParameters(
  template: ParameterTemplate,
  parameters: Readonly<Record<string, string>>,
  options: { readonly allowLocked?: boolean } = {},
): readonly ParameterProblem[] {
  const seen = new Map<string, string>();
  return Object.entries(parameters)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .flatMap(([name, value]) => {
      const twin = seen.get(name.toLowerCase());
      seen.set(name.toLowerCase(), name);
      if (twin === undefined) return checkParameter(template, name, value, options) ?? [];
      return {
        code: 'ParameterInvalid' as const,
        name,
        message: `${name}: is the same parameter as ${twin}`,
        remedy: 'Leave one of them out.',
      };
    });
}

/** At most two names of the template that differ little from `name`. */
function similarNames(template: ParameterTemplate, name: string): readonly string[] {
  const wanted = name.toLowerCase();
  return template.items
    .filter((item) => item.isUserChangeable)
    .map((item) => ({ name: item.name, far: distance(wanted, item.name.toLowerCase()) }))
    .filter(({ far }) => far <= Math.max(1, Math.floor(wanted.length / 5)))
    .sort((a, b) => a.far - b.far || (a.name < b.name ? -1 : 1))
    .slice(0, 2)
    .map((candidate) => candidate.name);
}

/** Edits (insert, delete, replace) between two words. */
function distance(a: string, b: string): number {
  let previous = Array.from({ length: b.length + 1 }, (_, i) => i);
  for (let i = 1; i <= a.length; i++) {
    const current = [i];
    for (let j = 1; j <= b.length; j++) {
      const replace = (previous[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1);
      current.push(Math.min(replace, (previous[j] ?? 0) + 1, (current[j - 1] ?? 0) + 1));
    }
    previous = current;
  }
  return previous[b.length] ?? 0;
}
