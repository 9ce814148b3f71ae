/**
 * What may wait in memory for all watchers together.
 *
 * - B1 When more than `maxBytes` wait, those for whom most waits are cut off until clearly less does.
 * - B2 Where all that waits is one watcher's, it is left alone: its own bound holds.
 */
export interface WatchBudget {
  join(watcher: Watcher): Membership;
}

export interface Watcher {
  /** Bytes that wait for it. */
  waiting(): number;
  cutOff(): void;
}

export interface Membership {
  /** To be called after each write. */
  wrote(): void;
  leave(): void;
}

/** Cutting off makes this much room, in parts of the whole, so that not each write has to look at everybody. */
const ROOM = 0.25;

export function createWatchBudget(maxBytes: number): WatchBudget {
  /** What waited for each when it was last looked at; it may be less by now. */
  const known = new Map<Watcher, number>();
  let total = 0;

  const look = (watcher: Watcher): number => {
    const waiting = watcher.waiting();
    total += waiting - (known.get(watcher) ?? 0);
    known.set(watcher, waiting);
    return waiting;
  };

  const leave = (watcher: Watcher): void => {
    total -= known.get(watcher) ?? 0;
    known.delete(watcher);
  };

  const relieve = (): void => {
    for (const watcher of known.keys()) look(watcher);
    if (total <= maxBytes) return;
    const slowest = [...known].filter(([, waiting]) => waiting > 0).sort(([, a], [, b]) => b - a);
    for (const [watcher, waiting] of slowest) {
      if (total <= maxBytes * (1 - ROOM) || total <= waiting) return; // B1, B2
      leave(watcher);
      watcher.cutOff();
    }
  };

  return {
    join: (watcher) => {
      known.set(watcher, 0);
      return {
        wrote: () => {
          if (!known.has(watcher)) return;
          look(watcher);
          if (total > maxBytes) relieve();
        },
        leave: () => leave(watcher),
      };
    },
  };
}
