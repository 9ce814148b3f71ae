import { type FieldError, fieldError } from '../http/field-error.ts';
import { arrayAt, ensureObject, equalJson, isObject, type JsonObject, objectAt, stringAt, valueAt } from '../json.ts';
import type { Strategy } from '../registry/definition.ts';
import { nameChecks } from '../registry/names.ts';
import { unknownFormats } from '../schema/formats.ts';
import type { Schema } from '../schema/schema.ts';
import { withCondition } from './crd-names.ts';
import { checkDefinition, checkDefinitionName } from './crd-rules.ts';

/** Held until the custom resources of a deleted definition are gone. */
export const CRD_CLEANUP_FINALIZER = 'customresourcecleanup.apiextensions.k8s.io';

/** What a definition means where it says nothing. */
function fillDefaults(draft: JsonObject): void {
  const spec = ensureObject(draft, 'spec');
  const names = ensureObject(spec, 'names');
  const kind = stringAt(names, 'kind') ?? '';
  if (kind !== '') {
    if ((stringAt(names, 'singular') ?? '') === '') names.singular = kind.toLowerCase();
    if ((stringAt(names, 'listKind') ?? '') === '') names.listKind = `${kind}List`;
  }
  spec.conversion ??= { strategy: 'None' };
  for (const version of arrayAt(spec, 'versions')) {
    if (!isObject(version)) continue;
    version.served ??= false;
    version.storage ??= false;
  }
  if (spec.preserveUnknownFields === false) delete spec.preserveUnknownFields;
  const service = objectAt(spec, 'conversion', 'webhook', 'clientConfig', 'service');
  if (service) service.port ??= 443;
}

/** The storage version joins those that objects may be stored in. */
function noteStored(draft: JsonObject): void {
  const status = ensureObject(draft, 'status');
  const storage = arrayAt(draft, 'spec', 'versions').find((version) => isObject(version) && version.storage === true);
  const stored = arrayAt(status, 'storedVersions').map(String);
  const name = stringAt(storage, 'name');
  status.storedVersions = name === undefined || stored.includes(name) ? stored : [...stored, name];
}

const schemas = (definition: Readonly<JsonObject>): readonly Schema[] =>
  arrayAt(definition, 'spec', 'versions').flatMap(
    (version) => (objectAt(version, 'schema', 'openAPIV3Schema') as Schema | undefined) ?? [],
  );

/** Formats that nothing checks are told of once, when they are written. */
function warnOfFormats(
  draft: Readonly<JsonObject>,
  before: Readonly<JsonObject>,
  warn: ((text: string) => void) | undefined,
): void {
  const old = new Set(schemas(before).flatMap(unknownFormats));
  for (const format of schemas(draft).flatMap(unknownFormats)) {
    if (!old.has(format)) warn?.(`unrecognized format ${JSON.stringify(format)}`);
  }
}

/** `settled` resolves when a definition has been given the names that it may have. */
export const crdStrategy = (settled: (key: string) => Promise<void>): Strategy => ({
  settled,
  deletionFinalizers: [CRD_CLEANUP_FINALIZER],
  validatesWhole: true,
  convertInput: fillDefaults,
  beginDeletion: (marked, current, now) => {
    const metadata = { ...objectAt(marked, 'metadata') };
    delete metadata.deletionGracePeriodSeconds;
    const generation = valueAt(current, 'metadata', 'generation');
    if (generation !== undefined) metadata.generation = generation;
    const status = objectAt(current, 'status') ?? {};
    const condition = {
      type: 'Terminating',
      status: 'True',
      reason: 'InstanceDeletionPending',
      message: 'CustomResourceDefinition marked for deletion; CustomResource deletion will begin soon',
    };
    const conditions = withCondition(arrayAt(status, 'conditions').filter(isObject), condition, now);
    return { ...marked, metadata, status: { ...status, conditions } };
  },
  prepareCreate: (draft, { warn }) => {
    draft.status = { conditions: null, acceptedNames: { plural: '', kind: '' } };
    noteStored(draft);
    warnOfFormats(draft, {}, warn);
  },
  prepareUpdate: (draft, current, { warn }) => {
    draft.status = { ...objectAt(current, 'status') };
    noteStored(draft);
    warnOfFormats(draft, current, warn);
  },
  validateName: nameChecks.subdomain,
  validateCreate: (draft) => {
    const problem = checkDefinitionName(draft);
    const name = stringAt(draft, 'metadata', 'name') ?? '';
    const named: readonly FieldError[] = problem ? [fieldError.invalid('metadata.name', name, problem)] : [];
    return [...named, ...checkDefinition(draft, undefined)];
  },
  validateUpdate: (draft, current) => (equalJson(draft.spec, current.spec) ? [] : checkDefinition(draft, current)),
});
