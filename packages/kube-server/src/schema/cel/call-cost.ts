/** What calling a function costs when it runs (M1 of meter.ts). */
import { type CelValue, itemsOf, sizeOf } from './values.ts';

export const PER_CHAR = 0.1;
export const PER_REGEX_CHAR = 0.25;
export const LIST_COST = 10;
export const MAP_COST = 30;
/** The longest pattern behind a named format. */
export const FORMAT_REGEX_CHARS = 128;

const chars = (value: CelValue | undefined, factor = 1): number =>
  Math.ceil((value === undefined ? 1 : sizeOf(value)) * factor * PER_CHAR);

function regexCost(text: CelValue | undefined, patternSize: number): number {
  const size = text === undefined ? 1 : sizeOf(text);
  return Math.ceil((1 + size) * PER_CHAR) * Math.ceil(patternSize * PER_REGEX_CHAR);
}

/** One for every value inside, a tenth for every byte of a text. */
function traversal(value: CelValue): number {
  if (typeof value === 'string') return Math.floor(Buffer.byteLength(value) * PER_CHAR);
  if (typeof value !== 'object' || value === null) return 1;
  switch (value.tag) {
    case 'bytes':
      return Math.floor(value.bytes.length * PER_CHAR);
    case 'list':
      return itemsOf(value).reduce((sum: number, item) => sum + traversal(item), 0);
    case 'map':
      return [...value.entries.values()].reduce((sum, [key, item]) => sum + traversal(key) + traversal(item), 0);
    case 'uint':
    case 'duration':
    case 'timestamp':
    case 'optional':
    case 'type':
    case 'quantity':
    case 'url':
    case 'ip':
    case 'cidr':
    case 'semver':
    case 'format':
      return 1;
  }
}

const isSizedText = (value: CelValue | undefined): boolean =>
  typeof value === 'string' || (typeof value === 'object' && value !== null && value.tag === 'bytes');

export function callCost(name: string, args: readonly CelValue[], result: CelValue): number {
  const [first, second] = args;
  switch (name) {
    case 'isSorted':
    case 'sum':
    case 'max':
    case 'min':
    case 'indexOf':
    case 'lastIndexOf':
      return first === undefined ? 0 : traversal(first);
    case 'url':
    case 'lowerAscii':
    case 'upperAscii':
    case 'substring':
    case 'trim':
    case 'cidr':
    case 'isIP':
    case 'isCIDR':
    case 'quantity':
    case 'isQuantity':
    case 'semver':
    case 'isSemver':
    case 'startsWith':
    case 'endsWith':
    case 'strings.quote':
    case 'format':
      return chars(first);
    case 'bytes':
    case 'string':
      return isSizedText(first) && typeof first !== typeof result ? chars(first) : 1;
    case 'replace':
    case 'split':
    case 'ip.isCanonical':
      return chars(first, 2);
    case 'join':
      return chars(result, 2);
    case 'find':
    case 'findAll':
    case 'matches':
      return regexCost(first, second === undefined ? 1 : sizeOf(second));
    case 'contains':
      return chars(first) * chars(second);
    case 'ip':
      return typeof first === 'string' ? chars(first) : 1;
    case 'containsIP':
      return chars(first, 2) + (typeof second === 'string' ? chars(second) : 0);
    case 'containsCIDR':
      return chars(first, 2) + chars(first) + 1 + (typeof second === 'string' ? chars(second) : 0);
    case 'validate':
      return regexCost(second, FORMAT_REGEX_CHARS);
    case 'sets.contains':
    case 'sets.intersects':
      return 1 + sizeOf(first ?? null) * sizeOf(second ?? null);
    case 'sets.equivalent':
      return 1 + sizeOf(first ?? null) * sizeOf(second ?? null) * 2;
    case '@in':
      return typeof second === 'object' && second !== null && second.tag === 'list' ? second.length : 1;
    case '_==_':
    case '_!=_':
      return Math.ceil(Math.min(sizeOf(first ?? null), sizeOf(second ?? null)) * PER_CHAR);
    case '_<_':
    case '_<=_':
    case '_>_':
    case '_>=_':
      return isSizedText(first) ? Math.ceil(Math.min(sizeOf(first ?? null), sizeOf(second ?? null)) * PER_CHAR) : 1;
    case '_+_':
      return isSizedText(first) ? Math.ceil((sizeOf(first ?? null) + sizeOf(second ?? null)) * PER_CHAR) : 1;
    default:
      return 1;
  }
}
