import { z } from 'zod';

/** Building blocks of the resource schemas. Every field carries a description: `kubectl explain` shows it. */

/** A field that may be absent; `undefined` is not a value. */
export const optional = <T extends z.ZodType>(schema: T, description: string) =>
  schema.describe(description).exactOptional();

/** Free text. */
export const text = (description: string) => optional(z.string(), description);

/** One of a few words, or `""`: programs of the original write empty strings where nothing is set. */
export const word = <const T extends readonly string[]>(words: T, description: string) =>
  optional(z.enum(['', ...words]), description);

export const flag = (description: string) => optional(z.boolean(), description);

export const integer = (description: string) => optional(z.int(), description);

export const count = (description: string) => optional(z.int().min(0), description);

/** A moment in RFC 3339. `null` is what programs of the original write for "never". */
export const time = (description: string) => optional(z.iso.datetime({ offset: true }).nullable(), description);

/** A moment in RFC 3339 that our own programs write. */
export const moment = (description: string) => optional(z.iso.datetime({ offset: true }), description);

/** A Kubernetes quantity (`500m`, `512Mi`), as a string or a number. */
export const quantity = (description: string) =>
  z.union([z.int(), z.string()]).meta({
    description,
    'x-kubernetes-int-or-string': true,
    pattern: String.raw`^[0-9]+(\.[0-9]+)?([eE][0-9]+|m|k|M|G|T|P|E|Ki|Mi|Gi|Ti|Pi|Ei)?$`,
  });

/** A CEL rule of the API server, kept beside the schema it belongs to. */
export interface Rule {
  readonly rule: string;
  readonly message: string;
  readonly fieldPath?: string;
  readonly reason?: 'FieldValueInvalid' | 'FieldValueForbidden' | 'FieldValueRequired';
}

/** Metadata of a schema: its description and the CEL rules that the API server checks. */
export const ruled = (description: string, ...rules: readonly Rule[]) => ({
  description,
  'x-kubernetes-validations': rules.map((rule) => ({ ...rule })),
});

/** An object with any content, kept as it is. */
export const anything = (description: string) =>
  z.looseObject({}).meta({ description, 'x-kubernetes-preserve-unknown-fields': true });

/** The list of conditions of a status, one of each type. */
export const conditions = (types: string) =>
  optional(
    z
      .array(
        z.object({
          type: z.string().min(1).describe('What is claimed.'),
          status: z.enum(['True', 'False', 'Unknown']).describe('Whether it holds.'),
          reason: text('One word in CamelCase: why; an error code where something is wrong.'),
          message: text('The same for a person, with what to do about it.'),
          observedGeneration: count('The generation of the spec that the condition speaks of.'),
          lastTransitionTime: time('When status last changed.'),
          lastProbeTime: time('When it was last looked at (the original).'),
        }),
      )
      .meta({ 'x-kubernetes-list-type': 'map', 'x-kubernetes-list-map-keys': ['type'] }),
    types,
  );
