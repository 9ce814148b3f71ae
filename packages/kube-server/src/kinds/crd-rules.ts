/** What a CustomResourceDefinition must be like to be accepted, in the order and words of Kubernetes. */
import { type FieldError, fieldError } from '../http/field-error.ts';
import { arrayAt, equalJson, isObject, type JsonObject, objectAt, stringAt } from '../json.ts';
import { nameChecks } from '../registry/names.ts';
import type { Schema } from '../schema/schema.ts';
import { readSchemaPath } from '../schema/schema-path.ts';
import { checkSchema } from '../schema/schema-rules.ts';
import { unreadableAsStructural } from '../schema/structural.ts';
import { checkConversion } from './crd-conversion.ts';
import { isEstablished } from './crd-names.ts';

type Part = Readonly<JsonObject>;

/** `current` for updates. */
export function checkDefinition(draft: Part, current: Part | undefined): readonly FieldError[] {
  const spec = objectAt(draft, 'spec') ?? {};
  return [
    ...checkSpec(spec, current && (objectAt(current, 'spec') ?? {})),
    ...(current ? checkUnchanged(spec, current) : []),
    ...(current ? checkNames(objectAt(draft, 'status', 'acceptedNames') ?? {}, 'status.acceptedNames') : []),
    ...checkStoredVersions(draft),
    ...checkApproval(draft, current),
    ...checkPreserving(spec, current),
  ];
}

/** The name must be made of the plural name and the group. */
export function checkDefinitionName(draft: Part): string | undefined {
  const wanted = `${stringAt(draft, 'spec', 'names', 'plural') ?? ''}.${stringAt(draft, 'spec', 'group') ?? ''}`;
  return stringAt(draft, 'metadata', 'name') === wanted ? undefined : 'must be spec.names.plural+"."+spec.group';
}

/** Parts that all versions have alike stand at the top, for Kubernetes and so in its messages. */
function isShared(versions: readonly Part[], field: string): boolean {
  const [first] = versions;
  const value = first?.[field];
  const isGiven = Array.isArray(value) ? value.length > 0 : isObject(value);
  return isGiven && versions.every((version) => equalJson(version[field], value));
}

function checkSpec(spec: Part, before: Part | undefined): readonly FieldError[] {
  const errors: FieldError[] = [...checkGroupAndScope(spec)];
  const versions = arrayAt(spec, 'versions').filter(isObject);
  const shares = (field: string): boolean => isShared(versions, field);
  const hadSchemas =
    before === undefined || arrayAt(before, 'versions').every((version) => schemaOf(version) !== undefined);
  for (const [i, version] of hadSchemas ? versions.entries() : []) {
    if (schemaOf(version) === undefined) errors.push(fieldError.required(`spec.versions[${i}].schema.openAPIV3Schema`));
  }
  if (spec.preserveUnknownFields === true && versions.some((version) => hasDefaults(schemaOf(version)))) {
    const why = 'must be false in order to use defaults in the schema';
    errors.push(fieldError.invalid('spec.preserveUnknownFields', true, why));
  }
  const unchanged = (version: Part): boolean =>
    arrayAt(before, 'versions').some(
      (old) => stringAt(old, 'name') === version.name && equalJson(objectAt(old, 'schema'), version.schema),
    );
  const seen = new Set<unknown>();
  let areUnique = true;
  for (const [i, version] of versions.entries()) {
    const at = `spec.versions[${i}]`;
    if (seen.has(version.name)) areUnique = false;
    seen.add(version.name);
    const problem = nameChecks.label1035(stringAt(version, 'name') ?? '');
    if (problem) errors.push(fieldError.invalid(`${at}.name`, version.name, problem));
    errors.push(...checkDeprecation(version, at));
    const hasStatus = isObject(objectAt(version, 'subresources')?.status);
    if (!shares('schema')) errors.push(...checkVersionSchema(version, `${at}.schema`, hasStatus, unchanged(version)));
    if (!shares('subresources')) errors.push(...checkSubresources(version, `${at}.subresources`));
    if (!shares('additionalPrinterColumns')) errors.push(...checkColumns(version, `${at}.additionalPrinterColumns`));
    if (!shares('selectableFields')) errors.push(...checkSelectable(version, `${at}.selectableFields`));
  }
  if (!areUnique) errors.push(fieldError.invalid('spec.versions', spec.versions, 'must contain unique version names'));
  if (versions.filter((version) => version.storage === true).length !== 1) {
    const why = 'must have exactly one version marked as storage version';
    errors.push(fieldError.invalid('spec.versions', spec.versions ?? null, why));
  }
  const [first] = versions;
  const firstName = stringAt(first, 'name') ?? '';
  const wrongVersion = firstName === '' ? undefined : nameChecks.label1035(firstName);
  if (wrongVersion) errors.push(fieldError.invalid('spec.version', firstName, wrongVersion));
  const names = objectAt(spec, 'names') ?? {};
  for (const field of ['plural', 'singular', 'kind', 'listKind']) {
    if ((stringAt(names, field) ?? '') === '') errors.push(fieldError.required(`spec.names.${field}`));
  }
  errors.push(...checkNames(names, 'spec.names'));
  if (first) {
    const hasStatus = versions.some((version) => isObject(objectAt(version, 'subresources')?.status));
    if (shares('schema')) errors.push(...checkVersionSchema(first, 'spec.validation', hasStatus, unchanged(first)));
    if (shares('subresources')) errors.push(...checkSubresources(first, 'spec.subresources'));
    if (shares('additionalPrinterColumns')) errors.push(...checkColumns(first, 'spec.additionalPrinterColumns'));
    if (shares('selectableFields')) errors.push(...checkSelectable(first, 'spec.selectableFields'));
  }
  return [...errors, ...checkConversion(spec, before)];
}

const schemaOf = (version: unknown): Schema | undefined =>
  objectAt(version, 'schema', 'openAPIV3Schema') as Schema | undefined;

function hasDefaults(schema: Schema | undefined): boolean {
  if (!schema) return false;
  if (schema.default !== undefined) return true;
  return [...Object.values(schema.properties ?? {}), schema.items].some(hasDefaults);
}

function checkGroupAndScope(spec: Part): readonly FieldError[] {
  const errors: FieldError[] = [];
  const group = stringAt(spec, 'group') ?? '';
  const problem = nameChecks.subdomain(group);
  if (group === '') errors.push(fieldError.required('spec.group'));
  else if (problem) errors.push(fieldError.invalid('spec.group', group, problem));
  else if (!group.includes('.')) {
    errors.push(fieldError.invalid('spec.group', group, 'should be a domain with at least one dot'));
  }
  const scope = stringAt(spec, 'scope') ?? '';
  if (scope === '') errors.push(fieldError.required('spec.scope'));
  else if (scope !== 'Cluster' && scope !== 'Namespaced') {
    errors.push(fieldError.notSupported('spec.scope', scope, ['Cluster', 'Namespaced']));
  }
  return errors;
}

function checkNames(names: Part, at: string): readonly FieldError[] {
  const errors: FieldError[] = [];
  const check = (field: string, name: string, isKind: boolean): void => {
    const problem = nameChecks.label1035(isKind ? name.toLowerCase() : name);
    if (!problem) return;
    const why = isKind ? `may have mixed case, but should otherwise match: ${problem}` : problem;
    errors.push(fieldError.invalid(`${at}.${field}`, name, why));
  };
  for (const field of ['plural', 'singular', 'kind', 'listKind']) {
    const name = stringAt(names, field) ?? '';
    if (name !== '') check(field, name, field === 'kind' || field === 'listKind');
  }
  for (const [i, name] of arrayAt(names, 'shortNames').entries()) check(`shortNames[${i}]`, String(name), false);
  const kind = stringAt(names, 'kind') ?? '';
  if (kind !== '' && kind === names.listKind) {
    errors.push(fieldError.invalid(`${at}.listKind`, kind, 'kind and listKind may not be the same'));
  }
  for (const [i, name] of arrayAt(names, 'categories').entries()) check(`categories[${i}]`, String(name), false);
  return errors;
}

function checkDeprecation(version: Part, at: string): readonly FieldError[] {
  const text = version.deprecationWarning;
  if (typeof text !== 'string') return [];
  const field = `${at}.deprecationWarning`;
  if (version.deprecated !== true) return [fieldError.invalid(field, text, 'can only be set for deprecated versions')];
  const errors: FieldError[] = [];
  if (Buffer.byteLength(text) > 256) errors.push(fieldError.invalid(field, text, 'must be <= 256 characters long'));
  if (text === '') errors.push(fieldError.invalid(field, text, 'must not be an empty string'));
  const bad = Array.from(text).find((char) => !/^(?:[\p{L}\p{M}\p{N}\p{P}\p{S}]| )$/u.test(char));
  if (bad !== undefined) {
    const index = Buffer.byteLength(text.slice(0, text.indexOf(bad)));
    const why = `must only contain printable UTF-8 characters; non-printable character found at index ${index}`;
    errors.push(fieldError.invalid(field, text, why));
  }
  return errors;
}

function checkVersionSchema(
  version: Part,
  at: string,
  hasStatus: boolean,
  isUnchanged: boolean,
): readonly FieldError[] {
  const schema = schemaOf(version);
  return schema ? checkSchema(schema, at, { hasStatus, isUnchanged }) : [];
}

function checkSimplePath(path: string, field: string): FieldError | undefined {
  return path.startsWith('.')
    ? undefined
    : fieldError.invalid(field, path, 'must be a simple json path starting with .');
}

function checkSubresources(version: Part, at: string): readonly FieldError[] {
  const scale = objectAt(version, 'subresources', 'scale');
  if (!scale) return [];
  const errors: FieldError[] = [];
  for (const [field, below, words] of [
    ['specReplicasPath', ['.spec.'], 'should be a json path under .spec'],
    ['statusReplicasPath', ['.status.'], 'should be a json path under .status'],
    ['labelSelectorPath', ['.spec.', '.status.'], 'should be a json path under either .spec or .status'],
  ] as const) {
    const place = `${at}.scale.${field}`;
    const path = stringAt(scale, field) ?? '';
    if (path === '') {
      if (field !== 'labelSelectorPath') errors.push(fieldError.required(place));
      continue;
    }
    const problem = checkSimplePath(path, place);
    if (problem) errors.push(problem);
    else if (!below.some((prefix) => path.startsWith(prefix))) errors.push(fieldError.invalid(place, path, words));
  }
  return errors;
}

const columnTypes = ['boolean', 'date', 'integer', 'number', 'string'];
const columnFormats = ['byte', 'date', 'date-time', 'double', 'float', 'int32', 'int64', 'password'];

function checkColumns(version: Part, at: string): readonly FieldError[] {
  return arrayAt(version, 'additionalPrinterColumns').flatMap((column, i): readonly FieldError[] => {
    const errors: FieldError[] = [];
    const text = (field: string): string => stringAt(column, field) ?? '';
    const place = `${at}[${i}]`;
    if (text('name') === '') errors.push(fieldError.required(`${place}.name`));
    const why = `must be one of ${columnTypes.join(',')}`;
    if (text('type') === '') errors.push(fieldError.required(`${place}.type`, why));
    else if (!columnTypes.includes(text('type'))) errors.push(fieldError.invalid(`${place}.type`, text('type'), why));
    const format = text('format');
    if (format !== '' && !columnFormats.includes(format)) {
      errors.push(fieldError.invalid(`${place}.format`, format, `must be one of ${columnFormats.join(',')}`));
    }
    const path = text('jsonPath');
    const problem = path === '' ? fieldError.required(`${place}.JSONPath`) : checkSimplePath(path, `${place}.JSONPath`);
    return problem ? [...errors, problem] : errors;
  });
}

const MAX_SELECTABLE = 8;

function checkSelectable(version: Part, at: string): readonly FieldError[] {
  const fields = arrayAt(version, 'selectableFields');
  if (fields.length === 0) return [];
  const schema = schemaOf(version);
  if (!schema) {
    return [fieldError.invalid(at, '', 'may only be set when `version.schema.openAPIV3Schema` is not included')];
  }
  const unreadable = unreadableAsStructural(schema);
  const errors: FieldError[] = [];
  if (unreadable)
    errors.push(fieldError.invalid(at.replace('selectableFields', 'schema.openAPIV3Schema'), '', unreadable));
  const seen = new Set<string>();
  for (const [i, field] of fields.entries()) {
    const place = `${at}[${i}].jsonPath`;
    const path = stringAt(field, 'jsonPath') ?? '';
    if (path === '') {
      errors.push(fieldError.required(place));
      continue;
    }
    const found = readSchemaPath(path, schema, false);
    if ('problem' in found) {
      errors.push(fieldError.invalid(place, path, `is an invalid path: ${found.problem}`));
      continue;
    }
    if (found.root === 'metadata') {
      errors.push(fieldError.invalid(place, path, 'must not point to fields in metadata'));
    }
    if (!['string', 'boolean', 'integer'].includes(found.schema.type ?? '')) {
      const why =
        'must point to a field of type string, boolean or integer. Enum string fields and strings with formats are allowed.';
      errors.push(fieldError.invalid(place, path, why));
    }
    if (seen.has(found.text)) errors.push(fieldError.duplicate(place, path));
    seen.add(found.text);
  }
  if (seen.size > MAX_SELECTABLE) errors.push(fieldError.tooMany(at, seen.size, MAX_SELECTABLE));
  return errors;
}

function checkUnchanged(spec: Part, current: Part): readonly FieldError[] {
  const before = objectAt(current, 'spec') ?? {};
  const wasEstablished = isEstablished(objectAt(current, 'status') ?? {});
  const fixed = [...(wasEstablished ? [['scope'], ['names', 'kind']] : []), ['group'], ['names', 'plural']];
  return fixed.flatMap((path) => {
    const value = stringAt(spec, ...path) ?? '';
    return value === (stringAt(before, ...path) ?? '')
      ? []
      : [fieldError.invalid(`spec.${path.join('.')}`, value, 'field is immutable')];
  });
}

function checkStoredVersions(draft: Part): readonly FieldError[] {
  const stored = arrayAt(draft, 'status', 'storedVersions').map(String);
  const at = 'status.storedVersions';
  if (stored.length === 0) return [fieldError.invalid(at, null, 'must have at least one stored version')];
  const versions = arrayAt(draft, 'spec', 'versions').filter(isObject);
  const unstored = versions.filter(({ storage, name }) => storage === true && !stored.includes(String(name)));
  const names = new Set(versions.map(({ name }) => name));
  return [
    ...unstored.map(({ name }) => fieldError.invalid(at, stored, `must have the storage version ${String(name)}`)),
    ...stored.flatMap((name, i) => {
      if (names.has(name)) return [];
      const why = `missing from spec.versions; ${name} was previously a storage version, and must remain in spec.versions until a storage migration ensures no data remains persisted in ${name} and removes ${name} from status.storedVersions`;
      return [fieldError.invalid(`${at}[${i}]`, name, why)];
    }),
  ];
}

const APPROVAL = 'api-approved.kubernetes.io';
type Approval = 'missing' | 'bypassed' | 'approved' | 'invalid';

function approvalOf(definition: Part): Approval {
  const text = stringAt(definition, 'metadata', 'annotations', APPROVAL) ?? '';
  if (text === '') return 'missing';
  if (text.startsWith('unapproved')) return 'bypassed';
  return /^[A-Za-z][A-Za-z0-9+.-]*:\/\/[^/?#]/.test(text) ? 'approved' : 'invalid';
}

/** Groups of Kubernetes itself are not for everybody. */
function checkApproval(draft: Part, current: Part | undefined): readonly FieldError[] {
  const group = stringAt(draft, 'spec', 'group') ?? '';
  if (!/(?:^|\.)(?:k8s|kubernetes)\.io$/.test(group)) return [];
  const approval = approvalOf(draft);
  if (current && approvalOf(current) === approval) return [];
  const at = `metadata.annotations[${APPROVAL}]`;
  const needs = `protected groups must have approval annotation "${APPROVAL}"`;
  const see = 'see https://github.com/kubernetes/enhancements/pull/1111';
  if (approval === 'missing') return [fieldError.required(at, `${needs}, ${see}`)];
  if (approval !== 'invalid') return [];
  const value = stringAt(draft, 'metadata', 'annotations', APPROVAL);
  return [fieldError.invalid(at, value, `${needs} with either a URL or a reason starting with "unapproved", ${see}`)];
}

function checkPreserving(spec: Part, current: Part | undefined): readonly FieldError[] {
  if (objectAt(current, 'spec')?.preserveUnknownFields === true || spec.preserveUnknownFields !== true) return [];
  const why = 'cannot set to true, set x-kubernetes-preserve-unknown-fields to true in spec.versions[*].schema instead';
  return [fieldError.invalid('spec.preserveUnknownFields', true, why)];
}
