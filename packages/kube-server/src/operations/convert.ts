import type { JsonObject } from '../json.ts';
import type { ResourceDefinition } from '../registry/definition.ts';
import type { StoredObject } from '../store/object-store.ts';

/** A stored object as its resource shows it. Shares parts with the stored one: not to be changed. */
export function present(definition: ResourceDefinition, stored: StoredObject): Readonly<JsonObject> {
  const object = stored as unknown as Readonly<JsonObject>;
  if (definition.view) return definition.view.fromStored(object);
  return object.apiVersion === definition.apiVersion ? object : { ...object, apiVersion: definition.apiVersion };
}

export function toStored(definition: ResourceDefinition, object: JsonObject): JsonObject {
  if (definition.view) return definition.view.toStored(object);
  return object.apiVersion === definition.storedApiVersion
    ? object
    : { ...object, apiVersion: definition.storedApiVersion };
}
