import type { OperationType } from '@polarstack/api';

interface Named {
  readonly name: string;
  readonly uid: string;
}

/** The one name that an operation of this type has for this very cluster: made twice, it is made once. */
export const operationName = ({ name, uid }: Named, type: OperationType): string =>
  `${name}-${type.toLowerCase()}-${uid.slice(0, 8)}`;

/** Of an operation that an annotation asked for: the request was given an id when it was claimed. */
export const requestedOperationName = ({ name }: Named, type: OperationType, id: string): string =>
  `${name}-${type.toLowerCase()}-${id}`;

/** Of an operation that the spec asks for: one of each type for each generation. */
export const specOperationName = ({ name, uid }: Named, type: OperationType, generation: number): string =>
  `${name}-${type.toLowerCase()}-${uid.slice(0, 8)}-g${generation}`;
