/** The expressions of the Common Expression Language, macros already expanded. */

/** Constants: `bigint` is an int, `number` a double. */
export type Literal =
  | null
  | boolean
  | bigint
  | number
  | string
  | { readonly tag: 'uint'; readonly value: bigint }
  | { readonly tag: 'bytes'; readonly bytes: Uint8Array };

interface Node {
  /** Unique within one expression; types, references and sizes are kept by it. */
  readonly id: number;
  /** Where messages point to: code points from the start of the source. */
  readonly at: number;
}

export interface LiteralNode extends Node {
  readonly kind: 'literal';
  readonly value: Literal;
}

export interface IdentNode extends Node {
  readonly kind: 'ident';
  readonly name: string;
}

export interface SelectNode extends Node {
  readonly kind: 'select';
  readonly operand: Expr;
  readonly field: string;
  /** `has(operand.field)`. */
  readonly isTest: boolean;
}

export interface CallNode extends Node {
  readonly kind: 'call';
  readonly name: string;
  readonly target: Expr | undefined;
  readonly args: readonly Expr[];
}

export interface ListNode extends Node {
  readonly kind: 'list';
  readonly elements: readonly Expr[];
  /** Indexes of elements written with `?`. */
  readonly optional: ReadonlySet<number>;
}

export interface MapEntry {
  readonly key: Expr;
  readonly value: Expr;
  readonly isOptional: boolean;
}

export interface MapNode extends Node {
  readonly kind: 'map';
  readonly entries: readonly MapEntry[];
}

/** Naming a message type, which no rule of Kubernetes can: it is always refused by the checker. */
export interface MessageNode extends Node {
  readonly kind: 'message';
  readonly name: string;
}

/** What the macros over lists and maps become: a loop with one accumulator. */
export interface LoopNode extends Node {
  readonly kind: 'loop';
  readonly range: Expr;
  readonly item: string;
  /** The second variable: the first one is the index or key then. */
  readonly item2: string | undefined;
  readonly accumulator: string;
  readonly init: Expr;
  readonly condition: Expr;
  readonly step: Expr;
  readonly result: Expr;
}

export type Expr = LiteralNode | IdentNode | SelectNode | CallNode | ListNode | MapNode | MessageNode | LoopNode;

export const ACCUMULATOR = '@result';

/** Makes nodes with ids of their own. */
export interface NodeFactory {
  literal(at: number, value: Literal): Expr;
  ident(at: number, name: string): Expr;
  select(at: number, operand: Expr, field: string, isTest?: boolean): Expr;
  call(at: number, name: string, args: readonly Expr[], target?: Expr): Expr;
  list(at: number, elements: readonly Expr[], optional?: ReadonlySet<number>): Expr;
  map(at: number, entries: readonly MapEntry[]): Expr;
  message(at: number, name: string): Expr;
  loop(at: number, parts: Omit<LoopNode, 'id' | 'at' | 'kind'>): Expr;
}

export function createNodeFactory(): NodeFactory {
  let last = 0;
  const next = (at: number) => {
    last += 1;
    return { id: last, at };
  };
  return {
    literal: (at, value) => ({ ...next(at), kind: 'literal', value }),
    ident: (at, name) => ({ ...next(at), kind: 'ident', name }),
    select: (at, operand, field, isTest = false) => ({ ...next(at), kind: 'select', operand, field, isTest }),
    call: (at, name, args, target) => ({ ...next(at), kind: 'call', name, args, target }),
    list: (at, elements, optional = new Set()) => ({ ...next(at), kind: 'list', elements, optional }),
    map: (at, entries) => ({ ...next(at), kind: 'map', entries }),
    message: (at, name) => ({ ...next(at), kind: 'message', name }),
    loop: (at, parts) => ({ ...next(at), kind: 'loop', ...parts }),
  };
}

/** The dotted name that an expression spells, such as `a.b.c`; undefined where it is more than a name. */
export function qualifiedName(expr: Expr): string | undefined {
  if (expr.kind === 'ident') return expr.name;
  if (expr.kind !== 'select' || expr.isTest) return undefined;
  const prefix = qualifiedName(expr.operand);
  return prefix === undefined ? undefined : `${prefix}.${expr.field}`;
}
