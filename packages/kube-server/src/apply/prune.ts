/**
 * Takes away what an applier no longer applies.
 *
 * - P1 A field goes only if this applier owned it by its last configuration and no manager owns it now.
 * - P2 What holds something that stays, stays itself.
 */
import { isObject, type JsonObject, setOwn } from '../json.ts';
import type { Schema } from '../schema/schema.ts';
import {
  difference,
  type FieldSet,
  fieldElement,
  intersection,
  isEmptySet,
  isMember,
  LEAF,
  makeNode,
  SELF,
  union,
} from './field-set.ts';
import { fieldsOf } from './fields-of.ts';
import { fieldSchema, isDeclared, itemElement, shapeOf } from './shape.ts';

/** `last` is what the applier owned before, `owned` what all managers, this one included, own now. */
export function prune(schema: Schema, merged: JsonObject, last: FieldSet, owned: FieldSet): JsonObject {
  if (isEmptySet(difference(last, owned))) return merged;
  const fields = (object: JsonObject): FieldSet => named(schema, fieldsOf(schema, object));
  const without = (gone: FieldSet): JsonObject => removeFields(schema, merged, gone);
  const claimed = named(schema, last);
  const all = fields(merged);
  // What would be left without anything that this applier owned, and what others own of the rest.
  const unclaimed = union(fields(without(claimed)), named(schema, owned));
  // A list item that is kept for its own sake takes nothing of what this applier owned inside it back.
  const left = fields(without(difference(all, unclaimed)));
  return without(intersection(difference(all, left), claimed));
}

/** Marks as members all declared fields that hold a member: they are there because of it. */
function named(schema: Schema | undefined, set: FieldSet): FieldSet {
  const result: Record<string, FieldSet> = {};
  for (const element in set) {
    const node = set[element];
    if (node === undefined || element === SELF) continue;
    const name = element.slice(2);
    const isField = element.startsWith('f:');
    const child = isField ? fieldSchema(schema, name) : schema?.items;
    const { [SELF]: _self, ...children } = node;
    const member = isMember(node) || (isField && isDeclared(schema, name));
    result[element] = makeNode(member, named(child, children)) ?? LEAF;
  }
  return result;
}

/** A copy of a value without the members of `gone`. */
function remove(schema: Schema | undefined, value: unknown, gone: FieldSet): unknown {
  switch (shapeOf(schema, value)) {
    case 'leaf':
      return value;
    case 'map':
      return removeFields(schema, value as JsonObject, gone);
    case 'set':
    case 'keyedList':
      return schema ? removeItems(schema, value as readonly unknown[], gone) : value;
  }
}

function removeFields(schema: Schema | undefined, value: Readonly<JsonObject>, gone: FieldSet): JsonObject {
  const result: JsonObject = {};
  for (const name in value) {
    const node = gone[fieldElement(name)];
    if (isMember(node)) continue;
    setOwn(result, name, node ? remove(fieldSchema(schema, name), value[name], node) : value[name]);
  }
  return result;
}

function removeItems(schema: Schema, list: readonly unknown[], gone: FieldSet): readonly unknown[] {
  const items = schema['x-kubernetes-list-type'] === 'map' ? schema.items : undefined;
  return list.flatMap((item) => {
    const node = gone[itemElement(schema, item)];
    if (node === undefined) return [item];
    return isMember(node) ? [] : [isObject(item) ? remove(items, item, node) : item];
  });
}
