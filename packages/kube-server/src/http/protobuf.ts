/**
 * Reads protobuf bodies: what clients send that were told to speak it (`application/vnd.kubernetes.protobuf`), and
 * kubectl's `create` and `auth` commands, which never ask whether a server knows it. Answers are always JSON, which each
 * such client reads as well.
 *
 * - P1 The object is the one that the same client would have sent as JSON.
 * - P2 No body, however broken, does more than to be refused with 400 or 415.
 */
import type { JsonObject } from '../json.ts';
import { messageFields } from './protobuf-fields.ts';
import { wireFields } from './protobuf-wire.ts';
import { errors } from './status.ts';

const MAGIC = Buffer.from('k8s\0', 'latin1');

/** Schemas of custom resources nest; nothing that is meant to be read does so deeper. */
const MAX_DEPTH = 200;

interface Field {
  /** Empty for a message whose fields stand in JSON where the message would. */
  readonly name: string;
  readonly type: string;
  /** Whether a zero counts; where it does not, JSON has no such field. */
  readonly keepsZero: boolean;
}

const table: ReadonlyMap<string, string> = new Map(
  messageFields.map((line) => {
    const end = line.indexOf(' ');
    return [line.slice(0, end), line.slice(end + 1)];
  }),
);

/** The declared fields of messages by their numbers; each is read from the table when it is first met. */
type Declared = (message: string) => ReadonlyMap<number, Field>;

function createDeclared(): Declared {
  const known = new Map<string, ReadonlyMap<number, Field>>();
  return (message) => {
    const found = known.get(message);
    if (found) return found;
    const fields = new Map<number, Field>();
    for (const [, number, name = '', type = '', keeps] of (table.get(message) ?? '').matchAll(
      /(\d+)([^: ]*):([^ !]+)(!?)/g,
    )) {
      fields.set(Number(number), { name, type, keepsZero: keeps === '!' });
    }
    known.set(message, fields);
    return fields;
  };
}

const isZero = (value: unknown): boolean => value === 0 || value === '' || value === false;

const bytesOf = (value: number | Buffer): Buffer => (Buffer.isBuffer(value) ? value : Buffer.alloc(0));
const textOf = (value: number | Buffer | undefined): string => bytesOf(value ?? 0).toString('utf8');

/** The last value of each field. */
const lastOf = (value: number | Buffer): ReadonlyMap<number, number | Buffer> =>
  new Map(Array.from(wireFields(bytesOf(value)), (field) => [field.number, field.value]));

const inner = (type: string): string => type.slice(type.indexOf('<') + 1, -1);

function readMessage(declared: Declared, message: string, bytes: Buffer, depth: number): JsonObject {
  if (depth > MAX_DEPTH) throw errors.badRequest('the protobuf body is nested too deeply');
  const fields = declared(message);
  const single = new Map<string, unknown>();
  const lists = new Map<string, unknown[]>();
  const maps = new Map<string, [string, unknown][]>();
  for (const { number, value } of wireFields(bytes)) {
    const field = fields.get(number);
    if (field === undefined) continue; // of a newer client
    const { name, type } = field;
    if (type.startsWith('list<')) {
      const list = lists.get(name) ?? [];
      lists.set(name, list);
      list.push(readValue(declared, inner(type), value, depth + 1));
    } else if (type.startsWith('map<')) {
      const map = maps.get(name) ?? [];
      maps.set(name, map);
      const entry = lastOf(value);
      map.push([textOf(entry.get(1)), readValue(declared, inner(type), entry.get(2) ?? Buffer.alloc(0), depth + 1)]);
    } else {
      const read = readValue(declared, type, value, depth + 1);
      if (name === '') for (const [key, part] of Object.entries(read as JsonObject)) single.set(key, part);
      else if (read !== undefined && (field.keepsZero || !isZero(read))) single.set(name, read);
    }
  }
  // Entries and not assignments: a key may have any name.
  const all = [...single, ...lists, ...Array.from(maps, ([name, map]) => [name, Object.fromEntries(map)] as const)];
  return Object.fromEntries(all) as JsonObject;
}

function readValue(declared: Declared, type: string, value: number | Buffer, depth: number): unknown {
  switch (type) {
    case 'string':
      return textOf(value);
    case 'int':
    case 'double':
      return typeof value === 'number' ? value : 0;
    case 'bool':
      return value === 1;
    case 'bytes':
      return bytesOf(value).toString('base64');
    case 'items':
      return Array.from(wireFields(bytesOf(value)), (field) => textOf(field.value));
    case 'quantity':
      return textOf(lastOf(value).get(1));
    case 'json':
      return readJson(textOf(lastOf(value).get(1)));
    case 'time':
      return readTime(value, 0);
    case 'microTime':
      return readTime(value, 6);
    case 'intOrString': {
      const parts = lastOf(value);
      return parts.get(1) === 1 ? textOf(parts.get(3)) : (parts.get(2) ?? 0);
    }
    case 'schemaOrArray':
    case 'schemaOrStrings': {
      const all = [...wireFields(bytesOf(value))];
      const schema = all.find(({ number }) => number === 1);
      if (schema) return readValue(declared, 'apiextensions.JSONSchemaProps', schema.value, depth);
      const item = type === 'schemaOrArray' ? 'apiextensions.JSONSchemaProps' : 'string';
      return all.map((field) => readValue(declared, item, field.value, depth));
    }
    case 'schemaOrBool': {
      const parts = lastOf(value);
      const schema = parts.get(2);
      return schema ? readValue(declared, 'apiextensions.JSONSchemaProps', schema, depth) : parts.get(1) === 1;
    }
    default:
      return readMessage(declared, type, bytesOf(value), depth);
  }
}

function readJson(text: string): unknown {
  if (text === '') return undefined;
  try {
    return JSON.parse(text);
  } catch (error) {
    throw errors.badRequest(`the protobuf body has a part that is no JSON: ${String(error)}`);
  }
}

/** A time in the form of JSON, with so many digits of the second; undefined for the zero time. */
function readTime(value: number | Buffer, digits: number): string | undefined {
  if (bytesOf(value).length === 0) return undefined;
  const parts = lastOf(value);
  const [seconds, nanos] = [Number(parts.get(1) ?? 0), Number(parts.get(2) ?? 0)];
  const date = new Date(seconds * 1000);
  if (Number.isNaN(date.getTime())) throw errors.badRequest('the protobuf body has a time that is none');
  const fraction = digits === 0 ? '' : `.${String(nanos).padStart(9, '0').slice(0, digits)}`;
  return `${date.toISOString().slice(0, -5)}${fraction}Z`;
}

/** `apps/v1` and `Deployment` are the message `apps.Deployment`. */
function messageOf(apiVersion: string, kind: string): string {
  if (kind === 'DeleteOptions') return 'meta.DeleteOptions'; // sent in the name of each group
  const group = apiVersion.includes('/') ? apiVersion.slice(0, apiVersion.indexOf('/')) : 'core';
  return `${group.split('.')[0] ?? ''}.${kind}`;
}

/** Decodes `k8s\0` + runtime.Unknown. Throws 415 for kinds that are not known here. */
export function decodeProtobuf(body: Buffer): JsonObject {
  if (!body.subarray(0, 4).equals(MAGIC)) throw errors.badRequest('the body is not a Kubernetes protobuf object');
  const unknown = lastOf(body.subarray(4));
  const meta = lastOf(unknown.get(1) ?? 0);
  const [apiVersion, kind] = [textOf(meta.get(1)), textOf(meta.get(2))];
  const message = messageOf(apiVersion, kind);
  if (!/^[^/]*(\/v1)?$/.test(apiVersion) || !table.has(message)) {
    throw errors.unsupportedMediaType(
      `objects of kind "${kind}" cannot be sent as protobuf to this server - send application/json`,
    );
  }
  return { apiVersion, kind, ...readMessage(createDeclared(), message, bytesOf(unknown.get(2) ?? 0), 0) };
}
