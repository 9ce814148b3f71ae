/** Defaults must be what their schema allows: they are put into objects that are not judged again. */
import { type FieldError, fieldError } from '../http/field-error.ts';
import { isObject } from '../json.ts';
import { createCelValidator } from './cel.ts';
import { checkEmbedded } from './embedded.ts';
import { normalise } from './normalise.ts';
import type { Schema } from './schema.ts';
import { validate } from './validate.ts';

/** Defaults below `additionalProperties` are never filled in, and not judged. */
export function checkDefaults(schema: Schema, at: string): readonly FieldError[] {
  const errors: FieldError[] = [];
  visit(schema, at, true, false, errors);
  return errors;
}

function visit(schema: Schema, at: string, isRoot: boolean, isMeta: boolean, errors: FieldError[]): void {
  if (schema.default !== undefined && schema.default !== null) errors.push(...checkDefault(schema, at, isRoot, isMeta));
  if (schema.items) visit(schema.items, `${at}.items`, false, isMeta, errors);
  const isResource = isRoot || schema['x-kubernetes-embedded-resource'] === true;
  for (const [name, child] of Object.entries(schema.properties ?? {})) {
    const isMetaField = isResource && ['metadata', 'apiVersion', 'kind'].includes(name);
    visit(child, `${at}.properties[${name}]`, false, isMeta || isMetaField, errors);
  }
}

function checkDefault(schema: Schema, at: string, isRoot: boolean, isMeta: boolean): readonly FieldError[] {
  const place = `${at}.default`;
  const value = schema.default;
  const found: FieldError[] = [];
  if (!isMeta) {
    const { unknown } = normalise(schema, value, { typed: false, defaults: false });
    if (unknown.length > 0) found.push(fieldError.invalid(place, value, 'must not have unknown fields'));
  }
  const under = (errors: readonly FieldError[]): readonly FieldError[] =>
    errors.map((error) => ({
      ...error,
      field:
        error.field === '' ? place : error.field.startsWith('[') ? `${place}${error.field}` : `${place}.${error.field}`,
    }));
  const embedded = isMeta ? [] : checkEmbedded(schema, value);
  const invalid = embedded.length > 0 ? embedded : validate(schema, value, { typed: false });
  if (invalid.length > 0) return [...found, ...under(invalid)];
  const rules = createCelValidator(
    schema,
    isRoot || (isObject(value) && schema['x-kubernetes-embedded-resource'] === true),
  );
  if (!rules.hasRules) return found;
  const changed = rules.validate(value, value);
  // `optionalOldSelf` makes a difference between a default that was there and one that is filled in now.
  return [...found, ...under(changed.length > 0 ? changed : rules.validate(value, undefined))];
}
