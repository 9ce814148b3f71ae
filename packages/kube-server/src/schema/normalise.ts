/**
 * Turns what a client sent into what is stored: a fresh copy with defaults filled in and fields that the schema does
 * not know left out.
 *
 * - N1 The result shares nothing with the input, so that objects of the store can be passed in.
 * - N2 Every field left out is reported in `unknown`, in the order met; what strict clients see comes from there.
 * - N3 Kinds with `typed: true` (the built-in ones) drop nulls, as a Go struct would, and report values of a wrong
 *   type in `mismatches`; custom resources keep them for the validator to judge.
 */
import { cloneJson, isObject, type JsonObject, setOwn } from '../json.ts';
import { type FieldPath, pathText } from './field-path.ts';
import { hasFormat } from './formats.ts';
import { QUANTITY } from './quantity.ts';
import type { Schema } from './schema.ts';

export interface NormaliseReport {
  readonly unknown: string[];
  /** Sentences about values that do not fit their type, as a Go decoder would put them. */
  readonly mismatches: string[];
}

interface Walk extends NormaliseReport {
  readonly typed: boolean;
  readonly defaults: boolean;
  readonly nulls: boolean;
  readonly path: FieldPath;
  /** The path without indexes and keys of maps, for messages. */
  readonly fields: string[];
  /** The struct that holds the current field, for messages. */
  owner: string;
}

export interface NormaliseOptions {
  readonly typed: boolean;
  /** False leaves out the defaults: what an applied configuration does not say, it does not mean. */
  readonly defaults?: boolean;
  /** True keeps nulls of built-in kinds: who applies one says something of its field. */
  readonly nulls?: boolean;
  /** Where the value lies in its object. */
  readonly at?: readonly string[];
}

export function normalise(
  schema: Schema,
  value: unknown,
  options: NormaliseOptions,
): NormaliseReport & { value: unknown } {
  const walk: Walk = {
    unknown: [],
    mismatches: [],
    typed: options.typed,
    defaults: options.defaults ?? true,
    nulls: options.nulls ?? false,
    path: [...(options.at ?? [])],
    fields: [...(options.at ?? [])],
    owner: '',
  };
  const result = visit(schema, value, walk);
  return { value: result, unknown: walk.unknown, mismatches: walk.mismatches };
}

const embedded: Schema = { 'x-kubernetes-preserve-unknown-fields': true };

function visit(schema: Schema, value: unknown, walk: Walk): unknown {
  if (Array.isArray(value)) return visitArray(schema, value, walk);
  if (isObject(value)) return visitObject(schema, value, walk);
  return walk.typed ? typedScalar(schema, value, walk) : value;
}

function visitArray(schema: Schema, value: readonly unknown[], walk: Walk): unknown {
  if (walk.typed && schema.type !== 'array' && !schema['x-kubernetes-preserve-unknown-fields']) {
    return mismatch(schema, 'array', walk);
  }
  const { items } = schema;
  if (!items) return cloneJson(value);
  const copy: unknown[] = [];
  for (let i = 0; i < value.length; i++) {
    walk.path.push(i);
    copy.push(visit(items, value[i], walk));
    walk.path.pop();
  }
  return copy;
}

function visitObject(schema: Schema, value: JsonObject, walk: Walk): unknown {
  const { properties, additionalProperties } = schema;
  const preserve = schema['x-kubernetes-preserve-unknown-fields'] === true;
  const isEmbedded = schema['x-kubernetes-embedded-resource'] === true;
  if (walk.typed && schema.type !== 'object' && !preserve) return mismatch(schema, 'object', walk);
  if (!properties && !additionalProperties && preserve) return cloneJson(value);
  const copy: JsonObject = {};
  const before = walk.owner;
  if (schema.typeName !== undefined) walk.owner = shortName(schema.typeName);
  for (const key in value) {
    const declared = properties && Object.hasOwn(properties, key) ? properties[key] : undefined;
    const known =
      declared ??
      (isObject(additionalProperties) ? (additionalProperties as Schema) : undefined) ??
      (preserve || additionalProperties === true || (isEmbedded && isEmbeddedField(key)) ? embedded : undefined);
    walk.path.push(key);
    if (declared) walk.fields.push(key);
    if (known === undefined) walk.unknown.push(pathText(walk.path));
    else {
      const made = value[key];
      if (made === null && walk.nulls) setOwn(copy, key, null);
      else if (made === null && (walk.typed || (known !== embedded && known.nullable !== true && walk.defaults))) {
        // N3: as if it had not been written; the default below fills it.
      } else {
        const result = visit(known, made, walk);
        if (result !== undefined) setOwn(copy, key, result);
      }
    }
    walk.path.pop();
    if (declared) walk.fields.pop();
  }
  if (properties && walk.defaults) fillDefaults(properties, copy, walk);
  walk.owner = before;
  return copy;
}

function fillDefaults(properties: Readonly<Record<string, Schema>>, copy: JsonObject, walk: Walk): void {
  for (const key in properties) {
    const schema = properties[key];
    if (schema?.default === undefined || copy[key] !== undefined) continue;
    if (Object.hasOwn(copy, key)) continue;
    if (schema.default === null) {
      copy[key] = null;
      continue;
    }
    // The default may itself lack fields that have defaults.
    walk.path.push(key);
    copy[key] = visit(schema, schema.default, walk);
    walk.path.pop();
  }
}

function isEmbeddedField(key: string): boolean {
  return key === 'apiVersion' || key === 'kind' || key === 'metadata';
}

function shortName(typeName: string): string {
  return typeName.slice(typeName.lastIndexOf('.') + 1);
}

function typedScalar(schema: Schema, value: unknown, walk: Walk): unknown {
  if (schema['x-kubernetes-int-or-string']) {
    if (schema.format === 'quantity') return quantity(value, walk);
    return typeof value === 'string' || Number.isInteger(value) ? value : mismatch(schema, jsonType(value), walk);
  }
  switch (schema.type) {
    case undefined:
      return value;
    case 'string':
      if (typeof value !== 'string') return mismatch(schema, jsonType(value), walk);
      return schema.format === undefined || value === '' || hasFormat(schema.format, value)
        ? value
        : badFormat(schema.format, value, walk);
    case 'boolean':
      return typeof value === 'boolean' ? value : mismatch(schema, jsonType(value), walk);
    case 'integer':
      return fitsInteger(schema, value) ? value : mismatch(schema, numberText(value), walk);
    case 'number':
      return typeof value === 'number' ? value : mismatch(schema, jsonType(value), walk);
    case 'object':
    case 'array':
      return mismatch(schema, jsonType(value), walk);
  }
}

function fitsInteger({ format }: Schema, value: unknown): boolean {
  if (!Number.isInteger(value)) return false;
  return format !== 'int32' || (Number(value) >= -(2 ** 31) && Number(value) < 2 ** 31);
}

function quantity(value: unknown, walk: Walk): unknown {
  const text = typeof value === 'number' ? String(value) : value;
  if (typeof text === 'string' && QUANTITY.test(text)) return text;
  walk.mismatches.push("quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'");
  return undefined;
}

function badFormat(format: string, value: string, walk: Walk): undefined {
  switch (format) {
    case 'date-time':
      walk.mismatches.push(badTime(value, '2006-01-02T15:04:05Z07:00', 'Z07:00'));
      break;
    case 'micro-time':
      walk.mismatches.push(badTime(value, '2006-01-02T15:04:05.000000Z07:00', '.000000'));
      break;
    case 'byte': // the value is not shown: it may be a secret
      walk.mismatches.push(`illegal base64 data at input byte ${/^[A-Za-z0-9+/]*/.exec(value)?.[0].length ?? 0}`);
      break;
    default:
      walk.mismatches.push(`${walk.fields.join('.')}: not of the format ${format}`);
  }
  return undefined;
}

function badTime(value: string, layout: string, fraction: string): string {
  const rest = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(.*)$/.exec(value)?.[1];
  const [text, element] = rest === undefined ? [value, '2006'] : [rest, fraction];
  return `parsing time ${JSON.stringify(value)} as "${layout}": cannot parse ${JSON.stringify(text)} as "${element}"`;
}

function numberText(value: unknown): string {
  return typeof value === 'number' ? `number ${value}` : jsonType(value);
}

function jsonType(value: unknown): string {
  if (value === null) return 'null';
  return typeof value === 'boolean' ? 'bool' : typeof value;
}

function mismatch(schema: Schema, actual: string, walk: Walk): undefined {
  const place = [...(walk.owner === '' ? [] : [walk.owner]), ...walk.fields].join('.');
  walk.mismatches.push(`json: cannot unmarshal ${actual} into Go struct field ${place} of type ${goType(schema)}`);
  return undefined;
}

/** How the message of a failed decode names a type. */
function goType(schema: Schema): string {
  switch (schema.format ?? '') {
    case 'date-time':
      return 'v1.Time';
    case 'micro-time':
      return 'v1.MicroTime';
    case 'quantity':
      return 'resource.Quantity';
    case 'int-or-string':
      return 'intstr.IntOrString';
    case 'byte':
      return '[]uint8';
    default:
      return goBasicType(schema);
  }
}

function goBasicType({ type, format, typeName, items, additionalProperties }: Schema): string {
  switch (type) {
    case 'integer':
      return format === 'int32' ? 'int32' : 'int64';
    case 'number':
      return 'float64';
    case 'boolean':
      return 'bool';
    case 'string':
      return 'string';
    case 'array':
      return `[]${goType(items ?? {})}`;
    case 'object':
      if (typeName !== undefined) return `v1.${shortName(typeName)}`;
      return isObject(additionalProperties)
        ? `map[string]${goType(additionalProperties as Schema)}`
        : 'map[string]interface {}';
    case undefined:
  }
  return 'interface {}';
}
