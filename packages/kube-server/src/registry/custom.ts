import { arrayAt, equalJson, isObject, type JsonObject, objectAt, stringAt, valueAt } from '../json.ts';
import { type CelValidator, createCelValidator } from '../schema/cel.ts';
import { normalise } from '../schema/normalise.ts';
import type { Schema } from '../schema/schema.ts';
import { customColumns } from '../table/custom-columns.ts';
import { type Column, type ResourceDefinition, type ScaleDefinition, storePrefix } from './definition.ts';

/** In the order in which Kubernetes names them for custom resources. */
const ALL_VERBS = ['delete', 'deletecollection', 'get', 'list', 'patch', 'create', 'update', 'watch'];

const texts = (value: unknown): readonly string[] =>
  Array.isArray(value) ? value.filter((item): item is string => typeof item === 'string') : [];

function scaleOf(version: Readonly<JsonObject>): ScaleDefinition | undefined {
  const scale = objectAt(version, 'subresources', 'scale');
  const specReplicasPath = stringAt(scale, 'specReplicasPath');
  const statusReplicasPath = stringAt(scale, 'statusReplicasPath');
  if (specReplicasPath === undefined || statusReplicasPath === undefined) return undefined;
  const labelSelectorPath = stringAt(scale, 'labelSelectorPath');
  return { specReplicasPath, statusReplicasPath, ...(labelSelectorPath === undefined ? {} : { labelSelectorPath }) };
}

/** The schema of what lies beside apiVersion, kind and metadata, which the server itself looks after. */
function bodySchema(version: Readonly<JsonObject>): Schema {
  const declared = (objectAt(version, 'schema', 'openAPIV3Schema') ?? { type: 'object' }) as Schema;
  const { apiVersion: _apiVersion, kind: _kind, metadata: _metadata, ...properties } = declared.properties ?? {};
  const required = declared.required?.filter((name) => !['apiVersion', 'kind', 'metadata'].includes(name));
  return { ...declared, properties, ...(required ? { required } : {}) };
}

/**
 * Objects as a version shows them: without what its schema does not know, with its defaults, also where they were stored
 * before the definition said so. As in Kubernetes, the schema of the storage version has its say first.
 */
function viewOf(
  schemas: readonly (() => Schema)[],
  apiVersion: string,
  storedApiVersion: string,
): NonNullable<ResourceDefinition['view']> {
  const known = new WeakMap<Readonly<JsonObject>, JsonObject>();
  const show = (stored: Readonly<JsonObject>): JsonObject => {
    const { apiVersion: _apiVersion, kind, metadata, ...body } = stored;
    const shown = schemas.reduce<unknown>((value, schema) => normalise(schema(), value, { typed: false }).value, body);
    if (stored.apiVersion === apiVersion && equalJson(shown, body)) return stored as JsonObject;
    return { ...(shown as JsonObject), apiVersion, kind, metadata };
  };
  return {
    fromStored: (stored) => {
      const shown = known.get(stored) ?? show(stored);
      known.set(stored, shown);
      return shown;
    },
    toStored: (object) =>
      object.apiVersion === storedApiVersion ? object : { ...object, apiVersion: storedApiVersion },
  };
}

/** As in Kubernetes, columns that cannot be read give way to the usual ones. */
function columnsOf(version: Readonly<JsonObject>): readonly Column[] {
  try {
    return customColumns(arrayAt(version, 'additionalPrinterColumns'));
  } catch {
    return customColumns([]);
  }
}

function once<T>(make: () => T): () => T {
  let made: { readonly value: T } | undefined;
  return () => {
    made ??= { value: make() };
    return made.value;
  };
}

/** The resources that a CustomResourceDefinition serves, one for each served version. */
export function customDefinitions(crd: Readonly<JsonObject>): readonly ResourceDefinition[] {
  const conditions = arrayAt(crd, 'status', 'conditions');
  const established = conditions.some((c) => valueAt(c, 'type') === 'Established' && valueAt(c, 'status') === 'True');
  if (!established) return [];
  const versions = arrayAt(crd, 'spec', 'versions').filter(isObject);
  const stored = versions.find((version) => version.storage === true);
  return versions
    .filter((version) => version.served === true)
    .map((version) => define(crd, version, stored ?? version));
}

function define(crd: Readonly<JsonObject>, version: JsonObject, stored: JsonObject): ResourceDefinition {
  const names = objectAt(crd, 'spec', 'names') ?? {};
  const group = stringAt(crd, 'spec', 'group') ?? '';
  const kind = stringAt(names, 'kind') ?? '';
  const plural = stringAt(names, 'plural') ?? '';
  const versionName = stringAt(version, 'name') ?? '';
  const hasStatus = isObject(valueAt(version, 'subresources', 'status'));
  const scale = scaleOf(version);
  const schema = once(() => bodySchema(version));
  const cel = once((): CelValidator => createCelValidator(schema()));
  const warning = stringAt(version, 'deprecationWarning');
  const apiVersion = `${group}/${versionName}`;
  const storedApiVersion = `${group}/${stringAt(stored, 'name')}`;
  return {
    group,
    version: versionName,
    apiVersion,
    plural,
    singular: stringAt(names, 'singular') ?? kind.toLowerCase(),
    kind,
    listKind: stringAt(names, 'listKind') ?? `${kind}List`,
    namespaced: stringAt(crd, 'spec', 'scope') === 'Namespaced',
    shortNames: texts(names.shortNames),
    categories: texts(names.categories),
    verbs: ALL_VERBS,
    storedApiVersion,
    prefix: storePrefix(group, plural),
    custom: true,
    view: viewOf(
      version === stored ? [schema] : [once(() => bodySchema(stored)), schema],
      apiVersion,
      storedApiVersion,
    ),
    schema,
    cel,
    hasStatus,
    ...(scale ? { scale } : {}),
    subresources: [],
    tracksGeneration: true,
    allowsBlindUpdate: false,
    strategy: {},
    columns: columnsOf(version),
    fieldSelectors: arrayAt(version, 'selectableFields').flatMap((field) => {
      const path = stringAt(field, 'jsonPath');
      return path === undefined ? [] : [path.replace(/^\./, '')];
    }),
    ...(version.deprecated === true
      ? { deprecationWarning: warning ?? `${group}/${versionName} ${kind} is deprecated` }
      : {}),
  };
}
