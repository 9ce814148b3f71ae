/** Lists of type `set` must not have an item twice, lists of type `map` no two items with the same keys. */
import { type FieldError, fieldError } from '../http/field-error.ts';
import { isObject, type JsonObject } from '../json.ts';
import { type FieldPath, pathText } from './field-path.ts';
import type { Schema } from './schema.ts';

export function checkListTypes(schema: Schema, value: unknown): readonly FieldError[] {
  const errors: FieldError[] = [];
  visit(schema, value, [], errors);
  return errors;
}

function visit(schema: Schema, value: unknown, path: FieldPath, errors: FieldError[]): void {
  if (Array.isArray(value)) {
    const listType = schema['x-kubernetes-list-type'];
    if (listType === 'set') checkUnique(value, (item) => item, path, errors);
    else if (listType === 'map') checkMap(schema, value, path, errors);
    const { items } = schema;
    if (!items) return;
    value.forEach((item: unknown, i) => {
      path.push(i);
      visit(items, item, path, errors);
      path.pop();
    });
  } else if (isObject(value)) {
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

function checkMap(schema: Schema, value: readonly unknown[], path: FieldPath, errors: FieldError[]): void {
  const wrong = value.findIndex((item) => item !== null && !isObject(item));
  if (wrong >= 0) {
    const why = 'must be an object for an array of list-type map';
    errors.push(fieldError.invalid(`${pathText(path)}[${wrong}]`, value[wrong], why));
    return;
  }
  const keys = schema['x-kubernetes-list-map-keys'] ?? [];
  const identity = (item: unknown): unknown => {
    if (!isObject(item)) return item;
    const picked: JsonObject = {};
    for (const key of keys) if (Object.hasOwn(item, key)) picked[key] = item[key];
    return picked;
  };
  checkUnique(value, identity, path, errors);
}

/** Tells the second of the same items; a third one is the same fault. */
function checkUnique(
  value: readonly unknown[],
  identity: (item: unknown) => unknown,
  path: FieldPath,
  errors: FieldError[],
): void {
  const seen = new Map<string, number>();
  value.forEach((item, i) => {
    const own = identity(item);
    const key = canonical(own);
    const times = seen.get(key) ?? 0;
    seen.set(key, times + 1);
    if (times === 1) errors.push(fieldError.duplicate(`${pathText(path)}[${i}]`, own));
  });
}

/** The order of properties means nothing. */
function canonical(value: unknown): string {
  return JSON.stringify(value, (_key, part: unknown) =>
    isObject(part) ? Object.fromEntries(Object.entries(part).sort(([a], [b]) => (a < b ? -1 : 1))) : part,
  );
}
