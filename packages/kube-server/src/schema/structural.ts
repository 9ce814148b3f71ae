/**
 * The rules that make a CustomResourceDefinition's schema structural: every field has a type outside of the logic
 * (`allOf`, `anyOf`, `oneOf`, `not`), and the logic only narrows what is declared there. Pruning, defaults and
 * ownership of fields rest on it.
 */
import { type FieldError, fieldError, fieldMessage } from '../http/field-error.ts';
import { equalJson, isObject } from '../json.ts';
import { compileRegex } from './regex/regex.ts';
import { RegexProblem } from './regex/tree.ts';
import type { Schema } from './schema.ts';

/** Words whose meaning a structural schema cannot have. */
const unsupported = [
  ['id', 'id'],
  ['$schema', 'schema'],
  ['$ref', '$ref'],
  ['patternProperties', 'patternProperties'],
  ['dependencies', 'dependencies'],
  ['additionalItems', 'additionalItems'],
  ['definitions', 'definitions'],
] as const;

/** Why a schema cannot be read as a structural one at all; undefined where it can. */
export function unreadableAsStructural(schema: Schema): string | undefined {
  for (const [word, shown] of unsupported) {
    if (isSet(schema, word)) return `OpenAPIV3Schema '${shown}' is not supported`;
  }
  for (const child of childrenOf(schema)) {
    const why = unreadableAsStructural(child);
    if (why !== undefined) return why;
  }
  return undefined;
}

export function isSet(schema: Schema, word: string): boolean {
  const value: unknown = (schema as Readonly<Record<string, unknown>>)[word];
  if (value === undefined || value === null || value === '') return false;
  return word === 'dependencies' || word === 'additionalItems' || !isObject(value) || Object.keys(value).length > 0;
}

/** The schemas right below one, logic included. */
export function childrenOf(schema: Schema): readonly Schema[] {
  return [
    ...Object.values(schema.properties ?? {}),
    ...(schema.items ? [schema.items] : []),
    ...(isObject(schema.additionalProperties) ? [schema.additionalProperties as Schema] : []),
    ...(schema.allOf ?? []),
    ...(schema.anyOf ?? []),
    ...(schema.oneOf ?? []),
    ...(schema.not ? [schema.not] : []),
  ];
}

type Level = 'root' | 'item' | 'field';

export function checkStructural(schema: Schema, at: string): readonly FieldError[] {
  const errors: FieldError[] = [];
  invariants(schema, 'root', at, errors);
  completeness(schema, schema, at, at, errors);
  return errors.toSorted((a, b) => (fieldMessage(a) < fieldMessage(b) ? -1 : 1));
}

const levelText: Readonly<Record<Level, string>> = {
  root: 'at the root',
  item: 'for specified array items',
  field: 'for specified object fields',
};

function invariants(schema: Schema, level: Level, at: string, errors: FieldError[]): void {
  const { type, items, properties = {}, additionalProperties } = schema;
  if (type === 'array' && !items) errors.push(fieldError.required(`${at}.items`, 'must be specified'));
  if (items) invariants(items, 'item', `${at}.items`, errors);
  for (const [name, child] of Object.entries(properties))
    invariants(child, 'field', `${at}.properties[${name}]`, errors);
  if (additionalProperties !== undefined) {
    const place = `${at}.additionalProperties`;
    if (level === 'root') errors.push(fieldError.forbidden(place, 'must not be used at the root'));
    if (isObject(additionalProperties)) invariants(additionalProperties as Schema, 'field', place, errors);
  }
  checkExtensions(schema, level, at, errors);
  checkLogic(schema, at, errors, isIntOrString(schema.anyOf), isIntOrString(schema.allOf?.[0]?.anyOf));
  checkMetadata(schema, level, at, errors);
}

function checkExtensions(schema: Schema, level: Level, at: string, errors: FieldError[]): void {
  const type = schema.type ?? '';
  const isIntOrStringField = schema['x-kubernetes-int-or-string'] === true;
  const preserves = schema['x-kubernetes-preserve-unknown-fields'] === true;
  const isEmbedded = schema['x-kubernetes-embedded-resource'] === true;
  const only = 'must be false if x-kubernetes-int-or-string is true';
  if (isIntOrStringField && preserves) {
    errors.push(fieldError.invalid(`${at}.x-kubernetes-preserve-unknown-fields`, true, only));
  }
  if (isIntOrStringField && isEmbedded) {
    errors.push(fieldError.invalid(`${at}.x-kubernetes-embedded-resource`, true, only));
  }
  if (isEmbedded && type !== 'object') {
    const why = 'must be object if x-kubernetes-embedded-resource is true';
    errors.push(type === '' ? fieldError.required(`${at}.type`, why) : fieldError.invalid(`${at}.type`, type, why));
  } else if (type === '' && !isIntOrStringField && !preserves) {
    errors.push(fieldError.required(`${at}.type`, `must not be empty ${levelText[level]}`));
  }
  if (isEmbedded && schema.additionalProperties !== undefined) {
    const why = 'must not be used if x-kubernetes-embedded-resource is set';
    errors.push(fieldError.forbidden(`${at}.additionalProperties`, why));
  }
  if (level === 'root' && type !== '' && type !== 'object') {
    errors.push(fieldError.invalid(`${at}.type`, type, 'must be object at the root'));
  }
  if (isEmbedded && !preserves && Object.keys(schema.properties ?? {}).length === 0) {
    const why =
      'must not be empty if x-kubernetes-embedded-resource is true without x-kubernetes-preserve-unknown-fields';
    errors.push(fieldError.required(`${at}.properties`, why));
  }
}

function checkMetadata(schema: Schema, level: Level, at: string, errors: FieldError[]): void {
  const isResource = level === 'root' || schema['x-kubernetes-embedded-resource'] === true;
  const { kind, apiVersion, metadata } = schema.properties ?? {};
  for (const [name, child] of [
    ['kind', kind],
    ['apiVersion', apiVersion],
  ] as const) {
    if (!isResource || !child || child.type === 'string') continue;
    errors.push(fieldError.invalid(`${at}.properties[${name}].type`, child.type ?? '', 'must be string'));
  }
  if (!metadata) return;
  const place = `${at}.properties[metadata]`;
  if (isResource && metadata.type !== 'object') {
    errors.push(fieldError.invalid(`${place}.type`, metadata.type ?? '', 'must be object'));
  }
  if (level !== 'root') return;
  const { type: _type, default: _default, properties = {}, ...rest } = metadata;
  const others = Object.keys(properties).filter((name) => name !== 'name' && name !== 'generateName');
  if (others.length > 0 || Object.keys(rest).length > 0) {
    const why = 'must not specify anything other than name and generateName, but metadata is implicitly specified';
    errors.push(fieldError.forbidden(place, why));
  }
}

/** The two forms in which a value that is a number or a text may say so in logic. */
function isIntOrString(parts: readonly Schema[] | undefined): boolean {
  return equalJson(parts, [{ type: 'integer' }, { type: 'string' }]);
}

function checkLogic(
  schema: Schema,
  at: string,
  errors: FieldError[],
  skipsAnyOf: boolean,
  skipsFirstAllOf: boolean,
): void {
  if (!skipsAnyOf) for (const [i, part] of (schema.anyOf ?? []).entries()) narrows(part, `${at}.anyOf[${i}]`, errors);
  for (const [i, part] of (schema.allOf ?? []).entries()) {
    narrows(part, `${at}.allOf[${i}]`, errors, skipsFirstAllOf && i === 0);
  }
  for (const [i, part] of (schema.oneOf ?? []).entries()) narrows(part, `${at}.oneOf[${i}]`, errors);
  if (schema.not) narrows(schema.not, `${at}.not`, errors);
  if (schema.pattern === undefined || schema.pattern === '') return;
  try {
    compileRegex(schema.pattern);
  } catch (error) {
    if (!(error instanceof RegexProblem)) throw error;
    const why = `must be a valid regular expression, but isn't: ${error.message}`;
    errors.push(fieldError.invalid(`${at}.pattern`, schema.pattern, why));
  }
}

/** Words that may not stand inside of logic, and what is said of them. */
const forbiddenInLogic: readonly (readonly [keyof Schema, string])[] = [
  ['type', 'must be empty to be structural'],
  ['additionalProperties', 'must be undefined to be structural'],
  ['default', 'must be undefined to be structural'],
  ['title', 'must be empty to be structural'],
  ['description', 'must be empty to be structural'],
  ['nullable', 'must be false to be structural'],
  ['x-kubernetes-preserve-unknown-fields', 'must be false to be structural'],
  ['x-kubernetes-embedded-resource', 'must be false to be structural'],
  ['x-kubernetes-int-or-string', 'must be false to be structural'],
  ['x-kubernetes-list-map-keys', 'must be empty to be structural'],
  ['x-kubernetes-list-type', 'must be undefined to be structural'],
  ['x-kubernetes-map-type', 'must be undefined to be structural'],
  ['x-kubernetes-validations', 'must be empty to be structural'],
];

function narrows(part: Schema, at: string, errors: FieldError[], skipsAnyOf = false): void {
  checkLogic(part, at, errors, skipsAnyOf, false);
  if (part.items) narrows(part.items, `${at}.items`, errors);
  for (const [name, child] of Object.entries(part.properties ?? {}))
    narrows(child, `${at}.properties[${name}]`, errors);
  for (const [word, why] of forbiddenInLogic) {
    const value = part[word];
    const isEmpty =
      value === undefined || value === false || value === '' || (Array.isArray(value) && value.length === 0);
    if (!isEmpty) errors.push(fieldError.forbidden(`${at}.${word}`, why));
  }
  if (part.properties?.metadata) {
    errors.push(fieldError.forbidden(`${at}.properties[metadata]`, 'must not be specified in a nested context'));
  }
}

/** Whatever the logic speaks of must be declared outside of it. */
function completeness(
  part: Schema,
  declared: Schema | undefined,
  declaredAt: string,
  at: string,
  errors: FieldError[],
): void {
  const nested: readonly (readonly [Schema, string])[] = [
    ...(part.not ? [[part.not, `${at}.not`] as const] : []),
    ...(['allOf', 'anyOf', 'oneOf'] as const).flatMap((word) =>
      (part[word] ?? []).map((child, i) => [child, `${at}.${word}[${i}]`] as const),
    ),
  ];
  for (const [child, place] of nested) completes(child, declared, declaredAt, place, errors);
}

function completes(
  part: Schema,
  declared: Schema | undefined,
  declaredAt: string,
  at: string,
  errors: FieldError[],
): void {
  if (!declared) {
    errors.push(fieldError.required(declaredAt, `because it is defined in ${at}`));
    return;
  }
  completeness(part, declared, declaredAt, at, errors);
  if (part.items) completes(part.items, declared.items, `${declaredAt}.items`, `${at}.items`, errors);
  for (const [name, child] of Object.entries(part.properties ?? {})) {
    const place = `properties[${name}]`;
    completes(child, declared.properties?.[name], `${declaredAt}.${place}`, `${at}.${place}`, errors);
  }
}
