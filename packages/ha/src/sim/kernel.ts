/** Virtual time: what happens when, and nothing else that could differ between two runs of one seed. */

/** A seeded stream of numbers; two streams of one seed and different names have nothing to do with each other. */
export interface Random {
  /** In [0, 1). */
  readonly next: () => number;
  /** In [min, max). */
  readonly between: (min: number, max: number) => number;
  /** Throws where there is nothing to choose from. */
  readonly pick: <T>(from: readonly T[]) => T;
  readonly chance: (probability: number) => boolean;
}

export function createRandom(seed: number, name = ''): Random {
  // Weyl sequence, mixed twice: small, fast, and good enough to choose faults by.
  let state = seed >>> 0;
  for (const letter of name) state = Math.imul(state ^ letter.charCodeAt(0), 0x9e3779b1) >>> 0;
  const next = (): number => {
    state = (state + 0x9e3779b9) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 16), 0x21f0aaad);
    mixed = Math.imul(mixed ^ (mixed >>> 15), 0x735a2d97);
    return ((mixed ^ (mixed >>> 15)) >>> 0) / 0x1_0000_0000;
  };
  return {
    next,
    between: (min, max) => min + next() * (max - min),
    pick: (from) => {
      const one = from[Math.floor(next() * from.length)];
      if (one === undefined) throw new RangeError('nothing to pick from');
      return one;
    },
    chance: (probability) => next() < probability,
  };
}

export interface Kernel {
  /** Real milliseconds since the run began; no process can see them. */
  readonly now: () => number;
  readonly after: (ms: number, run: () => void) => void;
  readonly runUntil: (ms: number, stopped: () => boolean) => void;
  readonly events: number;
}

interface Event {
  readonly at: number;
  readonly order: number;
  readonly run: () => void;
}

const earlier = (a: Event, b: Event): boolean => a.at < b.at || (a.at === b.at && a.order < b.order);

export function createKernel(): Kernel {
  const heap: Event[] = [];
  let [now, order, events] = [0, 0, 0];

  const push = (event: Event): void => {
    let at = heap.length;
    heap.push(event);
    while (at > 0) {
      const parent = (at - 1) >> 1;
      const above = heap[parent];
      if (!above || earlier(above, event)) break;
      heap[at] = above;
      at = parent;
    }
    heap[at] = event;
  };

  const pop = (): Event | undefined => {
    const [first] = heap;
    const last = heap.pop();
    if (heap.length === 0 || !last) return first;
    let at = 0;
    for (;;) {
      const [left, right] = [heap[2 * at + 1], heap[2 * at + 2]];
      const least = right && left && earlier(right, left) ? right : left;
      if (!least || earlier(last, least)) break;
      heap[at] = least;
      at = least === left ? 2 * at + 1 : 2 * at + 2;
    }
    heap[at] = last;
    return first;
  };

  return {
    now: () => now,
    after: (ms, run) => push({ at: now + Math.max(0, ms), order: order++, run }),
    runUntil: (ms, stopped) => {
      for (let head = heap[0]; head && head.at <= ms && !stopped(); [head] = heap) {
        pop();
        now = head.at;
        events++;
        head.run();
      }
      if (!stopped()) now = ms;
    },
    get events() {
      return events;
    },
  };
}
