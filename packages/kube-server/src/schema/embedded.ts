/** Objects inside of objects (`x-kubernetes-embedded-resource`): they need a version, a kind and lawful metadata. */
import { type FieldError, fieldError } from '../http/field-error.ts';
import { isObject, type JsonObject } from '../json.ts';
import { nameChecks } from '../registry/names.ts';
import { type FieldPath, pathText } from './field-path.ts';
import type { Schema } from './schema.ts';

/** What is wrong with the embedded resources of a value. Below a field that the schema does not know there are none. */
export function checkEmbedded(schema: Schema, value: unknown): readonly FieldError[] {
  const errors: FieldError[] = [];
  visit(schema, value, [], errors);
  return errors;
}

function visit(schema: Schema, value: unknown, path: FieldPath, errors: FieldError[]): void {
  if (Array.isArray(value)) {
    const { items } = schema;
    if (!items) return;
    value.forEach((item: unknown, i) => {
      path.push(i);
      visit(items, item, path, errors);
      path.pop();
    });
  } else if (isObject(value)) {
    if (schema['x-kubernetes-embedded-resource'] === true) checkResource(value, path, errors);
    for (const key of Object.keys(value)) {
      const child =
        (schema.properties && Object.hasOwn(schema.properties, key) ? schema.properties[key] : undefined) ??
        (isObject(schema.additionalProperties) ? (schema.additionalProperties as Schema) : undefined);
      if (!child) continue;
      path.push(key);
      visit(child, value[key], path, errors);
      path.pop();
    }
  }
}

function checkResource(value: JsonObject, path: FieldPath, errors: FieldError[]): void {
  const at = (...parts: readonly string[]): string => pathText([...path, ...parts]);
  const complain = (field: string, found: unknown, why: string): void => {
    errors.push(fieldError.invalid(field, found, why));
  };
  for (const field of ['apiVersion', 'kind'] as const) {
    const text = value[field];
    if (!Object.hasOwn(value, field)) errors.push(fieldError.required(at(field)));
    else if (typeof text !== 'string') complain(at(field), text, 'must be a string');
    else if (text === '') complain(at(field), text, 'must not be empty');
    else if (field === 'apiVersion') {
      if (text.split('/').length > 2) complain(at(field), text, `unexpected GroupVersion string: ${text}`);
    } else {
      const problem = nameChecks.label1035(text.toLowerCase());
      if (problem) complain(at(field), text, `may have mixed case, but should otherwise match: ${problem}`);
    }
  }
  const { metadata } = value;
  if (!isObject(metadata)) return;
  const { name, labels } = metadata;
  const problem = typeof name === 'string' && name !== '' ? nameChecks.pathSegment(name) : undefined;
  if (problem) complain(at('metadata', 'name'), name, problem);
  for (const [key, label] of Object.entries(isObject(labels) ? labels : {})) {
    const wrongKey = nameChecks.qualified(key);
    if (wrongKey) complain(at('metadata', 'labels'), key, wrongKey);
    const wrongValue = nameChecks.labelValue(String(label));
    if (wrongValue) complain(at('metadata', 'labels'), label, wrongValue);
  }
}
