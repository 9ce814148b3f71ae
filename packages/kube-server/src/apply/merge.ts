import { isObject, type JsonObject, setOwn } from '../json.ts';
import type { Schema } from '../schema/schema.ts';
import { fieldSchema, indexItems, isBare, shapeOf } from './shape.ts';

/** Lays a configuration over a live value. The result may share parts with both; neither is changed. */
export function mergeInto(schema: Schema | undefined, live: unknown, config: unknown): unknown {
  if (config === undefined) return live;
  if (isBare(live) && isBare(config)) return config;
  const shape = shapeOf(schema, isBare(config) ? live : config);
  if (shape === 'leaf') return config;
  if (shape === 'map') return mergeMaps(schema, isObject(live) ? live : {}, isObject(config) ? config : {});
  const list = (value: unknown): readonly unknown[] => (Array.isArray(value) ? value : []);
  return mergeLists(schema ?? {}, list(live), list(config));
}

function mergeMaps(schema: Schema | undefined, live: Readonly<JsonObject>, config: Readonly<JsonObject>): JsonObject {
  const result: JsonObject = { ...live };
  for (const name in config) {
    const before = Object.hasOwn(live, name) ? live[name] : undefined;
    setOwn(result, name, mergeInto(fieldSchema(schema, name), before, config[name]));
  }
  return result;
}

/**
 * The items of both lists. Those of the configuration keep its order; each other item stays behind the one that it
 * followed, as far as that order allows.
 */
function mergeLists(schema: Schema, live: readonly unknown[], config: readonly unknown[]): readonly unknown[] {
  const wanted = indexItems(schema, config);
  const there = indexItems(schema, live);
  const itemSchema = schema['x-kubernetes-list-type'] === 'map' ? schema.items : undefined;
  const merged = (element: string): unknown => mergeInto(itemSchema, there.get(element), wanted.get(element));
  const order = [...wanted.keys()];
  const result: unknown[] = [];
  let next = 0;
  const takeUpTo = (element: string): void => {
    const end = order.indexOf(element, next);
    if (end < 0) return; // taken already, before an item that the configuration puts after it
    for (; next <= end; next++) result.push(merged(order[next] ?? ''));
  };
  for (const [element, item] of there) {
    if (wanted.has(element)) takeUpTo(element);
    else result.push(item);
  }
  for (; next < order.length; next++) result.push(merged(order[next] ?? ''));
  return result;
}
