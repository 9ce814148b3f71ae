/** Paths into a schema that definitions name: `.spec.host`, `.spec['a.b']`. */
import { isObject } from '../json.ts';
import type { Schema } from './schema.ts';

export type SchemaPath =
  | { readonly text: string; readonly root: string; readonly schema: Schema }
  | { readonly problem: string };

const unescaped: Readonly<Record<string, string>> = {
  a: '\x07',
  b: '\b',
  f: '\f',
  n: '\n',
  r: '\r',
  t: '\t',
  v: '\v',
  "'": "'",
  '\\': '\\',
};

function tokens(path: string): readonly string[] {
  return path.match(/'(?:\\[\s\S]|[^'\\])*'|[.[\]]|[^.[\]']+|'/g) ?? [];
}

/** Follows a path through properties and maps. `allowsBrackets`: false where only dots may be used. */
export function readSchemaPath(path: string, schema: Schema, allowsBrackets = true): SchemaPath {
  let at: Schema | undefined = schema;
  let text = '';
  let root = '';
  const step = (name: string): string | undefined => {
    if (at?.properties) {
      at = Object.hasOwn(at.properties, name) ? at.properties[name] : undefined;
      if (!at) return 'does not refer to a valid field';
      text += text === '' ? name : `.${name}`;
    } else if (isObject(at?.additionalProperties)) {
      at = at.additionalProperties as Schema;
      text += `[${name}]`;
    } else return 'does not refer to a valid field';
    root ||= name;
    return undefined;
  };
  const found = tokens(path);
  for (let i = 0; i < found.length; ) {
    const token = found[i++];
    if (token === '.') {
      const name = found[i++];
      if (name === undefined) return { problem: 'unexpected end of JSON path' };
      const problem = step(name);
      if (problem) return { problem };
    } else if (token === '[') {
      if (!allowsBrackets) return { problem: 'array notation is not allowed' };
      const name = found[i++];
      if (name === undefined) return { problem: 'unexpected end of JSON path' };
      if (!/^'[\s\S]*'$/.test(name) || name.length < 2)
        return { problem: `expected single quoted string but got ${name}` };
      const bad = /\\[^abfnrtv'\\]/.exec(name);
      if (bad) return { problem: `invalid string literal: invalid escape char ${bad[0]}` };
      const problem = step(name.slice(1, -1).replace(/\\([\s\S])/g, (_all, char: string) => unescaped[char] ?? char));
      if (problem) return { problem };
      const close = found[i++];
      if (close === undefined) return { problem: 'unexpected end of JSON path' };
      if (close !== ']') return { problem: `expected ] but got ${close}` };
    } else return { problem: `expected [ or . but got: ${token ?? ''}` };
  }
  return { text, root, schema: at ?? {} };
}
