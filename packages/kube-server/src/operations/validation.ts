import type { FieldError } from '../http/field-error.ts';
import { errors } from '../http/status.ts';
import type { JsonObject } from '../json.ts';
import { stringAt } from '../json.ts';
import { validateMetadata } from '../kinds/metadata.ts';
import type { ResourceDefinition } from '../registry/definition.ts';
import { nameChecks } from '../registry/names.ts';
import { validate } from '../schema/validate.ts';

function bodyOf(definition: ResourceDefinition, object: Readonly<JsonObject>): Readonly<JsonObject> {
  if (!definition.custom) return object;
  const { apiVersion: _apiVersion, kind: _kind, metadata: _metadata, ...body } = object;
  return body;
}

/** Everything that is wrong with a draft; `current` for updates. CEL rules run only on what the schema accepts. */
function problems(
  definition: ResourceDefinition,
  draft: Readonly<JsonObject>,
  current: Readonly<JsonObject> | undefined,
): readonly FieldError[] {
  const { strategy, custom } = definition;
  const body = bodyOf(definition, draft);
  const found = [
    ...validateMetadata(draft, (name) =>
      strategy.validateName ? strategy.validateName(name) : nameChecks.subdomain(name),
    ),
    ...validate(definition.schema(), body, { typed: !custom }),
    ...(strategy.validate?.(draft) ?? []),
    ...(current ? (strategy.validateUpdate?.(draft, current) ?? []) : []),
  ];
  if (found.length > 0 || !definition.cel) return found;
  // Rules may speak of metadata.name and metadata.generateName.
  const named = (object: Readonly<JsonObject>): JsonObject => ({ ...object });
  return definition.cel().validate(named(draft), current ? named(current) : undefined);
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
