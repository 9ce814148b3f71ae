import { z } from 'zod';

/** A JSON schema of a CRD: OpenAPI v3 with the `x-kubernetes-*` extensions. */
export type CrdSchema = { readonly [key: string]: unknown };

/**
 * The structural schema of what a user writes. Differences between what zod emits and what a CRD may hold are
 * levelled here: int-or-string has no `anyOf`, preserved objects no `additionalProperties`, integers are int64 without
 * the bounds of JavaScript, dates have only their format, maps no `propertyNames`.
 */
export function structuralSchema(schema: z.ZodType): CrdSchema {
  const json: Record<string, unknown> = z.toJSONSchema(schema, {
    target: 'openapi-3.0',
    io: 'input',
    reused: 'inline',
    override: ({ jsonSchema }) => level(jsonSchema as Record<string, unknown>),
  });
  return sorted(json) as CrdSchema;
}

function level(node: Record<string, unknown>): void {
  if (node['x-kubernetes-int-or-string'] === true) {
    delete node.anyOf;
    delete node.type;
  }
  if (node['x-kubernetes-preserve-unknown-fields'] === true) {
    delete node.additionalProperties;
    delete node.properties;
  }
  if (node.minimum === Number.MIN_SAFE_INTEGER) delete node.minimum;
  if (node.maximum === Number.MAX_SAFE_INTEGER) delete node.maximum;
  if (node.type === 'integer') node.format = 'int64';
  if (node.format === 'date-time') delete node.pattern;
  if (node.description === '') delete node.description;
  delete node.propertyNames;
}

const order = ['description', 'type', 'format', 'nullable', 'default', 'enum', 'required', 'properties'];

/** The same with a fixed order of keys within each schema, so that the files have small differences. */
function sorted(node: unknown, isSchema = true): unknown {
  if (Array.isArray(node)) return node.map((item) => sorted(item, false));
  if (typeof node !== 'object' || node === null) return node;
  const entries = Object.entries(node);
  if (!isSchema) return Object.fromEntries(entries.map(([key, value]) => [key, sorted(value, true)]));
  const rank = (key: string) => (order.includes(key) ? order.indexOf(key) : order.length);
  return Object.fromEntries(
    entries
      .sort(([a], [b]) => rank(a) - rank(b) || (a < b ? -1 : a > b ? 1 : 0))
      .map(([key, value]) => {
        if (key === 'properties') return [key, sorted(value, false)];
        if (key === 'items' || key === 'additionalProperties') return [key, sorted(value)];
        return [key, value];
      }),
  );
}
