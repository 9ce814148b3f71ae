import { z } from 'zod';

/** Parameters of each type of operation: what `spec.parameters` may say. Unknown fields are refused. */

const instance = (description: string) => z.string().min(1).max(63).describe(description);
const node = z.string().min(1).max(253).describe('Name of the node to move to.');

const none = z.strictObject({});

export const operationParameters = {
  Create: none,
  Delete: none,
  FlushParams: none,
  ModifyClass: z.strictObject({
    className: z
      .string()
      .min(1)
      .max(63)
      .describe('The class to change to; default: what the spec asks for.')
      .optional(),
  }),
  AddRo: z.strictObject({
    count: z.int().min(1).max(15).default(1).describe('How many ROs to add.'),
    node: node.optional(),
  }),
  RemoveRo: z.strictObject({
    instance: instance('insId of the RO to remove; default: the one that is missed least.').optional(),
    count: z.int().min(1).max(15).default(1).describe('How many ROs to remove where none is named.'),
  }),
  SwitchRw: z.strictObject({
    instance: instance('insId of the RO that becomes the RW; default: the best one.').optional(),
  }),
  RestartIns: z.strictObject({ instance: instance('insId of the instance to restart.') }),
  RestartCluster: z.strictObject({
    mode: z
      .enum(['rolling', 'all'])
      .default('rolling')
      .describe('rolling: ROs one after the other, a switch, then the old RW. all: every instance at once.'),
  }),
  MigrateRo: z.strictObject({ instance: instance('insId of the RO to move.'), node }),
  MigrateRw: z.strictObject({ instance: instance('insId of the RW; it is the one that moves.'), node }),
  RebuildRo: z.strictObject({ instance: instance('insId of the RO to make anew from the RW.') }),
  Rebuild: none,
  ExtendStorage: z.strictObject({
    size: z
      .string()
      .regex(/^[0-9]+([.][0-9]+)?(Ki|Mi|Gi|Ti|k|M|G|T)?$/)
      .describe('New size of each volume, as a quantity; default: what the spec asks for.')
      .optional(),
  }),
  UpgradeMinorVersion: z.strictObject({
    versionName: z
      .string()
      .min(1)
      .max(63)
      .describe('Entry of the version catalog; default: what the spec asks for.')
      .optional(),
  }),
} as const satisfies Readonly<Record<string, z.ZodType>>;

export type OperationType = keyof typeof operationParameters;
export type OperationParameters<T extends OperationType = OperationType> = z.output<(typeof operationParameters)[T]>;

export const operationTypes = Object.keys(operationParameters) as readonly OperationType[];

export const isOperationType = (type: string): type is OperationType => Object.hasOwn(operationParameters, type);

/** The parameters of an operation with their defaults, or what is wrong with them, in sentences. */
export function parseOperationParameters<T extends OperationType>(
  type: T,
  value: unknown,
):
  | { readonly ok: true; readonly parameters: OperationParameters<T> }
  | { readonly ok: false; readonly problems: readonly string[] } {
  const result = operationParameters[type].safeParse(value ?? {});
  if (result.success) return { ok: true, parameters: result.data as OperationParameters<T> };
  const problems = result.error.issues.map(({ path, message }) => {
    const at = ['spec.parameters', ...path.map(String)].join('.');
    return `${at}: ${message}`;
  });
  return { ok: false, problems };
}
