/**
 * A watch that outlives its connections.
 *
 * Invariants (tests cite them):
 * - R1 It ends only by its signal, or by `Gone`: then the versions in between are lost and only a list can tell.
 * - R2 It resumes after the version of the last event or bookmark that it saw, so nothing is missed and nothing is
 *   seen twice, as far as the server keeps its own promise. The version never goes back.
 * - R3 Failing or short-lived connections are paused with growing back-off; five seconds of health reset it.
 */
import { type Backoff, backoffDelay, type Clock, isStackError, systemClock } from '@polarstack/base';
import type { KubeClient, ListOptions, WatchEvent } from './client.ts';
import type { KubeObject, Resource } from './object.ts';

export interface RetryWatchOptions extends ListOptions {
  /** Events after this version. */
  readonly resourceVersion: string;
  readonly backoff?: Backoff;
  /** Told of each connection that broke; the watch goes on. */
  readonly onError?: (error: unknown) => void;
  /** A connection that is open already and has told everything up to `resourceVersion`: the first one. */
  readonly opened?: AsyncIterable<WatchEvent<KubeObject>>;
  /** Told of each connection that is opened. */
  readonly onConnect?: () => void;
  readonly clock?: Clock;
}

export const watchBackoff: Backoff = { baseMs: 50, maxMs: 30_000 };
/** A connection that lived this long was a healthy one. */
export const HEALTHY_MS = 5_000;

export async function* retryWatch<T extends KubeObject>(
  client: Pick<KubeClient, 'watch'>,
  resource: Resource<T>,
  options: RetryWatchOptions,
  signal: AbortSignal,
): AsyncGenerator<WatchEvent<T>> {
  const clock = options.clock ?? systemClock;
  const { backoff = watchBackoff, onError, onConnect, resourceVersion: start, ...selection } = options;
  let first = options.opened as AsyncIterable<WatchEvent<T>> | undefined;
  let resourceVersion = start;
  let failures = 0;
  while (!signal.aborted) {
    const opened = clock.monotonic();
    let pauseMs = 0;
    try {
      onConnect?.();
      const events = first ?? client.watch(resource, { ...listOptions(selection), resourceVersion }, signal);
      first = undefined;
      for await (const event of events) {
        const seen = event.type === 'BOOKMARK' ? event.resourceVersion : event.object.metadata?.resourceVersion;
        if (seen !== undefined && seen !== '' && !isOlderVersion(seen, resourceVersion)) resourceVersion = seen;
        yield event;
      }
    } catch (error) {
      if (signal.aborted) return;
      if (isStackError(error, 'Gone')) throw error;
      onError?.(error);
      pauseMs = retryAfterMs(error);
    }
    failures = clock.monotonic() - opened >= HEALTHY_MS ? 0 : failures + 1;
    if (failures > 0) pauseMs = Math.max(pauseMs, backoffDelay(backoff, failures - 1));
    if (pauseMs > 0) await pause(clock, pauseMs, signal);
  }
}

/**
 * Whether `version` is older than `than`. Versions are numbers of one history on every server there is; others are
 * not compared, and count as newer.
 */
export function isOlderVersion(version: string, than: string): boolean {
  if (!/^\d+$/.test(version) || !/^\d+$/.test(than)) return false;
  return BigInt(version) < BigInt(than);
}

/** What the server asked for with `Retry-After`, in milliseconds. */
export function retryAfterMs(error: unknown): number {
  const seconds = isStackError(error) ? error.details.retryAfterSeconds : undefined;
  return typeof seconds === 'number' ? seconds * 1000 : 0;
}

/** Sleeps, or returns at once when the signal aborts: its caller looks at the signal next. */
export async function pause(clock: Clock, ms: number, signal: AbortSignal): Promise<void> {
  try {
    await clock.sleep(ms, signal);
  } catch (error) {
    if (!signal.aborted) throw error;
  }
}

function listOptions({ namespace, labelSelector, fieldSelector }: ListOptions): ListOptions {
  return {
    ...(namespace === undefined ? {} : { namespace }),
    ...(labelSelector === undefined ? {} : { labelSelector }),
    ...(fieldSelector === undefined ? {} : { fieldSelector }),
  };
}
