/** The values under which an object is found: none, one or more. */
export type IndexFunction<T> = (object: T) => readonly string[];

export interface Indexes<T, I extends string> {
  update(key: string, previous: T | undefined, object: T | undefined): void;
  /** Keys of the objects that have `value` in `index`. */
  keys(index: I, value: string): readonly string[];
}

export function createIndexes<T, I extends string>(
  functions: Readonly<Record<I, IndexFunction<T>>> | undefined,
): Indexes<T, I> {
  const tables = (Object.entries(functions ?? {}) as [I, IndexFunction<T>][]).map(([name, valuesOf]) => ({
    name,
    valuesOf,
    keys: new Map<string, Set<string>>(),
  }));
  return {
    update: (key, previous, object) => {
      // All values first: a function that throws leaves every table as it was.
      const changes = tables.map(({ valuesOf, keys }) => ({
        keys,
        before: previous === undefined ? [] : valuesOf(previous),
        after: object === undefined ? [] : valuesOf(object),
      }));
      for (const { keys, before, after } of changes) {
        for (const value of before) {
          const set = keys.get(value);
          set?.delete(key);
          if (set?.size === 0) keys.delete(value);
        }
        for (const value of after) {
          const set = keys.get(value);
          if (set === undefined) keys.set(value, new Set([key]));
          else set.add(key);
        }
      }
    },
    keys: (index, value) => [...(tables.find((table) => table.name === index)?.keys.get(value) ?? [])],
  };
}
