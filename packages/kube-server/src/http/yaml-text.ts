/**
 * Texts in YAML as a careful reader takes them.
 *
 * - Y1 What is nested deeper than `MAX_YAML_DEPTH` is refused before anything follows it: the reader of YAML is recursive,
 *   and at the end of its stack the compiler of regular expressions ends the process instead of throwing.
 * - Y2 A list or a map as the key of a map is refused, as in Kubernetes: there is none in JSON, and to make texts of nested
 *   ones takes time without bound.
 */
import type { CST, Document, DocumentOptions, ParseOptions, SchemaOptions } from 'yaml';
import { errors } from './status.ts';

/** No object comes near; a definition with a deep schema has some dozen levels. */
export const MAX_YAML_DEPTH = 300;

/** Reads one document; what is wrong with it stands in its `errors`. Throws 400 for Y1 and Y2. */
export async function readYaml(
  text: string,
  options: ParseOptions & DocumentOptions & SchemaOptions = {},
): Promise<Document.Parsed> {
  const { Parser, parseDocument } = await import('yaml');
  for (const token of new Parser().parse(text)) if (token.type === 'document' && token.value) judge(token.value);
  return parseDocument(text, options);
}

/** Walks without recursion. */
function judge(root: CST.Token): void {
  const open: { readonly token: CST.Token; readonly depth: number }[] = [{ token: root, depth: 1 }];
  for (let next = open.pop(); next; next = open.pop()) {
    const { token, depth } = next;
    if (!('items' in token)) continue;
    if (depth > MAX_YAML_DEPTH) throw errors.badRequest(`the body is nested deeper than ${MAX_YAML_DEPTH} levels`); // Y1
    for (const { key, value } of token.items) {
      if (key && 'items' in key) throw errors.badRequest('error converting YAML to JSON: a key is a list or a map'); // Y2
      if (value) open.push({ token: value, depth: depth + 1 });
    }
  }
}
