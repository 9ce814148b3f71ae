/**
 * A compact notation for the schemas of built-in kinds. One line declares one type:
 *
 *     ContainerPort: containerPort! int, hostIP string, protocol string(TCP|UDP|SCTP)=TCP
 *
 * A field is `name[!] type[@key][=default]`; `!` means required, `*` that it is published as such and judged, if at all,
 * elsewhere. Types are `string`, `int`, `int32`, `number`, `bool`, `time`,
 * `micro` (time with six digits), `quantity`, `intstr`, `bytes` (base64), `any`, `raw`, `fields`
 * (of managedFields), `[T]`, `{T}` (map) or the name of
 * another type; `string(A|B)` is an enumeration; `time=null` is shown as null where nobody said when. `[T]@key` merges list items by `key` in strategic patches, `[T]@`
 * merges a list of plain values, each an item of a set. Ownership (server-side apply) follows the same keys;
 * `[T]@key+other` has more keys for it than strategic patches have, `[T]#key` has keys for it alone, and a list without
 * any is owned as a whole. So is a `raw`, a `{T}~`, and a type declared as `Name~:`. `Name>Title:` is published under its title: names
 * are unique here, titles within their group.
 */
import type { Schema } from './schema.ts';

/** Looks a type up by its short name; made on first use, because a start must not pay for what nobody asks. */
export type TypeSource = (name: string) => Schema;

const primitives: Readonly<Record<string, Schema>> = {
  string: { type: 'string' },
  int: { type: 'integer', format: 'int64' },
  int32: { type: 'integer', format: 'int32' },
  number: { type: 'number' },
  bool: { type: 'boolean' },
  time: { type: 'string', format: 'date-time' },
  micro: { type: 'string', format: 'micro-time' },
  bytes: { type: 'string', format: 'byte' },
  quantity: { 'x-kubernetes-int-or-string': true, format: 'quantity' },
  intstr: { 'x-kubernetes-int-or-string': true, format: 'int-or-string' },
  any: { 'x-kubernetes-preserve-unknown-fields': true },
  raw: {
    typeName: 'io.k8s.apimachinery.pkg.runtime.RawExtension',
    'x-kubernetes-preserve-unknown-fields': true,
    'x-kubernetes-map-type': 'atomic',
  },
  fields: {
    type: 'object',
    typeName: 'io.k8s.apimachinery.pkg.apis.meta.v1.FieldsV1',
    'x-kubernetes-preserve-unknown-fields': true,
  },
};

const atomic = { 'x-kubernetes-map-type': 'atomic' } as const;

function listOf(items: Schema, mark: string | undefined, keys: string): Schema {
  if (mark === undefined) return { type: 'array', items, 'x-kubernetes-list-type': 'atomic' };
  const [first = '', ...more] = keys.split('+');
  const merges = mark === '@' ? ({ 'x-kubernetes-patch-strategy': 'merge' } as const) : {};
  if (first === '') return { type: 'array', items, ...merges, 'x-kubernetes-list-type': 'set' };
  return {
    type: 'array',
    items,
    ...merges,
    ...(mark === '@' ? { 'x-kubernetes-patch-merge-key': first } : {}),
    'x-kubernetes-list-type': 'map',
    'x-kubernetes-list-map-keys': [first, ...more],
  };
}

export interface TypeSection {
  /** What OpenAPI puts before the short name, such as `io.k8s.api.core.v1`. */
  readonly prefix: string;
  readonly text: string;
}

interface Declaration {
  readonly prefix: string;
  /** What it is published as. */
  readonly title: string;
  /** Its values are owned as a whole. */
  readonly isAtomic: boolean;
  readonly fields: string;
}

function declarations(sections: readonly TypeSection[]): ReadonlyMap<string, Declaration> {
  const found = new Map<string, Declaration>();
  for (const { prefix, text } of sections) {
    for (const line of text.split('\n')) {
      const colon = line.indexOf(':');
      if (colon <= 0) continue;
      const head = line.slice(0, colon).trim();
      const isAtomic = head.endsWith('~');
      const [name = '', title = name] = (isAtomic ? head.slice(0, -1) : head).split('>');
      found.set(name, { prefix, title, isAtomic, fields: line.slice(colon + 1) });
    }
  }
  return found;
}

/** `descriptions` are found by `Type.field`, then by the name of the field alone; those of types by `Type`. */
export function compileTypes(
  sections: readonly TypeSection[],
  descriptions: Readonly<Record<string, string>> = {},
): TypeSource {
  let declared: ReadonlyMap<string, Declaration> | undefined;
  const made = new Map<string, Schema>();

  const reference = (text: string): Schema => {
    const list = /^\[(.*)\](?:([@#])(\S*))?$/.exec(text);
    if (list) return listOf(reference(list[1] ?? ''), list[2], list[3] ?? '');
    const map = /^\{(.*)\}(~?)$/.exec(text);
    if (map) {
      const values = reference(map[1] ?? '');
      return { type: 'object', additionalProperties: values, ...(map[2] === '~' ? atomic : {}) };
    }
    const enumeration = /^string\((.*)\)$/.exec(text);
    if (enumeration) return { type: 'string', enum: (enumeration[1] ?? '').split('|') };
    return primitives[text] ?? lookup(text);
  };

  const field = (owner: string, text: string): { name: string; mark: string; schema: Schema } => {
    const match = /^([\w$-]+)([!*]?) ([^=]+?)(?:=(.*))?$/.exec(text.trim());
    if (!match) throw new Error(`cannot read field "${text}" of ${owner}`);
    const [, name = '', mark = '', type = '', fallback] = match;
    const description = descriptions[`${owner}.${name}`] ?? descriptions[name];
    let schema = reference(type);
    if (description !== undefined) schema = withExtra(schema, { description });
    if (fallback !== undefined) {
      schema = withExtra(schema, { default: readDefault(schema, fallback) });
    }
    return { name, mark, schema };
  };

  const lookup = (name: string): Schema => {
    const ready = made.get(name);
    if (ready) return ready;
    declared ??= declarations(sections);
    const declaration = declared.get(name);
    if (!declaration) throw new Error(`type ${name} is not declared`);
    const properties: Record<string, Schema> = {};
    const required: string[] = [];
    const published: string[] = [];
    const schema = {
      type: 'object' as const,
      typeName: `${declaration.prefix}.${declaration.title}`,
      ...(declaration.isAtomic ? atomic : {}),
      ...(descriptions[name] === undefined ? {} : { description: descriptions[name] }),
      properties,
      required,
      published,
    };
    made.set(name, schema); // before the fields: types may refer to themselves
    for (const text of declaration.fields.split(', ')) {
      if (text.trim() === '') continue;
      const made = field(name, text);
      properties[made.name] = made.schema;
      if (made.mark === '!') required.push(made.name);
      if (made.mark === '*') published.push(made.name);
    }
    return schema;
  };
  return lookup;
}

function readDefault(schema: Schema, text: string): unknown {
  const isText = schema.type === 'string' && !(text === 'null' && schema.format !== undefined);
  return isText ? text : (JSON.parse(text) as unknown);
}

/** A type under construction is shared by reference: copying it now would miss the fields that are still to come. */
function withExtra(schema: Schema, extra: Partial<Schema>): Schema {
  if (schema.typeName === undefined) return { ...schema, ...extra };
  return Object.assign(Object.create(schema) as Schema, extra);
}
