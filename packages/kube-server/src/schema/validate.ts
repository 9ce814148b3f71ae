/** Judges a normalised object by its schema, in the words of Kubernetes. CEL rules are judged in cel.ts. */
import { type FieldError, fieldError } from '../http/field-error.ts';
import { equalJson, isObject, type JsonObject } from '../json.ts';
import { type FieldPath, pathText } from './field-path.ts';
import { hasFormat } from './formats.ts';
import { type Correlation, correlationOf } from './ratchet.ts';
import { createRegexCache } from './regex/regex.ts';
import type { Schema } from './schema.ts';

export interface ValidateOptions {
  /** Built-in kinds treat an empty string in a required field as missing. */
  readonly typed: boolean;
  readonly at?: readonly string[];
  /** What an update changes: faults of what it leaves as it was are not told (see ratchet.ts). */
  readonly old?: unknown;
}

interface Walk {
  readonly errors: FieldError[];
  readonly path: FieldPath;
  readonly typed: boolean;
}

export function validate(schema: Schema, value: unknown, options: ValidateOptions): readonly FieldError[] {
  const walk: Walk = { errors: [], path: [...(options.at ?? [])], typed: options.typed };
  visit(schema, value, walk, correlationOf(schema, value, options.old));
  return walk.errors;
}

function visit(schema: Schema, value: unknown, walk: Walk, before?: Correlation): void {
  const known = walk.errors.length;
  judge(schema, value, walk, before);
  if (walk.errors.length > known && before?.isEqual()) walk.errors.length = known;
}

function judge(schema: Schema, value: unknown, walk: Walk, before: Correlation | undefined): void {
  if (value === null) {
    if (schema.nullable === true || schema.type === undefined) return;
    if (!walk.typed) wrongType(schema.type, 'null', walk);
    return;
  }
  if (!checkType(schema, value, walk)) return;
  if (typeof value === 'string') checkString(schema, value, walk);
  else if (typeof value === 'number') checkNumber(schema, value, walk);
  else if (Array.isArray(value)) checkArray(schema, value, walk, before);
  else if (isObject(value)) checkObject(schema, value, walk, before);
  if (schema.enum !== undefined && !schema.enum.some((allowed) => equalJson(allowed, value))) {
    walk.errors.push(
      fieldError.notSupported(pathText(walk.path), value, walk.typed ? schema.enum : schema.enum.map(enumText)),
    );
  }
  checkCombinations(schema, value, walk);
}

/** In messages all allowed values are texts. */
const enumText = (value: unknown): string => (typeof value === 'string' ? value : JSON.stringify(value));

function actualType(value: unknown): string {
  if (value === null) return 'null';
  if (Array.isArray(value)) return 'array';
  if (typeof value === 'number') return Number.isInteger(value) ? 'integer' : 'number';
  return typeof value;
}

function wrongType(expected: string, actual: string, walk: Walk): void {
  const field = pathText(walk.path);
  walk.errors.push(
    fieldError.typeInvalid(field, actual, `${field} in body must be of type ${expected}: ${JSON.stringify(actual)}`),
  );
}

function checkType(schema: Schema, value: unknown, walk: Walk): boolean {
  const actual = actualType(value);
  if (schema['x-kubernetes-int-or-string'] === true) {
    if (actual === 'integer' || actual === 'string') return true;
    wrongType('integer,string', actual, walk);
    return false;
  }
  if (schema.type === undefined || schema.type === actual || (schema.type === 'number' && actual === 'integer')) {
    return true;
  }
  wrongType(schema.type, actual, walk);
  return false;
}

function inBody(walk: Walk, value: unknown, rule: string): void {
  const field = pathText(walk.path);
  walk.errors.push(fieldError.invalid(field, value, `${field} in body ${rule}`));
}

function checkString(schema: Schema, value: string, walk: Walk): void {
  const length = schema.minLength === undefined && schema.maxLength === undefined ? 0 : Array.from(value).length;
  if (schema.maxLength !== undefined && length > schema.maxLength) {
    walk.errors.push(fieldError.tooLong(pathText(walk.path), schema.maxLength));
  } else if (schema.minLength !== undefined && length < schema.minLength) {
    inBody(walk, value, `should be at least ${schema.minLength} chars long`);
  } else if (schema.pattern !== undefined && !regexOf(schema.pattern).test(value)) {
    inBody(walk, value, `should match '${schema.pattern}'`);
  }
  // To built-in kinds an empty text is no text.
  const isAbsent = walk.typed && value === '';
  if (schema.format !== undefined && !isAbsent && !hasFormat(schema.format, value)) {
    const field = pathText(walk.path);
    const detail = `${field} in body must be of type ${schema.format}: ${JSON.stringify(value)}`;
    walk.errors.push(fieldError.typeInvalid(field, value, detail));
  }
}

/** The patterns of the schemas in use; a few hundred cover all definitions that a server has. */
const regexOf = createRegexCache(500);

function checkNumber(schema: Schema, value: number, walk: Walk): void {
  const { minimum, maximum, multipleOf } = schema;
  if (minimum !== undefined && (schema.exclusiveMinimum ? value <= minimum : value < minimum)) {
    inBody(walk, value, `should be greater than ${schema.exclusiveMinimum ? '' : 'or equal to '}${minimum}`);
  }
  if (maximum !== undefined && (schema.exclusiveMaximum ? value >= maximum : value > maximum)) {
    inBody(walk, value, `should be less than ${schema.exclusiveMaximum ? '' : 'or equal to '}${maximum}`);
  }
  if (multipleOf !== undefined && Math.abs(value / multipleOf - Math.round(value / multipleOf)) > 1e-9) {
    inBody(walk, value, `should be a multiple of ${multipleOf}`);
  }
  if (walk.typed && schema.format === 'int32' && (value < -(2 ** 31) || value >= 2 ** 31)) {
    inBody(walk, value, 'must be of type int32');
  }
}

function checkArray(schema: Schema, value: readonly unknown[], walk: Walk, before: Correlation | undefined): void {
  if (schema.minItems !== undefined && value.length < schema.minItems) {
    inBody(walk, value.length, `should have at least ${schema.minItems} items`);
  }
  if (schema.maxItems !== undefined && value.length > schema.maxItems) {
    walk.errors.push(fieldError.tooMany(pathText(walk.path), value.length, schema.maxItems));
  }
  if (!schema.items) return;
  for (let i = 0; i < value.length; i++) {
    walk.path.push(i);
    visit(schema.items, value[i], walk, before?.child(i));
    walk.path.pop();
  }
}

function checkObject(schema: Schema, value: JsonObject, walk: Walk, before: Correlation | undefined): void {
  const { properties, additionalProperties, required } = schema;
  if (required) {
    for (const key of required) {
      const found = value[key];
      if (found === undefined || (walk.typed && (found === '' || (Array.isArray(found) && found.length === 0)))) {
        walk.path.push(key);
        walk.errors.push(fieldError.required(pathText(walk.path)));
        walk.path.pop();
      }
    }
  }
  const count =
    schema.minProperties === undefined && schema.maxProperties === undefined ? 0 : Object.keys(value).length;
  if (schema.minProperties !== undefined && count < schema.minProperties) {
    inBody(walk, count, `should have at least ${schema.minProperties} properties`);
  }
  if (schema.maxProperties !== undefined && count > schema.maxProperties) {
    walk.errors.push(fieldError.tooMany(pathText(walk.path), count, schema.maxProperties));
  }
  if (!properties && !additionalProperties) return;
  for (const key in value) {
    const child =
      (properties && Object.hasOwn(properties, key) ? properties[key] : undefined) ??
      (isObject(additionalProperties) ? (additionalProperties as Schema) : undefined);
    if (!child) continue;
    if (walk.typed && value[key] === '' && required?.includes(key)) continue;
    walk.path.push(key);
    visit(child, value[key], walk, before?.child(key));
    walk.path.pop();
  }
}

function checkCombinations(schema: Schema, value: unknown, walk: Walk): void {
  if (!schema.allOf && !schema.anyOf && !schema.oneOf && !schema.not) return;
  const errorsOf = (part: Schema): readonly FieldError[] => {
    const inner: Walk = { errors: [], path: [...walk.path], typed: false };
    visit(part, value, inner);
    return inner.errors;
  };
  const field = pathText(walk.path);
  const complain = (rule: string): void => {
    walk.errors.push(fieldError.invalid('<nil>', '', `${JSON.stringify(field)} ${rule}`));
  };
  const anyOf = schema.anyOf?.map(errorsOf);
  if (anyOf?.every((found) => found.length > 0)) {
    complain('must validate at least one schema (anyOf)');
    walk.errors.push(...(anyOf[0] ?? []));
  }
  const oneOf = schema.oneOf?.map(errorsOf);
  const fitting = oneOf?.filter((found) => found.length === 0).length;
  if (oneOf && fitting !== 1) {
    const found = fitting === 0 ? 'none valid' : `${fitting} valid alternatives`;
    complain(`must validate one and only one schema (oneOf). Found ${found}`);
    if (fitting === 0) walk.errors.push(...(oneOf[0] ?? []));
  }
  const allOf = schema.allOf?.flatMap(errorsOf) ?? [];
  walk.errors.push(...allOf);
  if (allOf.length > 0) complain('must validate all the schemas (allOf)');
  if (schema.not && errorsOf(schema.not).length === 0) complain('must not validate the schema (not)');
}
