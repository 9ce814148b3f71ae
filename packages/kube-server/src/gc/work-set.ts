import type { Logger } from '@polarstack/base';

/** Keys waiting to be looked at, each once, however often it was named. */
export interface WorkSet {
  add(key: string): void;
}

const RETRY_MS = 1000;

/**
 * Runs `work` on every added key, all that wait at a time. A key added while its work runs is worked on again after;
 * one whose work failed comes back after a second. Ends with the signal.
 */
export function createWorkSet(work: (key: string) => Promise<void>, logger: Logger, signal: AbortSignal): WorkSet {
  let waiting = new Set<string>();
  const retries = new Set<NodeJS.Timeout>();
  let running = false;

  const attempt = async (key: string): Promise<void> => {
    try {
      await work(key);
    } catch (error) {
      if (signal.aborted) return;
      logger.warn({ err: error, object: key }, 'cleaning up failed; it is tried again');
      const timer = setTimeout(() => {
        retries.delete(timer);
        add(key);
      }, RETRY_MS);
      retries.add(timer);
    }
  };

  const run = async (): Promise<void> => {
    while (waiting.size > 0 && !signal.aborted) {
      const batch = waiting;
      waiting = new Set();
      await Promise.all([...batch].map(attempt));
    }
    running = false;
  };

  const add = (key: string): void => {
    if (signal.aborted) return;
    waiting.add(key);
    if (running) return;
    running = true;
    // Not at once: events come from inside the store's commit, and more of them are about to follow.
    setImmediate(() => void run());
  };

  signal.addEventListener('abort', () => {
    for (const timer of retries) clearTimeout(timer);
  });
  return { add };
}
