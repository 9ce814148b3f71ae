import { type Backoff, backoffDelay } from './backoff.ts';
import { type Clock, systemClock } from './clock.ts';
import { isStackError, StackError } from './errors/stack-error.ts';

export interface RetryOptions extends Backoff {
  readonly signal: AbortSignal;
  /** Total time, in milliseconds of the monotonic clock, after which the last error is thrown. */
  readonly deadlineMs?: number;
  /** Default: everything but a {@link StackError} whose code says `never`. */
  readonly isRetryable?: (error: unknown) => boolean;
  readonly onRetry?: (error: unknown, failures: number) => void;
  readonly clock?: Clock;
}

const retryableByDefault = (error: unknown): boolean => !(isStackError(error) && error.retry === 'never');

/** Runs `work` until it succeeds, is not retryable, or the deadline or the signal ends it. */
export async function retry<T>(work: (signal: AbortSignal) => Promise<T>, options: RetryOptions): Promise<T> {
  const { signal, deadlineMs = Number.POSITIVE_INFINITY, isRetryable = retryableByDefault } = options;
  const clock = options.clock ?? systemClock;
  const started = clock.monotonic();
  for (let failures = 0; ; failures++) {
    signal.throwIfAborted();
    try {
      return await work(signal);
    } catch (error) {
      if (signal.aborted || !isRetryable(error)) throw error;
      const pause = backoffDelay(options, failures);
      if (clock.monotonic() - started + pause > deadlineMs) throw error;
      options.onRetry?.(error, failures + 1);
      await clock.sleep(pause, signal);
    }
  }
}

/** Polls `check` until it answers something other than undefined. Throws `Timeout` saying `what` and the last error. */
export async function waitFor<T>(
  what: string,
  check: (signal: AbortSignal) => Promise<T | undefined>,
  options: {
    readonly signal: AbortSignal;
    readonly timeoutMs: number;
    readonly intervalMs?: number;
    readonly clock?: Clock;
  },
): Promise<T> {
  const clock = options.clock ?? systemClock;
  const deadline = clock.monotonic() + options.timeoutMs;
  let last: unknown;
  for (;;) {
    options.signal.throwIfAborted();
    try {
      const answer = await check(options.signal);
      if (answer !== undefined) return answer;
      last = undefined;
    } catch (error) {
      if (options.signal.aborted) throw error;
      last = error;
    }
    if (clock.monotonic() >= deadline) {
      const why = last instanceof Error ? `: ${last.message}` : '';
      throw new StackError('Timeout', `waited ${options.timeoutMs} ms for ${what}${why}`, { cause: last });
    }
    await clock.sleep(options.intervalMs ?? 50, options.signal);
  }
}
