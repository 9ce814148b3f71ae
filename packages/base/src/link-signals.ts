/** Work that ends with the first of several signals, or when its time is over. */
export interface LinkedSignal {
  readonly signal: AbortSignal;
  /** Aborts the signal, unless it is, and lets go of the sources and the timer. To be called in any case. */
  end(reason?: unknown): void;
}

const ended = new DOMException('the work is over', 'AbortError');

/**
 * A signal that aborts with the first of `sources`, with its reason, or after `timeoutMs` milliseconds (default: never)
 * with a `TimeoutError`.
 *
 * Not `AbortSignal.any([signal, AbortSignal.timeout(ms)])`: in Node 20 a composite holds its sources weakly, so a
 * time-out that nobody else holds is collected as garbage and never comes. And each composite leaves a trace in a
 * long-lived source.
 */
export function linkSignals(sources: readonly AbortSignal[], timeoutMs?: number): LinkedSignal {
  const own = new AbortController();
  let timer: NodeJS.Timeout | undefined;
  const listeners = sources.map((source) => [source, (): void => end(source.reason)] as const);

  // Made once: an error with its stack for each piece of work that ends well costs more than the rest of this.
  function end(reason: unknown = ended): void {
    clearTimeout(timer);
    for (const [source, listener] of listeners) source.removeEventListener('abort', listener);
    own.abort(reason);
  }

  for (const [source, listener] of listeners) source.addEventListener('abort', listener, { once: true });
  const aborted = sources.find((source) => source.aborted);
  if (aborted) end(aborted.reason);
  else if (timeoutMs !== undefined) {
    timer = setTimeout(() => end(new DOMException(`not done within ${timeoutMs} ms`, 'TimeoutError')), timeoutMs);
  }
  return { signal: own.signal, end };
}

/** Runs `work` with a signal that aborts with `signal`, or after `ms` milliseconds with a `TimeoutError`. */
export async function withDeadline<T>(
  ms: number,
  signal: AbortSignal,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  signal.throwIfAborted();
  const linked = linkSignals([signal], ms);
  try {
    return await work(linked.signal);
  } finally {
    linked.end();
  }
}
