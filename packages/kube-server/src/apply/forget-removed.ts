import { type JsonObject, objectAt } from '../json.ts';
import type { Schema } from '../schema/schema.ts';
import { compareMaps } from './compare.ts';
import { difference, type FieldSet, isEmptySet } from './field-set.ts';
import { readEntries, writeEntries } from './managed-fields.ts';

/** The parts of an object that the server itself takes away, of whatever kind it is. */
const parts: Schema = {
  properties: {
    metadata: {
      type: 'object',
      properties: {
        finalizers: { type: 'array', 'x-kubernetes-list-type': 'set', items: { type: 'string' } },
        ownerReferences: {
          type: 'array',
          'x-kubernetes-list-type': 'map',
          'x-kubernetes-list-map-keys': ['uid'],
          items: { type: 'object', 'x-kubernetes-map-type': 'atomic' },
        },
      },
    },
  },
};

function partsOf(object: Readonly<JsonObject>): JsonObject {
  const { finalizers, ownerReferences } = objectAt(object, 'metadata') ?? {};
  return { metadata: { finalizers, ownerReferences } };
}

/** The object with nobody owning the finalizers and owner references that the server took away. */
export function forgetRemoved(before: Readonly<JsonObject>, after: JsonObject): JsonObject {
  const metadata = objectAt(after, 'metadata');
  const entries = readEntries(metadata?.managedFields);
  if (!metadata || !entries) return after;
  const gone: FieldSet = compareMaps(parts, partsOf(before), partsOf(after)).removed;
  if (isEmptySet(gone)) return after;
  const left = writeEntries(entries.map((entry) => ({ ...entry, fields: difference(entry.fields, gone) })));
  const { managedFields: _managedFields, ...kept } = metadata;
  return { ...after, metadata: left.length === 0 ? kept : { ...kept, managedFields: left } };
}
