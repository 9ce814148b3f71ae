/** From JSON to what expressions compute with, as a schema says. */
import { isObject } from '../json.ts';
import { parseDuration, parseTimestamp } from './cel/time.ts';
import { CelError, type CelList, type CelValue, list, map } from './cel/values.ts';
import type { Schema } from './schema.ts';

const reserved = new Set(
  'true false null in as break const continue else for function if import let loop package namespace return var void while'.split(
    ' ',
  ),
);

/**
 * How a rule writes a property whose name is no identifier, or a word of the language. Undefined where it cannot be
 * written at all.
 */
export function celName(name: string): string | undefined {
  if (reserved.has(name)) return `__${name}__`;
  if (!/^[A-Za-z_./-][A-Za-z0-9_./-]*$/.test(name)) return undefined;
  return name.replace(/__|[-./]/g, (part) => escapes[part] ?? part);
}

const escapes: Readonly<Record<string, string>> = {
  __: '__underscores__',
  '.': '__dot__',
  '-': '__dash__',
  '/': '__slash__',
};

/** Without a schema, values are what they look like: times are texts, and whole numbers are ints. */
export function celValue(schema: Schema | undefined, value: unknown): CelValue {
  if (typeof value === 'number') return Number.isInteger(value) && schema?.type !== 'number' ? BigInt(value) : value;
  if (typeof value === 'string') return textValue(schema?.format, value);
  if (typeof value === 'boolean') return value;
  if (Array.isArray(value)) {
    return list(
      value.map((item) => celValue(schema?.items, item)),
      schema && identityOf(schema),
    );
  }
  if (!isObject(value)) return null;
  const entries: (readonly [CelValue, CelValue])[] = [];
  for (const key of Object.keys(value)) {
    const declared = schema?.properties && Object.hasOwn(schema.properties, key) ? schema.properties[key] : undefined;
    const child =
      declared ?? (isObject(schema?.additionalProperties) ? (schema.additionalProperties as Schema) : undefined);
    const name = declared ? celName(key) : key;
    if (name !== undefined) entries.push([name, celValue(child, value[key])]);
  }
  return map(entries);
}

function textValue(format: string | undefined, text: string): CelValue {
  switch (format ?? '') {
    case 'date-time':
    case 'date': {
      const nanos = parseTimestamp(format === 'date' ? `${text}T00:00:00Z` : text);
      if (nanos === undefined) throw new CelError(`Invalid date-time: ${text}`);
      return { tag: 'timestamp', nanos };
    }
    case 'duration': {
      const nanos = parseDuration(text);
      if (nanos === undefined) throw new CelError(`Invalid duration ${text}`);
      return { tag: 'duration', nanos };
    }
    case 'byte':
      return { tag: 'bytes', bytes: Buffer.from(text, 'base64') };
    default:
      return text;
  }
}

/** Lists of type `set` and `map` are compared and joined by what their items are, not by where they stand. */
function identityOf(schema: Schema): CelList['identity'] | undefined {
  const keys = schema['x-kubernetes-list-map-keys'] ?? [];
  switch (schema['x-kubernetes-list-type']) {
    case 'set':
      return (item) => identityText(item);
    case 'map':
      return (item) =>
        typeof item === 'object' && item !== null && item.tag === 'map'
          ? keys.map((key) => identityText(item.entries.get(`s${celName(key) ?? key}`)?.[1] ?? null)).join('\u0000')
          : undefined;
    case 'atomic':
    case undefined:
      return undefined;
  }
}

function identityText(value: CelValue): string {
  return JSON.stringify(value, (_key, part: unknown) => {
    if (typeof part === 'bigint') return `int:${part}`;
    return part instanceof Map ? [...part.values()] : part;
  });
}
