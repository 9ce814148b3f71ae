import type { JsonObject } from '../json.ts';
import type { ResourceDefinition } from '../registry/definition.ts';

/** An object of the kind with nothing but a version. */
export function bookmarkOf(
  { kind, apiVersion }: ResourceDefinition,
  revision: number,
  annotations?: Readonly<JsonObject>,
): JsonObject {
  return {
    kind,
    apiVersion,
    metadata: { resourceVersion: String(revision), ...(annotations ? { annotations } : {}) },
  };
}
