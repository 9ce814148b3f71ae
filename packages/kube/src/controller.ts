/**
 * Runs `reconcile` for keys: one run of a key at a time, several keys at once, failures again with back-off.
 *
 * Invariants (tests cite them):
 * - C1 No run starts before every source holds its first whole list.
 * - C2 Every change of a source is followed by a run of its keys that starts after the change is in the copy.
 * - C3 When the signal aborts no run starts any more, and `run` resolves only after those under way have ended.
 * - C4 A run that takes longer than `handOverMs` gives its place to another key and goes on itself, and later runs of its
 *   key take no place at all until one has ended in time: runs that are stuck hold up no other key, however many they
 *   are and however often they come again. Its own key still has no second run.
 */
import { setMaxListeners } from 'node:events';
import { toStackError } from '@polarstack/base';
import type { Change, Informer } from './informer.ts';
import type { KubeObject } from './object.ts';
import { tell } from './tell.ts';
import { createWorkQueue, type WorkQueue } from './work-queue.ts';

/** An informer, and which keys have to be looked at when one of its objects changes. */
export interface ControllerSource {
  readonly synced: Promise<void>;
  /** Connects the source to a queue; returns what disconnects it. */
  attach(queue: WorkQueue): () => void;
}

export function source<T extends KubeObject, I extends string>(
  informer: Informer<T, I>,
  keysOf: (change: Change<T>) => readonly string[],
): ControllerSource {
  return {
    synced: informer.synced,
    attach: (queue) =>
      informer.onChange((change) => {
        for (const key of keysOf(change)) queue.add(key);
      }),
  };
}

export interface ReconcileResult {
  /** Look again after this many milliseconds, also where nothing changes. */
  readonly requeueAfterMs?: number;
}

export interface ControllerOptions {
  readonly sources: readonly ControllerSource[];
  /** The signal aborts when the controller stops. What it throws is reported and the key comes again with back-off. */
  readonly reconcile: (key: string, signal: AbortSignal) => Promise<ReconcileResult> | Promise<void>;
  /** How many keys at once; those that are slow are not counted. Default 4. */
  readonly concurrency?: number;
  readonly queue?: WorkQueue;
  /** After this many milliseconds a run counts as slow, and its place goes to another key. Default 60 000. */
  readonly handOverMs?: number;
  /** Whether a run of this key is going to wait for something that does not answer: it takes no place. Default: nobody knows. */
  readonly willWait?: (key: string) => boolean;
  /** Told of each run that is slow. */
  readonly onSlow?: (key: string) => void;
  /** Told of each failed run and of the pause before the next, in milliseconds. */
  readonly onError?: (error: unknown, key: string, retryInMs: number) => void;
}

export interface Controller {
  readonly queue: WorkQueue;
  /** Runs until the signal aborts. Informers are started by their owner. */
  run(signal: AbortSignal): Promise<void>;
}

/** Keys whose last run was slow, and what still runs without a place. */
interface Slow {
  readonly keys: Set<string>;
  readonly runs: Set<Promise<void>>;
}

export function createController(options: ControllerOptions): Controller {
  const { sources, reconcile, concurrency = 4, handOverMs = 60_000, willWait, onSlow, onError } = options;
  const queue = options.queue ?? createWorkQueue();

  async function runOnce(key: string, signal: AbortSignal): Promise<void> {
    try {
      const result = (await reconcile(key, signal)) as ReconcileResult | undefined;
      queue.forget(key);
      if (result?.requeueAfterMs !== undefined) queue.addAfter(key, result.requeueAfterMs);
    } catch (error) {
      if (signal.aborted) return;
      const retryInMs = queue.addRateLimited(key);
      tell(() => onError?.(toStackError(error), key, retryInMs));
    } finally {
      queue.done(key);
    }
  }

  /** Resolves when the run has ended or is slow; those that are slow are kept in `slow`. */
  async function runOrHandOver(key: string, signal: AbortSignal, slow: Slow): Promise<void> {
    const run = runOnce(key, signal);
    let timer: NodeJS.Timeout | undefined;
    const isSlow = new Promise<true>((resolve) => {
      timer = setTimeout(() => resolve(true), handOverMs);
    });
    if ((await Promise.race([run, isSlow])) === true) {
      slow.keys.add(key);
      slow.runs.add(run);
      void run.then(() => slow.runs.delete(run));
      tell(() => onSlow?.(key));
    } else {
      slow.keys.delete(key);
    }
    clearTimeout(timer);
  }

  async function work(signal: AbortSignal, slow: Slow): Promise<void> {
    for (let key = await queue.next(signal); key !== undefined; key = await queue.next(signal)) {
      if (signal.aborted) {
        queue.done(key);
        continue;
      }
      const run = runOrHandOver(key, signal, slow);
      if (!slow.keys.has(key) && willWait?.(key) !== true) {
        await run;
        continue;
      }
      slow.runs.add(run);
      void run.then(() => slow.runs.delete(run));
    }
  }

  return {
    queue,
    run: async (signal) => {
      setMaxListeners(0, signal);
      const detach = sources.map((each) => each.attach(queue));
      try {
        await untilAborted(Promise.all(sources.map((each) => each.synced)), signal);
        const slow: Slow = { keys: new Set(), runs: new Set() };
        if (!signal.aborted) {
          await Promise.all(Array.from({ length: concurrency }, async () => await work(signal, slow)));
        }
        while (slow.runs.size > 0) await Promise.all(slow.runs);
      } finally {
        for (const each of detach) each();
        await queue.shutDown();
      }
    },
  };
}

/** Resolves with the promise or when the signal aborts, whichever is first. */
async function untilAborted(promise: Promise<unknown>, signal: AbortSignal): Promise<void> {
  if (signal.aborted) return;
  await new Promise<void>((resolve, reject) => {
    signal.addEventListener('abort', () => resolve(), { once: true });
    promise.then(() => resolve(), reject);
  });
}
