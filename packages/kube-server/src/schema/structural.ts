/** The rules that make a CustomResourceDefinition's schema structural, and those that its defaults must keep. */
import { type FieldError, fieldError } from '../http/field-error.ts';
import { isObject } from '../json.ts';
import { normalise } from './normalise.ts';
import type { Schema } from './schema.ts';
import { pattern, validate } from './validate.ts';

/** Words that may not appear inside allOf, anyOf, oneOf and not. */
const typing = ['description', 'type', 'default', 'additionalProperties', 'nullable', 'title'] as const;
const types = new Set(['object', 'array', 'string', 'integer', 'number', 'boolean']);

export function checkStructural(schema: Schema, at: string): readonly FieldError[] {
  const errors: FieldError[] = [];
  if (schema.type !== 'object') {
    errors.push(fieldError.invalid(`${at}.type`, schema.type ?? '', 'must be object at the root'));
  }
  visit(schema, at, errors);
  return errors;
}

function visit(schema: Schema, at: string, errors: FieldError[]): void {
  const free = schema['x-kubernetes-preserve-unknown-fields'] === true || schema['x-kubernetes-int-or-string'] === true;
  if (schema.type === undefined && !free) {
    errors.push(fieldError.required(`${at}.type`, 'must not be empty for specified object fields'));
  } else if (schema.type !== undefined && !types.has(schema.type)) {
    errors.push(fieldError.notSupported(`${at}.type`, schema.type, [...types].sort()));
  }
  for (const word of ['$ref', 'definitions', 'dependencies', 'patternProperties', 'additionalItems'] as const) {
    if (Object.hasOwn(schema, word)) errors.push(fieldError.forbidden(`${at}.${word}`, `${word} is not supported`));
  }
  if (schema.uniqueItems === true) {
    errors.push(
      fieldError.forbidden(
        `${at}.uniqueItems`,
        'uniqueItems cannot be set to true since the runtime complexity becomes quadratic',
      ),
    );
  }
  if (schema.type === 'array' && !schema.items) {
    errors.push(fieldError.required(`${at}.items`, 'must be specified'));
  }
  if (schema.properties && schema.additionalProperties) {
    errors.push(
      fieldError.forbidden(`${at}.additionalProperties`, 'additionalProperties and properties are mutual exclusive'),
    );
  }
  checkPattern(schema, at, errors);
  checkListKeys(schema, at, errors);
  checkDefault(schema, at, errors);
  checkLogic(schema, at, errors);
  for (const [name, child] of Object.entries(schema.properties ?? {}))
    visit(child, `${at}.properties[${name}]`, errors);
  if (schema.items) visit(schema.items, `${at}.items`, errors);
  if (isObject(schema.additionalProperties)) {
    visit(schema.additionalProperties as Schema, `${at}.additionalProperties`, errors);
  }
}

function checkPattern(schema: Schema, at: string, errors: FieldError[]): void {
  if (schema.pattern === undefined) return;
  try {
    pattern(schema.pattern);
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    errors.push(
      fieldError.invalid(`${at}.pattern`, schema.pattern, `must be a valid regular expression, but isn't: ${why}`),
    );
  }
}

function checkListKeys(schema: Schema, at: string, errors: FieldError[]): void {
  if (schema['x-kubernetes-list-type'] !== 'map') return;
  const keys = schema['x-kubernetes-list-map-keys'] ?? [];
  if (keys.length === 0) {
    errors.push(
      fieldError.required(`${at}.x-kubernetes-list-map-keys`, 'must not be empty if x-kubernetes-list-type is map'),
    );
  }
  for (const key of keys) {
    const item = schema.items?.properties?.[key];
    if (!item) {
      errors.push(
        fieldError.invalid(`${at}.x-kubernetes-list-map-keys`, key, 'entries must all be names of item properties'),
      );
    } else if (item.default === undefined && !schema.items?.required?.includes(key)) {
      errors.push(
        fieldError.required(
          `${at}.items.properties[${key}].default`,
          'this property is in x-kubernetes-list-map-keys, so it must have a default or be a required property',
        ),
      );
    }
  }
}

function checkDefault(schema: Schema, at: string, errors: FieldError[]): void {
  if (schema.default === undefined) return;
  const filled = normalise(schema, schema.default, { typed: false });
  for (const field of filled.unknown) {
    errors.push(fieldError.invalid(`${at}.default`, schema.default, `must not have unknown field ${field}`));
  }
  for (const error of validate(schema, filled.value, { typed: false })) {
    errors.push(
      fieldError.invalid(
        `${at}.default${error.field === '' ? '' : `.${error.field}`}`,
        schema.default,
        error.detail.trim() || 'must match the schema',
      ),
    );
  }
}

function checkLogic(schema: Schema, at: string, errors: FieldError[]): void {
  const inside = (part: Schema, place: string): void => {
    for (const word of typing) {
      const allowed = schema['x-kubernetes-int-or-string'] === true && word === 'type';
      if (part[word] !== undefined && !allowed)
        errors.push(fieldError.forbidden(`${place}.${word}`, 'must be empty to be structural'));
    }
    for (const [name, child] of Object.entries(part.properties ?? {})) {
      if (!schema.properties?.[name]) {
        errors.push(
          fieldError.required(`${at}.properties[${name}]`, `because it is defined in ${place}.properties[${name}]`),
        );
      }
      inside(child, `${place}.properties[${name}]`);
    }
    if (part.items) inside(part.items, `${place}.items`);
  };
  for (const word of ['allOf', 'anyOf', 'oneOf'] as const) {
    for (const [i, part] of (schema[word] ?? []).entries()) inside(part, `${at}.${word}[${i}]`);
  }
  if (schema.not) inside(schema.not, `${at}.not`);
}
