/**
 * The way from `kubectl apply` to `kubectl apply --server-side`: what the annotation of the former says is what the
 * user wants, so fields that still are as it says are no conflict for the latter, and it is kept up to date.
 */
import { isObject, type JsonObject, objectAt, setOwn, stringAt } from '../json.ts';
import type { Schema } from '../schema/schema.ts';
import { compareMaps } from './compare.ts';
import { difference, type FieldSet, LEAF } from './field-set.ts';
import { fieldsOf } from './fields-of.ts';

const ANNOTATION = 'kubectl.kubernetes.io/last-applied-configuration';
/** Only kubectl's own manager takes part: other names are a way to keep out of it. */
export const KUBECTL = 'kubectl';

export function lastApplied(schema: Schema, live: Readonly<JsonObject>): FieldSet {
  const text = stringAt(live, 'metadata', 'annotations', ANNOTATION);
  const config = text === undefined ? undefined : parse(text);
  if (!config) return LEAF;
  return difference(fieldsOf(schema, config), compareMaps(schema, live, config).changed);
}

function parse(text: string): JsonObject | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return isObject(value) ? value : undefined;
  } catch {
    return undefined; // an annotation is anybody's text: one that says nothing permits nothing
  }
}

/** With fields in the order of their names, as kubectl writes them: nothing but a change changes the text. */
function inOrder(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(inOrder);
  if (!isObject(value)) return value;
  const ordered: JsonObject = {};
  for (const key of Object.keys(value).sort()) setOwn(ordered, key, inOrder(value[key]));
  return ordered;
}

/** A copy with the annotation renewed, where the object has one. */
export function withLastApplied(object: JsonObject, config: Readonly<JsonObject>): JsonObject {
  const metadata = objectAt(object, 'metadata') ?? {};
  const annotations = objectAt(metadata, 'annotations') ?? {};
  if (annotations[ANNOTATION] === undefined) return object;
  const text = `${JSON.stringify(inOrder(config))}\n`;
  return { ...object, metadata: { ...metadata, annotations: { ...annotations, [ANNOTATION]: text } } };
}
