import { isObject } from '../json.ts';
import type { Schema } from '../schema/schema.ts';
import { type FieldSet, fieldElement, LEAF, makeNode } from './field-set.ts';
import { fieldSchema, isDeclared, itemElement, shapeOf } from './shape.ts';

/** The fields that an applied configuration speaks of: what its manager owns from then on. */
export function fieldsOf(schema: Schema | undefined, value: unknown): FieldSet {
  return partsOf(schema, value) ?? LEAF;
}

/** Undefined for a value that has no parts of its own. */
function partsOf(schema: Schema | undefined, value: unknown): FieldSet | undefined {
  if (value === null) return undefined;
  switch (shapeOf(schema, value)) {
    case 'leaf':
      return undefined;
    case 'map':
      return partsOfMap(schema, value);
    case 'set':
    case 'keyedList':
      return schema && Array.isArray(value) ? partsOfList(schema, value) : undefined;
  }
}

function partsOfMap(schema: Schema | undefined, value: unknown): FieldSet {
  const parts: Record<string, FieldSet> = {};
  if (!isObject(value)) return parts;
  for (const name in value) {
    const child = fieldSchema(schema, name);
    const inner = partsOf(child, value[name]);
    // Lists without items leave no trace; objects without fields and keys of free maps are owned themselves.
    const isEmptyList = inner !== undefined && Array.isArray(value[name]);
    const member = inner === undefined || !isDeclared(schema, name) || (isNothing(inner) && !isEmptyList);
    const node = makeNode(member, inner ?? LEAF);
    if (node) parts[fieldElement(name)] = node;
  }
  return parts;
}

function partsOfList(schema: Schema, list: readonly unknown[]): FieldSet {
  const parts: Record<string, FieldSet> = {};
  for (const item of list) {
    const inner = schema['x-kubernetes-list-type'] === 'map' ? partsOf(schema.items, item) : undefined;
    parts[itemElement(schema, item)] = makeNode(true, inner ?? LEAF) ?? LEAF;
  }
  return parts;
}

function isNothing(set: FieldSet): boolean {
  for (const _element in set) return false;
  return true;
}
