/**
 * Sets of fields, in the very form in which `metadata.managedFields` carries them (FieldsV1), so that nothing has to be
 * decoded on a write.
 *
 * A node stands for a field. `{}` is a field that is owned itself; one with children is owned itself only where it also
 * has the child `.`; children are `f:<name>` (field), `k:<json>` (list item by its keys) and `v:<json>` (list item by
 * its value).
 *
 * - F1 Sets are never changed: operations share what they can, and may answer one of their operands.
 * - F2 No node but the root is without meaning: what is neither owned nor holds anything owned is not there.
 */
export interface FieldSet {
  readonly [element: string]: FieldSet;
}

export const SELF = '.';
export const LEAF: FieldSet = Object.freeze({});

export const fieldElement = (name: string): string => `f:${name}`;

export function isEmptySet(set: FieldSet): boolean {
  for (const _element in set) return false;
  return true;
}

/** Whether the node itself, not just something below it, is in the set. */
export function isMember(node: FieldSet | undefined): boolean {
  return node !== undefined && (SELF in node || isEmptySet(node));
}

/** A node from its parts; undefined where it would mean nothing (F2). */
export function makeNode(member: boolean, children: FieldSet): FieldSet | undefined {
  if (isEmptySet(children)) return member ? LEAF : undefined;
  return member ? { [SELF]: LEAF, ...children } : children;
}

/** The children alone. */
function childrenOf(node: FieldSet): FieldSet {
  if (!(SELF in node)) return node;
  const { [SELF]: _self, ...children } = node;
  return children;
}

/** Joins the children of two nodes; `.` is looked after by the caller. */
export function union(a: FieldSet, b: FieldSet): FieldSet {
  if (a === b || isEmptySet(b)) return a;
  if (isEmptySet(a)) return b;
  const result: Record<string, FieldSet> = { ...a };
  for (const element in b) {
    const mine = a[element];
    const other = b[element];
    if (other === undefined || element === SELF) continue;
    result[element] = mine === undefined ? other : unionNodes(mine, other);
  }
  return result;
}

function unionNodes(a: FieldSet, b: FieldSet): FieldSet {
  if (a === b) return a;
  return makeNode(isMember(a) || isMember(b), union(childrenOf(a), childrenOf(b))) ?? LEAF;
}

/** How the membership of one field in `a` and `b` decides whether it stays. */
type Keep = (inA: boolean, inB: boolean) => boolean;

function combine(a: FieldSet, b: FieldSet, keep: Keep): FieldSet {
  const result: Record<string, FieldSet> = {};
  for (const element in a) {
    const mine = a[element];
    if (mine === undefined || element === SELF) continue;
    const other = b[element];
    if (other === undefined) {
      if (keep(true, false)) result[element] = mine;
      continue;
    }
    const node = makeNode(
      isMember(mine) && keep(true, isMember(other)),
      combine(childrenOf(mine), childrenOf(other), keep),
    );
    if (node) result[element] = node;
  }
  return result;
}

/** What is in `a` and not in `b`. */
export function difference(a: FieldSet, b: FieldSet): FieldSet {
  return isEmptySet(b) || isEmptySet(a) ? a : combine(a, b, (_inA, inB) => !inB);
}

/** What is in both. */
export function intersection(a: FieldSet, b: FieldSet): FieldSet {
  return isEmptySet(a) || isEmptySet(b) ? LEAF : combine(a, b, (_inA, inB) => inB);
}

/** Whether both hold the same fields. */
export function equalSets(a: FieldSet, b: FieldSet): boolean {
  if (a === b) return true;
  let count = 0;
  for (const element in a) {
    const other = b[element];
    if (other === undefined || !equalSets(a[element] ?? LEAF, other)) return false;
    count++;
  }
  for (const _element in b) count--;
  return count === 0;
}

/** The paths of all members, parents first. */
export function* pathsOf(set: FieldSet, path: readonly string[] = []): Generator<readonly string[]> {
  for (const element in set) {
    const node = set[element];
    if (node === undefined || element === SELF) continue;
    const own = [...path, element];
    if (isMember(node)) yield own;
    yield* pathsOf(node, own);
  }
}

/** `.spec.containers[name="a"].image`, as conflicts name a field. */
export function pathText(path: readonly string[]): string {
  return path.map(elementText).join('');
}

function elementText(element: string): string {
  const rest = element.slice(2);
  if (element.startsWith('f:')) return `.${rest}`;
  if (element.startsWith('v:')) return `[=${rest}]`;
  if (!element.startsWith('k:')) return `[${rest}]`;
  const keys = Object.entries(JSON.parse(rest) as Record<string, unknown>);
  return `[${keys.map(([name, value]) => `${name}=${JSON.stringify(value)}`).join(',')}]`;
}

/** The same set with its elements in the order in which Kubernetes writes them. */
export function sorted(set: FieldSet): FieldSet {
  const elements = Object.keys(set);
  if (elements.length === 0) return LEAF;
  // `.` comes before letters, and the letters of the kinds of elements are in the wanted order: f, k, v.
  if (elements.length > 1) elements.sort();
  const result: Record<string, FieldSet> = {};
  for (const element of elements) result[element] = sorted(set[element] ?? LEAF);
  return result;
}
