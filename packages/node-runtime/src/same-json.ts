import { isDeepStrictEqual } from 'node:util';

/** A value as an API keeps it: without what is undefined or null. */
function kept(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(kept);
  if (typeof value !== 'object' || value === null) return value;
  const entries = Object.entries(value).filter(([, field]) => field !== undefined && field !== null);
  return Object.fromEntries(entries.map(([name, field]) => [name, kept(field)]));
}

/** True where writing one in place of the other would change nothing. */
export function sameJson(a: unknown, b: unknown): boolean {
  return isDeepStrictEqual(kept(a), kept(b));
}
