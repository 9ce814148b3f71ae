/**
 * A queue of keys for controllers: what has to be looked at, not what happened.
 *
 * Invariants (tests cite them):
 * - Q1 A key that is being worked on is not handed out again before `done`.
 * - Q2 Every `add` is followed by a hand-out that starts after it, unless the queue is shut down.
 * - Q3 A key waits at most once, however often it was added (deduplication); keys are handed out in the order in
 *   which they began to wait.
 * - Q4 `addAfter` never delays an earlier date of the same key.
 *
 * Back-off is counted by key: `addRateLimited` waits longer each time until `forget`.
 */
import { type Backoff, backoffDelay, type Clock, systemClock } from '@polarstack/base';

export interface WorkQueueOptions {
  /** Default: 10 ms doubling to 60 s, with jitter. */
  readonly backoff?: Backoff;
  readonly clock?: Clock;
  readonly random?: () => number;
}

export interface WorkQueue {
  add(key: string): void;
  /** Adds the key in `ms` milliseconds of the monotonic clock. */
  addAfter(key: string, ms: number): void;
  /** Adds the key after its back-off and makes the next one longer. Returns the pause in milliseconds. */
  addRateLimited(key: string): number;
  /** The work on this key went well: its back-off starts afresh. */
  forget(key: string): void;
  /** How often `addRateLimited` was called since `forget`. */
  failures(key: string): number;
  /** The next key; waits for one. Undefined when the queue is shut down (and empty, with `drain`) or `signal` aborts. */
  next(signal?: AbortSignal): Promise<string | undefined>;
  /** Must follow every `next` that gave a key. */
  done(key: string): void;
  /** Keys that wait now; those that wait for a date are not counted. */
  readonly length: number;
  /**
   * Takes no more keys and drops those that wait for a date. With `drain` what waits is still handed out, otherwise
   * it is dropped. Resolves when nothing waits and nothing is being worked on.
   */
  shutDown(options?: { readonly drain?: boolean }): Promise<void>;
}

const defaultBackoff: Backoff = { baseMs: 10, maxMs: 60_000 };

export function createWorkQueue(options: WorkQueueOptions = {}): WorkQueue {
  const { backoff = defaultBackoff, clock = systemClock, random = Math.random } = options;
  /** In order of hand-out. A key is here, or in `again`, at most once. */
  const waiting = new Set<string>();
  const working = new Set<string>();
  /** Added while being worked on: they wait as soon as that is done. */
  const again = new Set<string>();
  const failureCounts = new Map<string, number>();
  const timers = new Map<string, { readonly at: number; readonly cancel: AbortController }>();
  const takers: ((key: string | undefined) => void)[] = [];
  let state: 'open' | 'draining' | 'closed' = 'open';
  let onIdle: (() => void)[] = [];

  function take(): string | undefined {
    for (const key of waiting) {
      waiting.delete(key);
      working.add(key);
      return key;
    }
    return undefined;
  }

  function wake(): void {
    while (takers.length > 0 && waiting.size > 0) takers.shift()?.(take());
    if (state === 'open' || waiting.size > 0) return;
    for (const taker of takers.splice(0)) taker(undefined);
    if (working.size === 0) {
      for (const resolve of onIdle) resolve();
      onIdle = [];
    }
  }

  function add(key: string): void {
    if (state !== 'open') return;
    if (working.has(key)) again.add(key);
    else waiting.add(key);
    wake();
  }

  function dropTimer(key: string): void {
    timers.get(key)?.cancel.abort();
    timers.delete(key);
  }

  async function addLater(key: string, ms: number, cancel: AbortController): Promise<void> {
    try {
      await clock.sleep(ms, cancel.signal);
    } catch (error) {
      if (cancel.signal.aborted) return;
      throw error;
    }
    if (timers.get(key)?.cancel === cancel) timers.delete(key);
    add(key);
  }

  function addAfter(key: string, ms: number): void {
    if (state !== 'open') return;
    if (ms <= 0) {
      add(key);
      return;
    }
    const at = clock.monotonic() + ms;
    const known = timers.get(key);
    if (known !== undefined && known.at <= at) return;
    dropTimer(key);
    const cancel = new AbortController();
    timers.set(key, { at, cancel });
    // A clock that cannot sleep must not lose the key (Q2): it is due at once then.
    addLater(key, ms, cancel).catch(() => add(key));
  }

  return {
    add,
    addAfter,
    addRateLimited: (key) => {
      const failures = failureCounts.get(key) ?? 0;
      failureCounts.set(key, failures + 1);
      const ms = backoffDelay(backoff, failures, random);
      addAfter(key, ms);
      return ms;
    },
    forget: (key) => {
      failureCounts.delete(key);
    },
    failures: (key) => failureCounts.get(key) ?? 0,
    next: async (signal) => {
      if (signal?.aborted || state === 'closed') return undefined;
      const key = take();
      if (key !== undefined || state !== 'open') return key;
      return await new Promise<string | undefined>((resolve) => {
        const onAbort = (): void => {
          const index = takers.indexOf(taker);
          if (index >= 0) takers.splice(index, 1);
          resolve(undefined);
        };
        const taker = (taken: string | undefined): void => {
          signal?.removeEventListener('abort', onAbort);
          resolve(taken);
        };
        signal?.addEventListener('abort', onAbort, { once: true });
        takers.push(taker);
      });
    },
    done: (key) => {
      working.delete(key);
      if (again.delete(key) && state !== 'closed') waiting.add(key);
      wake();
    },
    get length() {
      return waiting.size;
    },
    shutDown: async ({ drain = false } = {}) => {
      if (state !== 'closed') state = drain ? 'draining' : 'closed';
      for (const key of [...timers.keys()]) dropTimer(key);
      if (state === 'closed') {
        waiting.clear();
        again.clear();
      }
      const idle = new Promise<void>((resolve) => {
        onIdle.push(resolve);
      });
      wake();
      await idle;
    },
  };
}
