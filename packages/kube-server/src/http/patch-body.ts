import { isObject, type JsonObject } from '../json.ts';
import { JsonPatchError, jsonPatch, MAX_OPERATIONS } from '../patch/json-patch.ts';
import { mergePatch } from '../patch/merge-patch.ts';
import { StrategicPatchError, strategicMerge } from '../patch/strategic-merge.ts';
import type { ResourceDefinition } from '../registry/definition.ts';
import { APPLY_YAML } from './apply-body.ts';
import { parseJson } from './body.ts';
import { errors, failure } from './status.ts';

const JSON_PATCH = 'application/json-patch+json';
const MERGE = 'application/merge-patch+json';
const STRATEGIC = 'application/strategic-merge-patch+json';

export type PatchFunction = (current: Readonly<JsonObject>) => unknown;

/** Reads a patch; throws 415 for a kind of patch that is not served and 400 for what is no patch. */
export function readPatch(type: string, text: string, definition: ResourceDefinition): PatchFunction {
  const accepted = definition.custom ? [JSON_PATCH, MERGE] : [JSON_PATCH, MERGE, STRATEGIC];
  if (!accepted.includes(type)) {
    throw definition.custom ? errors.unknownFormat([...accepted, APPLY_YAML]) : errors.unsupportedPatch();
  }
  const patch = parseJson(text);
  if (type !== JSON_PATCH && !isObject(patch)) throw errors.badRequest('error decoding patch: it is not an object');
  if (type === JSON_PATCH && !Array.isArray(patch)) {
    throw errors.badRequest('error decoding patch: it is not a list of operations');
  }
  if (Array.isArray(patch) && patch.length > MAX_OPERATIONS) {
    throw errors.tooManyOperations(MAX_OPERATIONS, patch.length);
  }
  return (current) => {
    try {
      if (type === JSON_PATCH) return jsonPatch(current, patch);
      return type === MERGE ? mergePatch(current, patch) : strategicMerge(current, patch, definition.schema());
    } catch (error) {
      if (error instanceof JsonPatchError) throw jsonPatchFailure(error);
      if (error instanceof StrategicPatchError) throw errors.badRequest(error.message);
      throw error;
    }
  };
}

function jsonPatchFailure(error: Error): Error {
  return failure(
    422,
    'Invalid',
    `the server rejected our request due to an error in our request: ${error.message}`,
    {},
  );
}
