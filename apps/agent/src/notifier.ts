/** Wakes whoever waits for the next change. */
export interface Notifier {
  notify(): void;
  /** Calls `listener` at every {@link notify}, until the function that it returns is called. */
  subscribe(listener: () => void): () => void;
  /** Resolves at the next {@link notify}, after `ms`, or at the abort, whichever is first. */
  wait(options: { readonly ms?: number; readonly signal: AbortSignal }): Promise<void>;
}

export function createNotifier(): Notifier {
  const waiting = new Set<() => void>();
  const listeners = new Set<() => void>();
  return {
    notify: () => {
      for (const listener of [...listeners]) listener();
      for (const wake of [...waiting]) wake();
    },
    subscribe: (listener) => {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
    wait: async ({ ms, signal }) =>
      await new Promise<void>((resolve) => {
        if (signal.aborted) {
          resolve();
          return;
        }
        const timer = ms === undefined ? undefined : setTimeout(() => wake(), ms);
        const wake = (): void => {
          clearTimeout(timer);
          waiting.delete(wake);
          signal.removeEventListener('abort', wake);
          resolve();
        };
        waiting.add(wake);
        signal.addEventListener('abort', wake, { once: true });
      }),
  };
}
