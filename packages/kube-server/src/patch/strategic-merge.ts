/**
 * Strategic merge patches: like merge patches, but lists that the schema marks are joined item by item.
 *
 * Directives: `$patch: replace|delete|merge`, `$retainKeys`, `$deleteFromPrimitiveList/<field>`,
 * `$setElementOrder/<field>`.
 */
import { equalJson, isObject, type JsonObject, setOwn } from '../json.ts';
import type { Schema } from '../schema/schema.ts';

/** Why a strategic patch cannot be applied. */
export class StrategicPatchError extends Error {}

const DELETE_PRIMITIVE = '$deleteFromPrimitiveList/';
const SET_ORDER = '$setElementOrder/';

/** The result may share parts with both inputs; neither is changed. */
export function strategicMerge(target: unknown, patch: unknown, schema: Schema | undefined): unknown {
  if (!isObject(patch)) return patch;
  const directive = patch.$patch;
  if (directive === 'replace') return without(patch, '$patch');
  if (directive === 'delete') return {};
  if (directive !== undefined && directive !== 'merge') {
    throw new StrategicPatchError(`unrecognized value ${JSON.stringify(directive)} for directive $patch`);
  }
  const result: JsonObject = isObject(target) ? { ...target } : {};
  applyFields(result, patch, schema);
  retainKeys(result, patch.$retainKeys);
  return result;
}

function applyFields(result: JsonObject, patch: JsonObject, schema: Schema | undefined): void {
  for (const key of Object.keys(patch)) {
    const value = patch[key];
    if (key === '$patch' || key === '$retainKeys' || key.startsWith(SET_ORDER)) continue;
    if (key.startsWith(DELETE_PRIMITIVE)) {
      removePrimitives(result, key.slice(DELETE_PRIMITIVE.length), value);
      continue;
    }
    const child = childSchema(schema, key);
    if (value === null) delete result[key];
    else if (Array.isArray(value))
      setOwn(result, key, mergeList(result[key], value, child, patch[`${SET_ORDER}${key}`]));
    else setOwn(result, key, strategicMerge(Object.hasOwn(result, key) ? result[key] : undefined, value, child));
  }
  for (const key of Object.keys(patch)) {
    if (!key.startsWith(SET_ORDER)) continue;
    const field = key.slice(SET_ORDER.length);
    const list = result[field];
    const order = patch[key];
    if (!Array.isArray(list) || !Array.isArray(order) || patch[field] !== undefined) continue;
    const mergeKey = childSchema(schema, field)?.['x-kubernetes-patch-merge-key'];
    result[field] = inOrder(
      list,
      order.map((item) => identityOf(item, mergeKey)),
      list,
      mergeKey,
    );
  }
}

function childSchema(schema: Schema | undefined, key: string): Schema | undefined {
  const known = schema?.properties?.[key];
  if (known) return known;
  return isObject(schema?.additionalProperties) ? (schema.additionalProperties as Schema) : undefined;
}

function without(object: JsonObject, key: string): JsonObject {
  const copy = { ...object };
  delete copy[key];
  return copy;
}

function removePrimitives(result: JsonObject, field: string, values: unknown): void {
  const list = result[field];
  if (!Array.isArray(list) || !Array.isArray(values)) return;
  result[field] = list.filter((item) => !values.some((gone) => equalJson(gone, item)));
}

function retainKeys(result: JsonObject, keys: unknown): void {
  if (!Array.isArray(keys)) return;
  for (const key of Object.keys(result)) if (!keys.includes(key)) delete result[key];
}

function mergeList(target: unknown, patch: readonly unknown[], schema: Schema | undefined, order: unknown): unknown {
  const merges = schema?.['x-kubernetes-patch-strategy'] === 'merge';
  if (!merges || patch.some((item) => isObject(item) && item.$patch === 'replace')) {
    return patch.filter((item) => !(isObject(item) && item.$patch === 'replace')).map((item) => strip(item));
  }
  const current: readonly unknown[] = Array.isArray(target) ? target : [];
  const key = schema?.['x-kubernetes-patch-merge-key'];
  const merged = key === undefined ? mergePrimitives(current, patch) : mergeByKey(current, patch, key, schema?.items);
  const wanted = (Array.isArray(order) ? order : patch).map((item) => identityOf(item, key));
  return inOrder(merged, wanted, current, key);
}

function strip(item: unknown): unknown {
  return isObject(item) ? strategicMerge(undefined, item, undefined) : item;
}

function mergePrimitives(current: readonly unknown[], patch: readonly unknown[]): readonly unknown[] {
  return [...current, ...patch.filter((item) => !current.some((other) => equalJson(item, other)))];
}

function mergeByKey(
  current: readonly unknown[],
  patch: readonly unknown[],
  key: string,
  items: Schema | undefined,
): readonly unknown[] {
  const result = [...current];
  for (const item of patch) {
    if (!isObject(item)) throw new StrategicPatchError(`a list merged by "${key}" holds something that is no object`);
    if (item[key] === undefined)
      throw new StrategicPatchError(`map: ${JSON.stringify(item)} does not contain declared merge key: ${key}`);
    const at = result.findIndex((other) => isObject(other) && equalJson(other[key], item[key]));
    if (item.$patch === 'delete') {
      if (at >= 0) result.splice(at, 1);
    } else if (at >= 0) result[at] = strategicMerge(result[at], item, items);
    else result.push(strategicMerge(undefined, item, items));
  }
  return result;
}

/** What tells items of a list apart; in orders of lists of plain values and in lists of objects alike. */
function identityOf(item: unknown, key: string | undefined): string {
  return JSON.stringify(key !== undefined && isObject(item) ? item[key] : item);
}

/**
 * Items named in `wanted` take its order. The others keep that of `before`, and their place before those of the named
 * ones that they came before; what is named and was not there comes first.
 */
function inOrder(
  list: readonly unknown[],
  wanted: readonly string[],
  before: readonly unknown[],
  key: string | undefined,
): readonly unknown[] {
  const places = new Map(wanted.map((name, i) => [name, i]));
  const earlier = new Map(before.map((item, i) => [identityOf(item, key), i]));
  const place = (item: unknown): number => places.get(identityOf(item, key)) ?? 0;
  const was = (item: unknown): number | undefined => earlier.get(identityOf(item, key));
  const named = list.filter((item) => places.has(identityOf(item, key))).toSorted((a, b) => place(a) - place(b));
  const others = list.filter((item) => !places.has(identityOf(item, key)));
  const result: unknown[] = [];
  for (let i = 0, j = 0; i < others.length || j < named.length; ) {
    const [left, right] = [was(others[i]), was(named[j])];
    const isLeftFirst = left !== undefined && right !== undefined && left < right;
    if (j >= named.length || (i < others.length && isLeftFirst)) result.push(others[i++]);
    else result.push(named[j++]);
  }
  return result;
}
