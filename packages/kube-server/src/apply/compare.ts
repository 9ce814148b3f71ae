import { equalJson, isObject } from '../json.ts';
import type { Schema } from '../schema/schema.ts';
import { type FieldSet, fieldElement, LEAF, makeNode } from './field-set.ts';
import { fieldSchema, indexItems, isBare, type Shape, shapeOf } from './shape.ts';

/** What differs between two states of an object. Fields that came or went bring all that is below them along. */
export interface Comparison {
  /** Fields that are new or have another value. */
  readonly changed: FieldSet;
  /** Fields that are gone. */
  readonly removed: FieldSet;
}

interface Parts {
  readonly changed: Record<string, FieldSet>;
  readonly removed: Record<string, FieldSet>;
}

const newParts = (): Parts => ({ changed: {}, removed: {} });
const NONE: Comparison = { changed: LEAF, removed: LEAF };

/** Compares two objects field by field, by the shapes that the schema gives them. */
export function compareMaps(
  schema: Schema | undefined,
  before: Readonly<Record<string, unknown>>,
  after: Readonly<Record<string, unknown>>,
): Comparison {
  if (before === after) return NONE;
  const parts = newParts();
  for (const name in before) {
    if (before[name] === undefined) continue;
    note(parts, fieldElement(name), fieldSchema(schema, name), before[name], after[name]);
  }
  for (const name in after) {
    if (before[name] !== undefined || after[name] === undefined) continue;
    note(parts, fieldElement(name), fieldSchema(schema, name), undefined, after[name]);
  }
  return parts;
}

/** Compares one field; undefined means that it is not there. */
function note(parts: Parts, element: string, schema: Schema | undefined, before: unknown, after: unknown): void {
  if (before === after) return;
  const { changed, removed } = compareParts(schema, before, after);
  const isLeaf = changed === undefined;
  const isDifferent = before !== undefined && after !== undefined && isLeaf && !equalJson(before, after);
  const newer = makeNode(before === undefined || isDifferent, changed ?? LEAF);
  const gone = makeNode(after === undefined, removed ?? LEAF);
  if (newer) parts.changed[element] = newer;
  if (gone) parts.removed[element] = gone;
}

function compareParts(
  schema: Schema | undefined,
  before: unknown,
  after: unknown,
): { readonly changed?: FieldSet; readonly removed?: FieldSet } {
  if (isBare(before) && isBare(after)) return {};
  const shape: Shape = shapeOf(schema, isBare(after) ? before : after);
  if (shape === 'leaf' || !fits(schema, before, shape) || !fits(schema, after, shape)) return {};
  if (shape === 'map') {
    return compareMaps(schema, isObject(before) ? before : {}, isObject(after) ? after : {});
  }
  return compareLists(schema ?? {}, listOf(before), listOf(after));
}

function fits(schema: Schema | undefined, value: unknown, shape: Shape): boolean {
  return isBare(value) || shapeOf(schema, value) === shape;
}

const listOf = (value: unknown): readonly unknown[] => (Array.isArray(value) ? value : []);

function compareLists(schema: Schema, before: readonly unknown[], after: readonly unknown[]): Comparison {
  const old = indexItems(schema, before);
  const now = indexItems(schema, after);
  const parts = newParts();
  const items = schema['x-kubernetes-list-type'] === 'map' ? schema.items : undefined;
  for (const [element, item] of old) note(parts, element, items, item, now.get(element));
  for (const [element, item] of now) if (!old.has(element)) note(parts, element, items, undefined, item);
  return parts;
}
