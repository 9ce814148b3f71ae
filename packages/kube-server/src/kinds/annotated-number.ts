import { type JsonObject, valueAt } from '../json.ts';

const [LEAST, MOST] = [-(2n ** 63n), 2n ** 63n - 1n];

/**
 * Why an annotation that Kubernetes keeps as a number of its own cannot be read as one, as Go says it; undefined where it
 * can, or is not there.
 */
export function notWhole(object: Readonly<JsonObject>, annotation: string): string | undefined {
  const text = valueAt(object, 'metadata', 'annotations', annotation);
  if (typeof text !== 'string') return undefined;
  const why = (what: string): string => `strconv.ParseInt: parsing ${JSON.stringify(text)}: ${what}`;
  if (!/^[+-]?\d+$/.test(text)) return why('invalid syntax');
  const value = wholeOf(text);
  return value < LEAST || value > MOST ? why('value out of range') : undefined;
}

/** The number of such a text; 0 for one that is none, as an object may have that was kept before anybody looked. */
export const wholeOf = (text: string): bigint => (/^[+-]?\d+$/.test(text) ? BigInt(text.replace(/^\+/, '')) : 0n);
