/** Keys in byte order of their UTF-8 form, kept sorted as they come and go, so that no listing ever sorts. */
export interface SortedKeys {
  readonly size: number;
  /** Adds a key that is not there yet. */
  add(key: string): void;
  /** Removes a key; nothing happens when it is not there. */
  remove(key: string): void;
  /** Calls `visit` with every key that starts with `prefix`, in order. */
  each(prefix: string, visit: (key: string) => void): void;
}

/** A block is split beyond this, so that an insertion moves at most this many pointers however many keys there are. */
const blockLimit = 1024;

/** Moves surrogates behind the rest of the basic plane, which turns UTF-16 order into code point order. */
const byCodePoint = (unit: number): number => {
  if (unit < 0xd800) return unit;
  return unit >= 0xe000 ? unit - 0x800 : unit + 0x2000;
};

/** Orders two strings as the bytes of their UTF-8 forms are ordered: negative, 0 or positive. */
export function compareKeys(a: string, b: string): number {
  const shared = Math.min(a.length, b.length);
  for (let at = 0; at < shared; at++) {
    const left = a.charCodeAt(at);
    const right = b.charCodeAt(at);
    if (left !== right) return byCodePoint(left) - byCodePoint(right);
  }
  return a.length - b.length;
}

/** The first index of `items` whose key is not before `key`. */
function lowerBound<T>(items: readonly T[], keyOf: (item: T) => string, key: string): number {
  let low = 0;
  let high = items.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (compareKeys(keyOf(items[middle] as T), key) < 0) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** A list of sorted blocks, none of them empty: the flat form of a two-level B-tree. */
export function createSortedKeys(): SortedKeys {
  const blocks: string[][] = [];
  let size = 0;
  const last = (block: string[]): string => block[block.length - 1] as string;
  const itself = (key: string): string => key;

  return {
    get size() {
      return size;
    },
    add(key) {
      size++;
      const found = lowerBound(blocks, last, key);
      const index = Math.min(found, blocks.length - 1);
      const block = blocks[index];
      if (!block) {
        blocks.push([key]);
        return;
      }
      block.splice(found > index ? block.length : lowerBound(block, itself, key), 0, key);
      if (block.length > blockLimit) blocks.splice(index + 1, 0, block.splice(block.length >>> 1));
    },
    remove(key) {
      const index = lowerBound(blocks, last, key);
      const block = blocks[index];
      if (!block) return;
      const at = lowerBound(block, itself, key);
      if (block[at] !== key) return;
      size--;
      if (block.length === 1) blocks.splice(index, 1);
      else block.splice(at, 1);
    },
    each(prefix, visit) {
      let index = lowerBound(blocks, last, prefix);
      let at = lowerBound(blocks[index] ?? [], itself, prefix);
      for (let block = blocks[index]; block; block = blocks[++index], at = 0) {
        for (; at < block.length; at++) {
          const key = block[at] as string;
          if (!key.startsWith(prefix)) return;
          visit(key);
        }
      }
    },
  };
}
