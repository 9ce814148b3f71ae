import type { TemplateItem } from '../catalog/template.ts';
import { allowedOf, parseBool } from './check.ts';
import { unquote } from './quoting.ts';
import { parseNumber } from './units.ts';

/**
 * Whether two values of a parameter mean the same to the engine: 96MB and 98304kB, on and true. A parameter that the template
 * does not know is compared as text.
 */
export function isSameValue(item: TemplateItem | undefined, one: string, other: string): boolean {
  const [a, b] = [unquote(one), unquote(other)];
  if (a === b) return true;
  if (!item) return false;
  const allowed = allowedOf(item);
  if (allowed.kind === 'range' || item.baseUnit !== undefined) {
    const type = item.type === 'INT' ? 'INT' : 'DOUBLE';
    const [x, y] = [parseNumber(a, type, item.baseUnit), parseNumber(b, type, item.baseUnit)];
    return x.ok && y.ok && x.value === y.value;
  }
  if (allowed.kind === 'bool') {
    const [x, y] = [parseBool(a), parseBool(b)];
    return x !== undefined && x === y;
  }
  return allowed.kind === 'words' && a.toLowerCase() === b.toLowerCase();
}
