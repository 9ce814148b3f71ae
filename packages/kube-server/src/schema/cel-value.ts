import { isObject, type JsonObject, setOwn } from '../json.ts';
import type { Schema } from './schema.ts';

const reserved = new Set(
  'true false null in as break const continue else for function if import let loop package namespace return var void while'.split(
    ' ',
  ),
);

/** How a rule writes a property whose name is no identifier, or a word of the language. */
export function celName(name: string): string {
  if (reserved.has(name)) return `__${name}__`;
  if (/^[A-Za-z_][A-Za-z0-9_]*$/.test(name) && !name.includes('__')) return name;
  return name
    .replaceAll('__', '__underscores__')
    .replaceAll('.', '__dot__')
    .replaceAll('-', '__dash__')
    .replaceAll('/', '__slash__');
}

/** JSON as the expressions see it: integers become 64-bit, times become timestamps, declared properties get CEL names. */
export function celValue(schema: Schema | undefined, value: unknown): unknown {
  if (typeof value === 'number') {
    return Number.isInteger(value) && schema?.type !== 'number' ? BigInt(value) : value;
  }
  if (typeof value === 'string') {
    return schema?.format === 'date-time' ? new Date(value) : value;
  }
  if (Array.isArray(value)) return value.map((item) => celValue(schema?.items, item));
  if (!isObject(value)) return value;
  const result: JsonObject = {};
  for (const key of Object.keys(value)) {
    const declared = schema?.properties && Object.hasOwn(schema.properties, key) ? schema.properties[key] : undefined;
    const child =
      declared ?? (isObject(schema?.additionalProperties) ? (schema.additionalProperties as Schema) : undefined);
    setOwn(result, declared ? celName(key) : key, celValue(child, value[key]));
  }
  return result;
}
