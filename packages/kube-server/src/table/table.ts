import { errors } from '../http/status.ts';
import type { JsonObject } from '../json.ts';
import type { ResourceDefinition } from '../registry/definition.ts';

/** What goes into each row beside the cells: nothing, the metadata (the default) or the whole object. */
export type IncludeObject = 'None' | 'Metadata' | 'Object';

export function partialMetadata(object: Readonly<JsonObject>): JsonObject {
  return { kind: 'PartialObjectMetadata', apiVersion: 'meta.k8s.io/v1', metadata: object.metadata };
}

/** The server-side printing of `kubectl get`. */
export function table(
  definition: ResourceDefinition,
  objects: readonly Readonly<JsonObject>[],
  metadata: Readonly<JsonObject>,
  include: IncludeObject,
  now: Date,
): JsonObject {
  return {
    kind: 'Table',
    apiVersion: 'meta.k8s.io/v1',
    metadata,
    columnDefinitions: columnsOf(definition),
    rows: objects.map((object) => rowOf(definition, object, include, now)),
  };
}

export function columnsOf({ columns }: ResourceDefinition): readonly JsonObject[] {
  return columns.map(({ name, type, format, description, priority }) => ({
    name,
    type,
    format: format ?? '',
    description: description ?? '',
    priority: priority ?? 0,
  }));
}

export function rowOf(
  { columns }: ResourceDefinition,
  object: Readonly<JsonObject>,
  include: IncludeObject,
  now: Date,
): JsonObject {
  return {
    cells: columns.map((column) => column.cell(object, now)),
    object: include === 'None' ? null : include === 'Object' ? object : partialMetadata(object),
  };
}

/** Throws 400. */
export function includeObject(value: string | null): IncludeObject {
  if (value === 'None' || value === 'Object' || value === 'Metadata') return value;
  if (value === null || value === '') return 'Metadata';
  const why = `Invalid value: ${JSON.stringify(value)}: must be 'Metadata', 'Object', 'None', or empty`;
  throw errors.badRequest(`Unable to convert to Table as requested: includeObject: ${why}`);
}
