/** Types of operations that this version carries out. */
export const operationTypes = ['Create', 'Delete'] as const;
export type OperationType = (typeof operationTypes)[number];

export const isOperationType = (type: string): type is OperationType =>
  (operationTypes as readonly string[]).includes(type);

/** The one name that an operation of this type has for this very cluster: made twice, it is made once. */
export function operationName(cluster: { readonly name: string; readonly uid: string }, type: OperationType): string {
  return `${cluster.name}-${type.toLowerCase()}-${cluster.uid.slice(0, 8)}`;
}
