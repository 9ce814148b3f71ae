import { failure } from '../http/status.ts';
import { isObject, type JsonObject, stringAt } from '../json.ts';
import type { ResourceDefinition } from '../registry/definition.ts';
import type { Schema } from '../schema/schema.ts';
import { pathText } from './field-set.ts';
import { fieldSchema, itemElement } from './shape.ts';

/** `/v1, Kind=Pod`, as Kubernetes names a kind of a version in these messages. */
export function kindText(apiVersion: string, kind: string): string {
  return `${apiVersion.includes('/') ? apiVersion : `/${apiVersion}`}, Kind=${kind}`;
}

/**
 * Throws when a configuration does not fit the schema so that its fields could not be told apart. Kubernetes answers
 * 500 without a reason here, and so do we: clients print the message.
 */
export function checkConfig(definition: ResourceDefinition, schema: Schema, config: Readonly<JsonObject>): void {
  const problems: string[] = [];
  visit(schema, config, [], problems);
  const [first] = problems;
  if (first === undefined) return;
  const all = problems.length === 1 ? first : `errors:\n${problems.map((problem) => `  ${problem}`).join('\n')}`;
  const name = `${stringAt(config, 'metadata', 'namespace') ?? ''}/${stringAt(config, 'metadata', 'name') ?? ''}`;
  const kind = kindText(definition.apiVersion, definition.kind);
  throw failure(500, undefined, `failed to create typed patch object (${name}; ${kind}): ${all}`);
}

function visit(schema: Schema, value: unknown, path: readonly string[], problems: string[]): void {
  if (value === null || value === undefined || schema['x-kubernetes-int-or-string'] === true) return;
  const expected = expectation(schema, value);
  if (expected !== undefined) problems.push(`${pathText(path)}: ${expected}`);
  else if (Array.isArray(value)) visitList(schema, value, path, problems);
  else if (isObject(value)) visitMap(schema, value, path, problems);
}

function expectation({ type }: Schema, value: unknown): string | undefined {
  switch (type) {
    case 'string':
      return typeof value === 'string' ? undefined : `expected string, got ${shown(value)}`;
    case 'integer':
    case 'number':
      return typeof value === 'number' ? undefined : `expected numeric (int or float), got ${goType(value)}`;
    case 'boolean':
      return typeof value === 'boolean' ? undefined : `expected boolean, got ${shown(value)}`;
    case 'array':
      return Array.isArray(value) ? undefined : `expected list, got ${shown(value)}`;
    case 'object':
      return isObject(value) ? undefined : `expected map, got ${shown(value)}`;
    case undefined:
      return undefined;
  }
}

const shown = (value: unknown): string =>
  `&value.valueUnstructured{Value:${typeof value === 'object' ? goType(value) : JSON.stringify(value)}}`;

function goType(value: unknown): string {
  if (Array.isArray(value)) return '[]interface {}';
  if (typeof value === 'object') return 'map[string]interface {}';
  return typeof value === 'boolean' ? 'bool' : typeof value;
}

function visitMap(schema: Schema, value: Readonly<JsonObject>, path: readonly string[], problems: string[]): void {
  const free =
    schema['x-kubernetes-preserve-unknown-fields'] === true ||
    schema['x-kubernetes-embedded-resource'] === true ||
    schema.additionalProperties === true ||
    schema.type === undefined;
  for (const name in value) {
    const child = fieldSchema(schema, name);
    const place = [...path, `f:${name}`];
    if (child) visit(child, value[name], place, problems);
    else if (!free) problems.push(`${pathText(place)}: field not declared in schema`);
  }
}

function visitList(schema: Schema, list: readonly unknown[], path: readonly string[], problems: string[]): void {
  const listType = schema['x-kubernetes-list-type'] ?? 'atomic';
  const seen = new Set<string>();
  for (const [i, item] of list.entries()) {
    const element = listType === 'atomic' ? `i:${i}` : itemElement(schema, item);
    if (seen.has(element)) problems.push(`${pathText(path)}: duplicate entries for key ${pathText([element])}`);
    seen.add(element);
    if (schema.items) visit(schema.items, item, [...path, element], problems);
  }
}
