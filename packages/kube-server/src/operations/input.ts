/** From what a client sent to a normalised draft: the checks that every write has in common. */

import { fieldError } from '../http/field-error.ts';
import { errors } from '../http/status.ts';
import { isObject, type JsonObject } from '../json.ts';
import type { ResourceDefinition } from '../registry/definition.ts';
import type { TypeSource } from '../schema/dsl.ts';
import { normalise } from '../schema/normalise.ts';

export type FieldValidation = 'Ignore' | 'Warn' | 'Strict';

export interface InputOptions {
  readonly fieldValidation: FieldValidation;
  readonly warn: (text: string) => void;
  readonly duplicates: readonly string[];
  /** The text of the patch, when the object came from one: unknown fields are reported in another form then. */
  readonly patch?: string;
}

export function readFieldValidation(value: string | null): FieldValidation {
  if (value === null || value === '') return 'Warn';
  if (value === 'Ignore' || value === 'Warn' || value === 'Strict') return value;
  throw errors.invalid({ group: 'meta.k8s.io', kind: 'CreateOptions' }, '', [
    fieldError.notSupported('fieldValidation', value, ['', 'Ignore', 'Strict', 'Warn']),
  ]);
}

const cannotHandle = (definition: ResourceDefinition, why: string): Error =>
  errors.badRequest(
    `${definition.kind} in version ${JSON.stringify(definition.version)} cannot be handled as a ${definition.kind}: ${why}`,
  );

const shown = (value: unknown): string => (typeof value === 'string' ? value : JSON.stringify(value));

function checkTypeMeta(definition: ResourceDefinition, value: JsonObject): void {
  const { apiVersion, kind } = value;
  if (apiVersion !== undefined && apiVersion !== '' && apiVersion !== definition.apiVersion) {
    throw errors.badRequest(
      `the API version in the data (${shown(apiVersion)}) does not match the expected API version (${definition.apiVersion})`,
    );
  }
  if (kind !== undefined && kind !== '' && kind !== definition.kind) {
    throw errors.badRequest(
      `the kind in the data (${shown(kind)}) does not match the expected kind (${definition.kind})`,
    );
  }
}

/** A fresh, normalised object with apiVersion, kind and metadata in place; throws what is wrong with it. */
export function readInput(
  definition: ResourceDefinition,
  types: TypeSource,
  value: unknown,
  options: InputOptions,
): JsonObject {
  // `null` says nothing, as an object without fields does.
  if (value === null) return readInput(definition, types, {}, options);
  if (!isObject(value)) throw cannotHandle(definition, 'the body is not an object');
  checkTypeMeta(definition, value);
  if (value.metadata !== undefined && value.metadata !== null && !isObject(value.metadata)) {
    throw cannotHandle(definition, 'metadata is not an object');
  }
  const { object, unknown, mismatches } = definition.custom
    ? normaliseCustom(definition, types, value)
    : normaliseBuiltin(definition, value);
  const fault = mismatches[0] ?? definition.strategy.unreadable?.(object);
  if (fault !== undefined) {
    if (options.patch === undefined) throw cannotHandle(definition, fault);
    throw errors.invalid({ group: '', kind: '' }, '', [fieldError.invalid('patch', JSON.stringify(value), fault)]);
  }
  reportUnknown(definition, unknown, options);
  if (!definition.custom) dropEmptyMaps(definition, object);
  object.apiVersion = definition.apiVersion;
  object.kind = definition.kind;
  object.metadata = isObject(object.metadata) ? withoutEmpty(object.metadata) : {};
  return object;
}

/** Of the data of ConfigMaps and Secrets nothing is left where nothing is in them. */
function dropEmptyMaps(definition: ResourceDefinition, object: JsonObject): void {
  for (const [field, schema] of Object.entries(definition.schema().properties ?? {})) {
    const value = object[field];
    if (schema.additionalProperties !== undefined && isObject(value) && Object.keys(value).length === 0) {
      delete object[field];
    }
  }
}

/** Metadata are of a fixed type for all kinds, and in that nothing and an empty list are the same. */
function withoutEmpty(metadata: JsonObject): JsonObject {
  for (const field of ['labels', 'annotations', 'finalizers', 'ownerReferences']) {
    const value = metadata[field];
    const isEmpty = Array.isArray(value) ? value.length === 0 : isObject(value) && Object.keys(value).length === 0;
    if (isEmpty) delete metadata[field];
  }
  return metadata;
}

interface Normalised {
  readonly object: JsonObject;
  readonly unknown: readonly string[];
  readonly mismatches: readonly string[];
}

function normaliseBuiltin(definition: ResourceDefinition, value: JsonObject): Normalised {
  const result = normalise(definition.schema(), value, { typed: true });
  return { object: result.value as JsonObject, unknown: result.unknown, mismatches: result.mismatches };
}

function normaliseCustom(definition: ResourceDefinition, types: TypeSource, value: JsonObject): Normalised {
  const { apiVersion: _apiVersion, kind: _kind, metadata, ...rest } = value;
  const meta = normalise(types('ObjectMeta'), metadata ?? {}, { typed: true, at: ['metadata'] });
  const body = normalise(definition.schema(), rest, { typed: false });
  const object = { apiVersion: '', kind: '', metadata: meta.value, ...(body.value as JsonObject) };
  return { object, unknown: [...meta.unknown, ...body.unknown], mismatches: meta.mismatches };
}

function reportUnknown(definition: ResourceDefinition, unknown: readonly string[], options: InputOptions): void {
  if (options.fieldValidation === 'Ignore') return;
  const problems = [
    ...options.duplicates.map((field) => `duplicate field "${field}"`),
    ...unknown.map((field) => `unknown field "${field}"`),
  ];
  if (problems.length === 0) return;
  if (options.fieldValidation === 'Warn') {
    for (const problem of problems) options.warn(problem);
    return;
  }
  const message = `strict decoding error: ${problems.join(', ')}`;
  if (options.patch === undefined) throw cannotHandle(definition, message);
  throw errors.invalid({ group: '', kind: '' }, '', [fieldError.invalid('patch', options.patch, message)]);
}
