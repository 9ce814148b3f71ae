import type { Clock } from '@polarstack/base';
import type { State } from './list.ts';

/** Keeps states that lists are read from page by page, for longer than the store remembers them. */
export interface ListSnapshots {
  keep(prefix: string, revision: number, state: State): void;
  find(prefix: string, revision: number): State | undefined;
}

/** What is kept holds objects that may be gone: so only for a time, and only so many states and objects in all. */
const MAX_STATES = 64;
const MAX_OBJECTS = 200_000;

export function createListSnapshots(clock: Clock, maxAgeMs: number): ListSnapshots {
  /** The oldest first. */
  const kept = new Map<string, { readonly state: State; readonly at: number }>();
  let objects = 0;

  const forget = (key: string): void => {
    objects -= kept.get(key)?.state.length ?? 0;
    kept.delete(key);
  };

  const forgetOld = (): void => {
    for (const [key, { at }] of kept) {
      if (kept.size <= MAX_STATES && objects <= MAX_OBJECTS && clock.monotonic() - at < maxAgeMs) return;
      forget(key);
    }
  };

  const keyOf = (prefix: string, revision: number): string => `${revision} ${prefix}`;

  return {
    keep: (prefix, revision, state) => {
      const key = keyOf(prefix, revision);
      if (!kept.has(key)) {
        kept.set(key, { state, at: clock.monotonic() });
        objects += state.length;
      }
      forgetOld();
    },
    find: (prefix, revision) => {
      forgetOld();
      return kept.get(keyOf(prefix, revision))?.state;
    },
  };
}
