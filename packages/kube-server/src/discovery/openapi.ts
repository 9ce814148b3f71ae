/** OpenAPI v3 documents, one for each group version: what `kubectl apply`, `explain` and `create --validate` read. */
import { isObject, type JsonObject } from '../json.ts';
import type { ResourceDefinition } from '../registry/definition.ts';
import type { TypeSource } from '../schema/dsl.ts';
import type { Schema } from '../schema/schema.ts';

type Schemas = Record<string, object>;

const META = 'io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta';
const ref = (name: string): object => ({ $ref: `#/components/schemas/${name}` });

/** Words that are copied as they are. */
const plain = [
  'type',
  'format',
  'title',
  'description',
  'required',
  'enum',
  'default',
  'nullable',
  'minimum',
  'maximum',
  'exclusiveMinimum',
  'exclusiveMaximum',
  'multipleOf',
  'minLength',
  'maxLength',
  'pattern',
  'minItems',
  'maxItems',
  'minProperties',
  'maxProperties',
  'x-kubernetes-preserve-unknown-fields',
  'x-kubernetes-int-or-string',
  'x-kubernetes-embedded-resource',
  'x-kubernetes-list-type',
  'x-kubernetes-list-map-keys',
  'x-kubernetes-map-type',
  'x-kubernetes-validations',
  'x-kubernetes-patch-merge-key',
  'x-kubernetes-patch-strategy',
] as const;

const api = 'io.k8s.apimachinery.pkg';

/** Values that have names of their own there. */
const named: Readonly<Record<string, { readonly name: string; readonly schema: object }>> = {
  quantity: {
    name: `${api}.api.resource.Quantity`,
    schema: { description: 'A number with a unit.', oneOf: [{ type: 'string' }, { type: 'number' }] },
  },
  'int-or-string': {
    name: `${api}.util.intstr.IntOrString`,
    schema: {
      description: 'A number or a text.',
      format: 'int-or-string',
      oneOf: [{ type: 'integer' }, { type: 'string' }],
    },
  },
};

/** A schema in OpenAPI's form; named types are referred to and added to `schemas`. */
function convert(schema: Schema, schemas: Schemas): object {
  const value = schema['x-kubernetes-int-or-string'] === true ? named[schema.format ?? ''] : undefined;
  if (value) {
    schemas[value.name] = value.schema;
    const { description, default: fallback } = schema;
    return {
      ...(description === undefined && fallback === undefined ? ref(value.name) : { allOf: [ref(value.name)] }),
      ...(description === undefined ? {} : { description }),
      ...(fallback === undefined ? {} : { default: fallback }),
    };
  }
  if (schema.typeName === undefined) return body(schema, schemas);
  addType(schema, schemas);
  const own = Object.hasOwn(schema, 'properties') ? undefined : schema;
  if (!own)
    return { allOf: [ref(schema.typeName)], ...(schema.default === undefined ? {} : { default: schema.default }) };
  return {
    allOf: [ref(schema.typeName)],
    ...(own.description === undefined ? {} : { description: own.description }),
    ...(own.default === undefined ? {} : { default: own.default }),
  };
}

function addType(schema: Schema, schemas: Schemas): void {
  const name = schema.typeName;
  if (name === undefined || schemas[name]) return;
  schemas[name] = {}; // before the fields: types may refer to themselves
  // A field that says more of its type (dsl.ts) inherits from it: the type itself is what is told once.
  const type = Object.hasOwn(schema, 'typeName') ? schema : (Object.getPrototypeOf(schema) as Schema);
  schemas[name] = body(type, schemas);
}

function body(schema: Schema, schemas: Schemas): object {
  const result: JsonObject = {};
  for (const word of plain) {
    const value = schema[word];
    if (value !== undefined && value !== null && !(Array.isArray(value) && value.length === 0)) result[word] = value;
  }
  const required = [...(schema.required ?? []), ...(schema.published ?? [])];
  if (required.length > 0) result.required = required;
  if (schema.format === 'micro-time') result.format = 'date-time';
  if (schema.properties) {
    result.properties = Object.fromEntries(
      Object.entries(schema.properties).map(([name, child]) => [name, convert(child, schemas)]),
    );
  }
  if (schema.items) result.items = convert(schema.items, schemas);
  if (isObject(schema.additionalProperties)) {
    result.additionalProperties = convert(schema.additionalProperties as Schema, schemas);
  } else if (schema.additionalProperties === true) result.additionalProperties = true;
  for (const word of ['allOf', 'anyOf', 'oneOf'] as const) {
    const parts = schema[word];
    if (parts) result[word] = parts.map((part) => convert(part, schemas));
  }
  if (schema.not) result.not = convert(schema.not, schemas);
  return result;
}

/** What a document tells of a resource. */
export interface Published
  extends Pick<
    ResourceDefinition,
    'group' | 'version' | 'kind' | 'plural' | 'namespaced' | 'custom' | 'hasStatus' | 'schema'
  > {
  /** Answered and not stored: it can be created, and nothing else. */
  readonly isReview?: true;
}

function customSchema(definition: Published, schemas: Schemas): object {
  const own = definition.schema();
  const converted = body(own, schemas) as JsonObject;
  return {
    ...converted,
    type: 'object',
    description: own.description ?? `${definition.kind} of ${definition.group}.`,
    properties: {
      apiVersion: { type: 'string', description: 'The version of the schema that this object is written in.' },
      kind: { type: 'string', description: 'The kind of this object.' },
      metadata: { allOf: [ref(META)], description: 'What every object carries: name, labels, owners, versions.' },
      ...(converted.properties as object),
    },
  };
}

function reversed(group: string): string {
  return group.split('.').reverse().join('.');
}

function schemaName(definition: Published): string {
  const name = definition.custom ? undefined : definition.schema().typeName;
  return name ?? `${reversed(definition.group)}.${definition.version}.${definition.kind}`;
}

const query = (name: string, description: string): object => ({
  name,
  in: 'query',
  description,
  schema: { type: 'string', uniqueItems: true },
});

const writing = [
  query('dryRun', 'All: do everything but write.'),
  query('fieldManager', 'Who makes the change.'),
  query('fieldValidation', 'Ignore, Warn or Strict: what to do about unknown and duplicate fields.'),
];

function addPaths(definition: Published, name: string, paths: JsonObject): void {
  const { group, version, kind, plural, namespaced } = definition;
  const root = group === '' ? `/api/${version}` : `/apis/${group}/${version}`;
  const list = `${root}${namespaced ? '/namespaces/{namespace}' : ''}/${plural}`;
  const content = { 'application/json': { schema: ref(name) } };
  const operation = (action: string, parameters: readonly object[] = []): object => ({
    'x-kubernetes-action': action,
    'x-kubernetes-group-version-kind': { group, kind, version },
    parameters,
    responses: { 200: { description: 'OK', content } },
  });
  const item = {
    get: operation('get'),
    put: operation('put', writing),
    patch: operation('patch', writing),
    delete: operation('delete'),
  };
  if (definition.isReview) {
    paths[list] = { post: operation('post', writing) };
    return;
  }
  paths[list] = { get: operation('list'), post: operation('post', writing) };
  paths[`${list}/{name}`] = item;
  if (definition.hasStatus) {
    paths[`${list}/{name}/status`] = { get: item.get, put: item.put, patch: item.patch };
  }
}

/** The document of one group version; undefined when nothing is served there. */
export function openApiDocument(
  definitions: readonly Published[],
  types: TypeSource,
  group: string,
  version: string,
): object | undefined {
  const served = definitions.filter((d) => d.group === group && d.version === version);
  if (served.length === 0) return undefined;
  const schemas: Schemas = {};
  const paths: JsonObject = {};
  addType(types('ObjectMeta'), schemas);
  for (const definition of served) {
    const name = schemaName(definition);
    if (definition.custom) schemas[name] = customSchema(definition, schemas);
    else addType(definition.schema(), schemas);
    schemas[name] = {
      ...schemas[name],
      'x-kubernetes-group-version-kind': [{ group, kind: definition.kind, version }],
    };
    addPaths(definition, name, paths);
  }
  if (group === '') addType(types('DeleteOptions'), schemas);
  return {
    openapi: '3.0.0',
    info: { title: 'PolarDB Stack', version: 'unversioned' },
    paths,
    components: { schemas },
  };
}
