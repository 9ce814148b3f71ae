import { checkConfig, kindText } from '../apply/check-config.ts';
import { isObject, type JsonObject, objectAt, stringAt } from '../json.ts';
import type { FieldValidation } from '../operations/input.ts';
import type { ResourceDefinition } from '../registry/definition.ts';
import { normalise } from '../schema/normalise.ts';
import type { Schema } from '../schema/schema.ts';
import { duplicateFields } from './duplicate-fields.ts';
import { parseText } from './json-text.ts';
import { ApiError, errors, failure } from './status.ts';
import { readYaml } from './yaml-text.ts';

export const APPLY_YAML = 'application/apply-patch+yaml';

export interface ApplyInput {
  readonly definition: ResourceDefinition;
  readonly schema: Schema;
  readonly isStatus: boolean;
  readonly fieldValidation: FieldValidation;
  readonly warn: (text: string) => void;
}

/** Reads the text of an applied configuration, YAML or JSON. Throws 400. */
export async function readConfig(
  text: string,
  fieldValidation: FieldValidation,
  warn: (text: string) => void,
): Promise<JsonObject> {
  const { value, duplicates } = await parse(text);
  if (duplicates.length > 0 && fieldValidation === 'Strict') {
    const all = duplicates.map((one) => `\n  ${one}`).join('');
    throw errors.badRequest(`error strict decoding YAML: error converting YAML to JSON: yaml: unmarshal errors:${all}`);
  }
  if (fieldValidation === 'Warn') for (const one of duplicates) warn(one);
  if (!isObject(value)) {
    const type = Array.isArray(value) ? 'array' : value === null ? 'null' : typeof value;
    throw errors.badRequest(
      `error decoding YAML: error unmarshaling JSON: while decoding JSON: json: cannot unmarshal ${type} into Go value of type map[string]interface {}`,
    );
  }
  return value;
}

async function parse(text: string): Promise<{ readonly value: unknown; readonly duplicates: readonly string[] }> {
  if (text.startsWith('{')) {
    try {
      const value = parseText(text);
      // YAML is read more slowly, but knows the lines.
      if (duplicateFields(text).length === 0) return { value, duplicates: [] };
    } catch (error) {
      if (error instanceof ApiError) throw error;
      // Flow style of YAML starts in the same way.
    }
  }
  const document = await readYaml(text, {
    // What Kubernetes reads: yes and no are truth values, times are texts.
    version: '1.1',
    customTags: (tags) => tags.filter((tag) => typeof tag === 'string' || !tag.tag.endsWith(':timestamp')),
  });
  const [broken] = document.errors.filter((error) => error.code !== 'DUPLICATE_KEY');
  if (broken) throw errors.badRequest(`error decoding YAML: error converting YAML to JSON: yaml: ${broken.message}`);
  const duplicates = document.errors.map(({ pos: [at] }) => {
    const name = /^\s*[-{\s]*"?([^\s":]+)/.exec(text.slice(at))?.[1] ?? '';
    return `line ${text.slice(0, at).split('\n').length}: key ${JSON.stringify(name)} already set in map`;
  });
  try {
    return { value: document.toJS({ maxAliasCount: 100 }), duplicates };
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw errors.badRequest(`error decoding YAML: error converting YAML to JSON: yaml: ${why}`);
  }
}

/** Checks a configuration, and leaves out of it what this way of applying does not reach. */
export function prepareConfig(sent: Readonly<JsonObject>, { definition, schema, isStatus }: ApplyInput): JsonObject {
  const apiVersion = stringAt(sent, 'apiVersion') ?? '';
  const kind = stringAt(sent, 'kind') ?? '';
  if (apiVersion !== definition.apiVersion || kind !== definition.kind) {
    throw errors.badRequest(`invalid object type: ${kindText(apiVersion === '' ? '/' : apiVersion, kind)}`);
  }
  if (sent.metadata !== undefined && sent.metadata !== null && !isObject(sent.metadata)) {
    const shown = Array.isArray(sent.metadata) ? '[]interface {}' : String(sent.metadata as string | number | boolean);
    const why = `.metadata: expected map, got &{${shown}}`;
    throw failure(500, undefined, `failed to create typed patch object (/; ${kindText(apiVersion, kind)}): ${why}`);
  }
  if ((objectAt(sent, 'metadata')?.managedFields ?? undefined) !== undefined) {
    throw errors.badRequest('metadata.managedFields must be nil');
  }
  checkConfig(definition, schema, sent);
  const { metadata = {}, ...body } = sent;
  const typed = { defaults: false, typed: true, nulls: true };
  const object = definition.custom
    ? {
        ...(normalise(schema, body, { ...typed, typed: false }).value as JsonObject),
        metadata: normalise(schema.properties?.metadata ?? {}, metadata ?? {}, typed).value,
      }
    : (normalise(schema, { ...body, metadata: metadata ?? {} }, typed).value as JsonObject);
  if (isStatus) return statusOf(object);
  if (definition.hasStatus) delete object.status;
  return object;
}

function statusOf({ apiVersion, kind, metadata, status }: Readonly<JsonObject>): JsonObject {
  const identity = ['name', 'namespace', 'uid', 'resourceVersion'];
  const own = Object.entries(isObject(metadata) ? metadata : {}).filter(([name]) => identity.includes(name));
  return { apiVersion, kind, metadata: Object.fromEntries(own), ...(status === undefined ? {} : { status }) };
}
