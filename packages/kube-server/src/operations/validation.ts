import { withoutManagedFields } from '../apply/field-tracker.ts';
import type { FieldError } from '../http/field-error.ts';
import { errors } from '../http/status.ts';
import type { JsonObject } from '../json.ts';
import { equalJson, isObject, stringAt } from '../json.ts';
import { validateMetadata } from '../kinds/metadata.ts';
import type { ResourceDefinition } from '../registry/definition.ts';
import { nameChecks } from '../registry/names.ts';
import { validate } from '../schema/validate.ts';

function bodyOf(definition: ResourceDefinition, object: Readonly<JsonObject>): Readonly<JsonObject> {
  // What the server itself wrote is not judged: it would cost as much as all the rest.
  if (!definition.custom) return withoutManagedFields(object);
  const { apiVersion: _apiVersion, kind: _kind, metadata: _metadata, ...body } = object;
  return body;
}

/** The value at `spec.a[0].b`; undefined where the text leads nowhere (a map key with a dot, say). */
function valueAtPath(object: unknown, path: string): unknown {
  return path
    .split(/[.[\]]+/)
    .filter((part) => part !== '')
    .reduce<unknown>((at, part) => {
      if (Array.isArray(at)) return at[Number(part)];
      return isObject(at) ? at[part] : undefined;
    }, object);
}

/**
 * Whether what is wrong was so before and is left as it was: a definition that became stricter must not keep anybody
 * from changing the rest of an object, or from taking off its finalizer.
 */
function isOld(error: FieldError, draft: Readonly<JsonObject>, current: Readonly<JsonObject>): boolean {
  const isMissing = error.type === 'FieldValueRequired';
  const path = isMissing ? error.field.replace(/\.?[^.]*$/, '') : error.field;
  const old = valueAtPath(current, path);
  return old !== undefined && equalJson(valueAtPath(draft, path), old);
}

/** Errors that leave rules without what they would judge. */
const blocking: ReadonlySet<string> = new Set([
  'FieldValueRequired',
  'FieldValueTypeInvalid',
  'FieldValueNotSupported',
  'FieldValueTooLong',
  'FieldValueTooMany',
]);

const unchecked: FieldError = {
  type: 'FieldValueInvalid',
  field: '<nil>',
  value: null,
  detail:
    'some validation rules were not checked because the object was invalid; correct the existing errors to complete validation',
};

/** Everything that is wrong with a draft; `current` for updates. */
function problems(
  definition: ResourceDefinition,
  draft: Readonly<JsonObject>,
  current: Readonly<JsonObject> | undefined,
): readonly FieldError[] {
  const { strategy, custom } = definition;
  const body = bodyOf(definition, draft);
  const before = current ? bodyOf(definition, current) : undefined;
  // Owner references are judged with the metadata, for all kinds alike.
  const schemaErrors = validate(definition.schema(), body, { typed: !custom }).filter(
    (error) => !error.field.startsWith('metadata.ownerReferences'),
  );
  const found = [
    ...validateMetadata(
      draft,
      (name) => (strategy.validateName ? strategy.validateName(name) : nameChecks.subdomain(name)),
      custom || definition.kind === 'CustomResourceDefinition',
    ),
    ...(custom && before ? schemaErrors.filter((error) => !isOld(error, body, before)) : schemaErrors),
    ...(strategy.validate?.(draft) ?? []),
    ...((current ? strategy.validateUpdate?.(draft, current) : strategy.validateCreate?.(draft)) ?? []),
  ];
  const cel = definition.cel?.();
  if (!cel?.hasRules) return found;
  if (schemaErrors.some((error) => blocking.has(error.type))) return [...found, unchecked];
  // Rules may speak of metadata.name and metadata.generateName.
  const named = (object: Readonly<JsonObject>): JsonObject => ({ ...object });
  return [...found, ...cel.validate(named(draft), current ? named(current) : undefined)];
}

/** Throws 422 with all that is wrong. */
export function assertValid(
  definition: ResourceDefinition,
  draft: Readonly<JsonObject>,
  current?: Readonly<JsonObject>,
): void {
  const found = problems(definition, draft, current);
  if (found.length > 0) throw errors.invalid(definition, stringAt(draft, 'metadata', 'name') ?? '', found);
}
