/** The types and largest sizes that a schema declares, as expressions see them. */
import { isObject } from '../../json.ts';
import { celName } from '../cel-value.ts';
import type { Schema } from '../schema.ts';
import {
  BOOL,
  BYTES,
  type CelType,
  DOUBLE,
  DURATION,
  DYN,
  INT,
  listOf,
  mapOf,
  objectType,
  STRING,
  TIMESTAMP,
} from './types.ts';

export interface Declared {
  readonly type: CelType;
  /** The most characters, items or properties; 0 for what has none. */
  readonly maxElements: number;
  /** Bytes of the smallest such value in JSON. */
  readonly minSize: number;
  readonly fields?: ReadonlyMap<string, Declared>;
  readonly key?: Declared;
  readonly item?: Declared;
}

/** Bytes of the largest request. */
export const MAX_REQUEST = 3 * 1024 * 1024;
const MAX_TEXT = MAX_REQUEST - 2;
const MAX_TIME_TEXT = 32;
const DATE_TEXT = 12;

const metaSchema: Schema = {
  type: 'object',
  properties: { name: { type: 'string' }, generateName: { type: 'string' } },
};

/** Kind, apiVersion and the names of an object are known to the rules of its root, whatever the schema says. */
export function withTypeAndName(schema: Schema): Schema {
  const text: Schema = { type: 'string' };
  return { ...schema, properties: { ...schema.properties, kind: text, apiVersion: text, metadata: metaSchema } };
}

/** Undefined where expressions cannot see the value: what the schema says nothing of. */
export function declaredOf(schema: Schema, isRoot: boolean, name = 'selfType'): Declared | undefined {
  if (schema['x-kubernetes-int-or-string'] === true) {
    const maxElements = schema.maxLength === undefined ? MAX_TEXT : Math.max(schema.maxLength, 0) * 4;
    return { type: DYN, maxElements, minSize: 1 };
  }
  switch (schema.type) {
    case 'array':
      return listDeclared(schema, name);
    case 'object':
      return objectDeclared(isRoot ? withTypeAndName(schema) : schema, name);
    case 'string':
      return textDeclared(schema);
    case 'boolean':
      return { type: BOOL, maxElements: 0, minSize: 4 };
    case 'integer':
      return { type: INT, maxElements: 0, minSize: 1 };
    case 'number':
      return { type: DOUBLE, maxElements: 0, minSize: 1 };
    case undefined:
      return undefined;
  }
}

function listDeclared(schema: Schema, name: string): Declared | undefined {
  const item = schema.items && nested(schema.items, `${name}.@idx`);
  if (!item) return undefined;
  const most = schema.maxItems === undefined ? Math.floor((MAX_REQUEST - 2) / (item.minSize + 1)) : schema.maxItems;
  return { type: listOf(item.type), maxElements: Math.max(most, 0), minSize: 2, item };
}

const nested = (schema: Schema, name: string): Declared | undefined =>
  declaredOf(schema, schema['x-kubernetes-embedded-resource'] === true, name);

function objectDeclared(schema: Schema, name: string): Declared | undefined {
  if (isObject(schema.additionalProperties)) {
    const item = nested(schema.additionalProperties as Schema, `${name}.@elem`);
    if (!item) return undefined;
    const most = schema.maxProperties ?? Math.floor((MAX_REQUEST - 2) / (item.minSize + 6));
    const key: Declared = { type: STRING, maxElements: 0, minSize: 2 };
    return { type: mapOf(STRING, item.type), maxElements: Math.max(most, 0), minSize: 2, key, item };
  }
  const fields = new Map<string, Declared>();
  let minSize = 2;
  for (const [property, child] of Object.entries(schema.properties ?? {})) {
    const escaped = celName(property);
    const declared = nested(child, `${name}.${escaped ?? property}`);
    if (!declared) continue;
    if (escaped !== undefined) fields.set(escaped, declared);
    if (schema.required?.includes(property) && child.default === undefined) {
      minSize += property.length + declared.minSize + 4;
    }
  }
  const types = new Map([...fields].map(([field, { type }]) => [field, type]));
  return { type: objectType(name, types), maxElements: 0, minSize, fields };
}

function textDeclared(schema: Schema): Declared {
  switch (schema.format ?? '') {
    case 'byte':
      return { type: BYTES, maxElements: Math.max(schema.maxLength ?? MAX_TEXT, 0), minSize: 2 };
    case 'duration':
      return { type: DURATION, maxElements: MAX_TIME_TEXT, minSize: 3 };
    case 'date':
      return { type: TIMESTAMP, maxElements: DATE_TEXT, minSize: DATE_TEXT };
    case 'date-time':
      return { type: TIMESTAMP, maxElements: MAX_TIME_TEXT, minSize: 21 };
    default: {
      const longest = (schema.enum ?? []).map((value) => (typeof value === 'string' ? Buffer.byteLength(value) : 0));
      const unbounded = longest.length > 0 ? Math.max(...longest) : MAX_TEXT;
      const maxElements = schema.maxLength === undefined ? unbounded : Math.max(schema.maxLength, 0) * 4;
      return { type: STRING, maxElements, minSize: 2 };
    }
  }
}
