import { randomUUID } from 'node:crypto';
import type { Clock } from '@polarstack/base';
import type { StoredObject } from '../store/object-store.ts';

/** What is left of a list that is read page by page. */
export interface ListSnapshot {
  readonly revision: number;
  readonly rest: readonly StoredObject[];
}

/** Keeps what a paged list has still to show, so that all its pages are of one moment. */
export interface ListSnapshots {
  put(snapshot: ListSnapshot): string;
  /** Undefined when the token is unknown or too old. Tokens stay valid after use: a page may be asked for twice. */
  get(token: string): ListSnapshot | undefined;
}

/** Tokens expire after this time, or earlier when many lists are open. */
const MAX_AGE_MS = 5 * 60_000;
const MAX_SNAPSHOTS = 128;

export function createListSnapshots(clock: Clock): ListSnapshots {
  const kept = new Map<string, { readonly snapshot: ListSnapshot; readonly at: number }>();

  const forgetOld = (): void => {
    for (const [token, { at }] of kept) {
      if (kept.size <= MAX_SNAPSHOTS && clock.monotonic() - at < MAX_AGE_MS) return;
      kept.delete(token);
    }
  };

  return {
    put: (snapshot) => {
      const token = randomUUID();
      kept.set(token, { snapshot, at: clock.monotonic() });
      forgetOld();
      return token;
    },
    get: (token) => {
      forgetOld();
      return kept.get(token)?.snapshot;
    },
  };
}
