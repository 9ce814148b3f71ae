import type { JsonObject } from '../json.ts';
import type { ResourceDefinition } from '../registry/definition.ts';

/** What goes into each row beside the cells: nothing, the metadata (the default) or the whole object. */
export type IncludeObject = 'None' | 'Metadata' | 'Object';

export function partialMetadata(object: Readonly<JsonObject>): JsonObject {
  return { kind: 'PartialObjectMetadata', apiVersion: 'meta.k8s.io/v1', metadata: object.metadata };
}

/** The server-side printing of `kubectl get`. `withColumns: false` for events of a watch after the first. */
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
    columnDefinitions: definition.columns.map(({ name, type, format, description, priority }) => ({
      name,
      type,
      format: format ?? '',
      description: description ?? '',
      priority: priority ?? 0,
    })),
    rows: objects.map((object) => ({
      cells: definition.columns.map((column) => column.cell(object, now)),
      object: include === 'None' ? null : include === 'Object' ? object : partialMetadata(object),
    })),
  };
}

export function includeObject(value: string | null): IncludeObject {
  return value === 'None' || value === 'Object' ? value : 'Metadata';
}
