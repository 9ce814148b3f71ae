import { type FieldError, fieldError } from '../http/field-error.ts';
import { arrayAt, ensureObject, equalJson, isObject, type JsonObject, objectAt, stringAt } from '../json.ts';
import type { Strategy } from '../registry/definition.ts';
import { nameChecks } from '../registry/names.ts';
import { compileCel } from '../schema/cel.ts';
import type { Schema } from '../schema/schema.ts';
import { checkStructural } from '../schema/structural.ts';
import { compileJsonPath } from '../table/json-path.ts';
import { timestamp } from './metadata.ts';

/** Held until the custom resources of a deleted definition are gone. */
export const CRD_CLEANUP_FINALIZER = 'customresourcecleanup.apiextensions.k8s.io';

function fillNames(draft: JsonObject): void {
  const spec = ensureObject(draft, 'spec');
  const names = ensureObject(spec, 'names');
  const kind = stringAt(names, 'kind');
  if (kind !== undefined && kind !== '') {
    names.singular ??= kind.toLowerCase();
    names.listKind ??= `${kind}List`;
  }
  spec.conversion ??= { strategy: 'None' };
}

/** Another definition of the same group that has one of the names already, and which. */
function conflict(draft: Readonly<JsonObject>, others: readonly Readonly<JsonObject>[]): string | undefined {
  const group = stringAt(draft, 'spec', 'group');
  const own = stringAt(draft, 'metadata', 'name');
  const names = objectAt(draft, 'spec', 'names') ?? {};
  const wanted = [names.plural, names.singular, ...arrayAt(names, 'shortNames')].map(String);
  for (const other of others) {
    if (stringAt(other, 'spec', 'group') !== group || stringAt(other, 'metadata', 'name') === own) continue;
    const accepted = objectAt(other, 'status', 'acceptedNames') ?? {};
    const taken = [accepted.plural, accepted.singular, ...arrayAt(accepted, 'shortNames')].map(String);
    const found = wanted.find((name) => taken.includes(name));
    if (found !== undefined) return `"${found}" is already in use`;
    for (const field of ['kind', 'listKind']) {
      if (names[field] === accepted.kind || names[field] === accepted.listKind) {
        return `"${stringAt(names, field) ?? ''}" is already in use`;
      }
    }
  }
  return undefined;
}

/** Names are accepted at once, unless another definition has them. A definition once established stays so. */
function accept(draft: JsonObject, now: Date, others: readonly Readonly<JsonObject>[]): void {
  const status = ensureObject(draft, 'status');
  const spec = objectAt(draft, 'spec') ?? {};
  const storage = arrayAt(spec, 'versions').find((version) => isObject(version) && version.storage === true);
  const stored = arrayAt(status, 'storedVersions').map(String);
  const name = stringAt(storage, 'name');
  status.storedVersions = name === undefined || stored.includes(name) ? stored : [...stored, name];
  if (isEstablished(status)) {
    status.acceptedNames = objectAt(spec, 'names') ?? {};
    return;
  }
  const taken = conflict(draft, others);
  status.acceptedNames = taken === undefined ? (objectAt(spec, 'names') ?? {}) : { plural: '', kind: '' };
  status.conditions =
    taken === undefined
      ? [
          condition('NamesAccepted', 'True', 'NoConflicts', 'no conflicts found', now),
          condition('Established', 'True', 'InitialNamesAccepted', 'the initial names have been accepted', now),
        ]
      : [
          condition('NamesAccepted', 'False', 'NameConflict', taken, now),
          condition('Established', 'False', 'NotAccepted', 'not all names are accepted', now),
        ];
}

function isEstablished(status: Readonly<JsonObject>): boolean {
  return arrayAt(status, 'conditions').some((c) => isObject(c) && c.type === 'Established' && c.status === 'True');
}

function condition(type: string, status: string, reason: string, message: string, now: Date): JsonObject {
  return { type, status, reason, message, lastTransitionTime: timestamp(now) };
}

function validateNames(draft: Readonly<JsonObject>): readonly FieldError[] {
  const spec = objectAt(draft, 'spec') ?? {};
  const found: FieldError[] = [];
  const plural = stringAt(spec, 'names', 'plural') ?? '';
  const group = stringAt(spec, 'group') ?? '';
  const name = stringAt(draft, 'metadata', 'name') ?? '';
  if (plural !== '' && group !== '' && name !== `${plural}.${group}`) {
    found.push(fieldError.invalid('metadata.name', name, `must be spec.names.plural+"."+spec.group`));
  }
  if (group !== '' && !group.includes('.')) {
    found.push(fieldError.invalid('spec.group', group, 'should be a domain with at least one dot'));
  }
  for (const field of ['plural', 'singular'] as const) {
    const value = stringAt(spec, 'names', field) ?? '';
    const problem = value === '' ? undefined : nameChecks.label1035(value);
    if (problem !== undefined) found.push(fieldError.invalid(`spec.names.${field}`, value, problem));
  }
  if (stringAt(spec, 'conversion', 'strategy') === 'Webhook') {
    found.push(fieldError.notSupported('spec.conversion.strategy', 'Webhook', ['None']));
  }
  if (spec.preserveUnknownFields === true) {
    found.push(
      fieldError.invalid('spec.preserveUnknownFields', true, 'must be false in order to use defaults in the schema'),
    );
  }
  return found;
}

function validateColumns(version: Readonly<JsonObject>, at: string): readonly FieldError[] {
  return arrayAt(version, 'additionalPrinterColumns').flatMap((column, i) => {
    const field = `${at}.additionalPrinterColumns[${i}].jsonPath`;
    const path = stringAt(column, 'jsonPath') ?? '';
    if (path === '') return [];
    try {
      compileJsonPath(path);
      return [];
    } catch (error) {
      return [fieldError.invalid(field, path, error instanceof Error ? error.message : String(error))];
    }
  });
}

function validateVersions(draft: Readonly<JsonObject>): readonly FieldError[] {
  const found: FieldError[] = [];
  const versions = arrayAt(draft, 'spec', 'versions').filter(isObject);
  const storage = versions.filter((version) => version.storage === true).length;
  if (versions.length > 0 && storage !== 1) {
    found.push(
      fieldError.invalid(
        'spec.versions',
        versions.map((v) => v.name),
        'must have exactly one version marked as storage version',
      ),
    );
  }
  const seen = new Set<unknown>();
  versions.forEach((version, i) => {
    const at = `spec.versions[${i}]`;
    if (seen.has(version.name)) found.push(fieldError.duplicate(`${at}.name`, version.name));
    seen.add(version.name);
    found.push(...validateColumns(version, at));
    const schema = objectAt(version, 'schema', 'openAPIV3Schema') as Schema | undefined;
    if (!schema) {
      found.push(fieldError.required(`${at}.schema.openAPIV3Schema`, 'schemas are required'));
      return;
    }
    const root = `${at}.schema.openAPIV3Schema`;
    const structural = checkStructural(schema, root);
    found.push(...structural);
    if (structural.length === 0) found.push(...compileCel(schema, root).errors);
  });
  return found;
}

/** `others`: all definitions there are. */
export const crdStrategy = (others: () => readonly Readonly<JsonObject>[]): Strategy => ({
  finalizers: [CRD_CLEANUP_FINALIZER],
  prepareCreate: (draft, { now }) => {
    delete draft.status;
    fillNames(draft);
    accept(draft, now, others());
  },
  prepareUpdate: (draft, _current, { now }) => {
    fillNames(draft);
    accept(draft, now, others());
  },
  validate: (draft) => [...validateNames(draft), ...validateVersions(draft)],
  validateUpdate: (draft, current) =>
    (['group', 'scope'] as const)
      .filter((field) => stringAt(draft, 'spec', field) !== stringAt(current, 'spec', field))
      .map((field) => fieldError.invalid(`spec.${field}`, stringAt(draft, 'spec', field), 'field is immutable'))
      .concat(
        equalJson(objectAt(draft, 'spec', 'names')?.plural, objectAt(current, 'spec', 'names')?.plural) &&
          equalJson(objectAt(draft, 'spec', 'names')?.kind, objectAt(current, 'spec', 'names')?.kind)
          ? []
          : [fieldError.invalid('spec.names', objectAt(draft, 'spec', 'names'), 'plural and kind are immutable')],
      ),
});
