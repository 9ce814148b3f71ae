import { isObject, type JsonObject } from '../json.ts';
import type { Schema } from '../schema/schema.ts';

/** How the value of a field is owned: as a whole, or by its parts. */
export type Shape = 'leaf' | 'map' | 'keyedList' | 'set';

/**
 * The shape that a value has under a schema. A field of which no schema says anything is a map by its parts where it
 * is an object, and else one whole.
 */
export function shapeOf(schema: Schema | undefined, value: unknown): Shape {
  if (Array.isArray(value)) {
    switch (schema?.['x-kubernetes-list-type']) {
      case 'map':
        return 'keyedList';
      case 'set':
        return 'set';
      case 'atomic':
      case undefined:
        return 'leaf';
    }
  }
  return isObject(value) && schema?.['x-kubernetes-map-type'] !== 'atomic' ? 'map' : 'leaf';
}

/** The schema of one field of a map. */
export function fieldSchema(schema: Schema | undefined, name: string): Schema | undefined {
  const properties = schema?.properties;
  if (properties && Object.hasOwn(properties, name)) return properties[name];
  const others = schema?.additionalProperties;
  return isObject(others) ? (others as Schema) : undefined;
}

export function isDeclared(schema: Schema | undefined, name: string): boolean {
  return schema?.properties !== undefined && Object.hasOwn(schema.properties, name);
}

/** The path element of one item of a list that is owned item by item. */
export function itemElement(schema: Schema, item: unknown): string {
  if (schema['x-kubernetes-list-type'] !== 'map') return `v:${JSON.stringify(item)}`;
  const key: JsonObject = {};
  for (const name of [...(schema['x-kubernetes-list-map-keys'] ?? [])].sort()) {
    const own = isObject(item) ? item[name] : undefined;
    const value = own ?? schema.items?.properties?.[name]?.default;
    if (value !== undefined) key[name] = value;
  }
  return `k:${JSON.stringify(key)}`;
}

/** Whether nothing is in a value that could have parts; empty values are owned whole. */
export function isBare(value: unknown): boolean {
  if (value === undefined || value === null) return true;
  if (Array.isArray(value)) return value.length === 0;
  if (!isObject(value)) return false;
  for (const _name in value) return false;
  return true;
}

/** The items of a list by their path elements, in order; the first of several with the same keys counts. */
export function indexItems(schema: Schema, list: readonly unknown[]): ReadonlyMap<string, unknown> {
  const items = new Map<string, unknown>();
  for (const item of list) {
    const element = itemElement(schema, item);
    if (!items.has(element)) items.set(element, item);
  }
  return items;
}
