import { withoutManagedFields } from '../apply/field-tracker.ts';
import { type FieldError, fieldError, fieldMessage } from '../http/field-error.ts';
import { errors } from '../http/status.ts';
import type { JsonObject } from '../json.ts';
import { isObject, stringAt, valueAt } from '../json.ts';
import { validateMetadata } from '../kinds/metadata.ts';
import type { ResourceDefinition, ScaleDefinition } from '../registry/definition.ts';
import { nameChecks } from '../registry/names.ts';
import { checkEmbedded } from '../schema/embedded.ts';
import { checkListTypes } from '../schema/list-types.ts';
import { validate } from '../schema/validate.ts';

function bodyOf(definition: ResourceDefinition, object: Readonly<JsonObject>): Readonly<JsonObject> {
  // What the server itself wrote is not judged: it would cost as much as all the rest.
  if (!definition.custom) return withoutManagedFields(object);
  const { apiVersion: _apiVersion, kind: _kind, metadata: _metadata, ...body } = object;
  return body;
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
  warn: (text: string) => void,
): readonly FieldError[] {
  const { strategy, custom } = definition;
  const body = bodyOf(definition, draft);
  const before = current ? bodyOf(definition, current) : undefined;
  const metadata = validateMetadata(
    draft,
    (name) => (strategy.validateName ? strategy.validateName(name) : nameChecks.subdomain(name)),
    custom || definition.kind === 'CustomResourceDefinition',
  );
  const own = [
    ...(strategy.validate?.(draft) ?? []),
    ...((current ? strategy.validateUpdate?.(draft, current) : strategy.validateCreate?.(draft)) ?? []),
  ];
  if (strategy.validatesWhole) return [...metadata, ...own];
  if (!custom) {
    // Owner references are judged with the metadata, for all kinds alike.
    const found = validate(definition.schema(), body, { typed: true }).filter(
      (error) => !error.field.startsWith('metadata.ownerReferences'),
    );
    return [...metadata, ...found, ...own];
  }
  const found = [...metadata, ...customProblems(definition, body, before), ...own];
  const cel = definition.cel?.();
  if (!cel?.hasRules) return found;
  if (found.some((error) => blocking.has(error.type))) return [...found, unchecked];
  return [...found, ...cel.validate(draft, current, (error) => warn(fieldMessage(error)))];
}

/** What a schema, its embedded resources, its lists and the scale of a custom resource ask for. */
function customProblems(
  definition: ResourceDefinition,
  body: Readonly<JsonObject>,
  before: Readonly<JsonObject> | undefined,
): readonly FieldError[] {
  const schema = definition.schema();
  const wereListsWrong = before !== undefined && checkListTypes(schema, before).length > 0;
  return [
    ...validate(schema, body, { typed: false, old: before }),
    ...(definition.scale ? checkScale(definition.scale, body) : []),
    ...checkEmbedded(schema, body),
    ...(wereListsWrong ? [] : checkListTypes(schema, body)),
  ];
}

const MAX_REPLICAS = 2 ** 31 - 1;

function checkScale(scale: ScaleDefinition, body: Readonly<JsonObject>): readonly FieldError[] {
  const read = (path: string): unknown => valueAt(body, ...path.replace(/^\./, '').split('.'));
  const numbers = [scale.specReplicasPath, scale.statusReplicasPath].flatMap((path): readonly FieldError[] => {
    const value = read(path);
    if (value === undefined) return [];
    if (typeof value !== 'number' || !Number.isInteger(value)) return [wrongType(path, value, 'int64', 0)];
    if (value < 0) return [fieldError.invalid(path, value, 'should be a non-negative integer')];
    return value > MAX_REPLICAS
      ? [fieldError.invalid(path, value, `should be less than or equal to ${MAX_REPLICAS}`)]
      : [];
  });
  const selectorPath = scale.labelSelectorPath;
  const selector = selectorPath === undefined ? undefined : read(selectorPath);
  if (selectorPath === undefined || selector === undefined || typeof selector === 'string') return numbers;
  return [...numbers, wrongType(selectorPath, selector, 'string', '')];
}

function wrongType(path: string, value: unknown, wanted: string, shown: unknown): FieldError {
  const type = Array.isArray(value)
    ? '[]interface {}'
    : isObject(value)
      ? 'map[string]interface {}'
      : typeof value === 'number'
        ? 'float64'
        : typeof value === 'boolean'
          ? 'bool'
          : value === null
            ? '<nil>'
            : 'string';
  const text = typeof value === 'string' ? value : JSON.stringify(value);
  return fieldError.invalid(path, shown, `${path} accessor error: ${text} is of the type ${type}, expected ${wanted}`);
}

/** Throws 422 with all that is wrong; `warn` is told what was wrong before and is left as it was. */
export function assertValid(
  definition: ResourceDefinition,
  draft: Readonly<JsonObject>,
  current?: Readonly<JsonObject>,
  warn: (text: string) => void = () => undefined,
): void {
  const found = problems(definition, draft, current, warn);
  if (found.length > 0) throw errors.invalid(definition, stringAt(draft, 'metadata', 'name') ?? '', found);
}
