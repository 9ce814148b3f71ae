/**
 * Ratcheting: what was wrong before and is left as it was does not refuse an update. A definition that became stricter
 * must not keep anybody from changing the rest of an object.
 *
 * An old value can be told for properties by their name, and for items of lists with `x-kubernetes-list-map-keys` by
 * their keys; all other lists are one value, changed or not as a whole.
 */
import { equalJson, isObject } from '../json.ts';
import type { Schema } from './schema.ts';

export interface Correlation {
  readonly value: unknown;
  readonly old: unknown;
  readonly isEqual: () => boolean;
  /** Undefined where the old value cannot be told. */
  child(part: string | number): Correlation | undefined;
}

/** `old` undefined: there is none, and nothing is ratcheted. */
export function correlationOf(schema: Schema, value: unknown, old: unknown): Correlation | undefined {
  return old === undefined ? undefined : correlate(schema, value, old);
}

function correlate(schema: Schema, value: unknown, old: unknown): Correlation {
  let equal: boolean | undefined;
  let oldItems: ReadonlyMap<string, unknown> | undefined;
  const keys = schema['x-kubernetes-list-type'] === 'map' ? schema['x-kubernetes-list-map-keys'] : undefined;
  const keyOf = (item: unknown): string =>
    JSON.stringify(
      keys?.map((key) => (isObject(item) ? (item[key] ?? schema.items?.properties?.[key]?.default) : null) ?? null),
    );

  const child = (part: string | number): Correlation | undefined => {
    if (typeof part === 'number') {
      if (!keys || !schema.items || !Array.isArray(value) || !Array.isArray(old) || !isObject(value[part]))
        return undefined;
      oldItems ??= new Map(old.filter(isObject).map((item) => [keyOf(item), item]));
      const item = oldItems.get(keyOf(value[part]));
      return item === undefined ? undefined : correlate(schema.items, value[part], item);
    }
    if (!isObject(value) || !isObject(old) || !Object.hasOwn(old, part) || !Object.hasOwn(value, part))
      return undefined;
    const declared = schema.properties && Object.hasOwn(schema.properties, part) ? schema.properties[part] : undefined;
    const inner =
      declared ?? (isObject(schema.additionalProperties) ? (schema.additionalProperties as Schema) : undefined);
    return inner && correlate(inner, value[part], old[part]);
  };

  const isEqual = (): boolean => {
    equal ??= compare();
    return equal;
  };
  const compare = (): boolean => {
    if (isObject(value) && isObject(old)) {
      const names = Object.keys(value);
      return names.length === Object.keys(old).length && names.every((name) => child(name)?.isEqual() === true);
    }
    if (Array.isArray(value) && Array.isArray(old) && keys) {
      return value.length === old.length && value.every((_item, i) => child(i)?.isEqual() === true);
    }
    return equalJson(value, old);
  };
  return { value, old, isEqual, child };
}

/** Whether a value, or where its old value cannot be told the nearest one above it, is as it was. */
export function isUnchanged(own: Correlation | undefined, parent: Correlation | undefined): boolean {
  return (own ?? parent)?.isEqual() === true;
}
