/**
 * Keeps a sink equal to what the server holds: list, then watch from the list's version; list again when the
 * server's history has moved on.
 *
 * Invariants (tests cite them):
 * - F1 It ends only by its signal.
 * - F2 The sink gets a whole list first, and again after every gap; in between every event, in order.
 * - F3 Only a `Gone` makes it list again; any other trouble resumes the watch.
 */
import { type Backoff, backoffDelay, type Clock, isStackError, systemClock } from '@polarstack/base';
import type { KubeClient, ListOptions } from './client.ts';
import type { KubeObject, Resource } from './object.ts';
import { HEALTHY_MS, pause, retryAfterMs, retryWatch, watchBackoff } from './retry-watch.ts';

export interface ReflectorSink<T> {
  /** Everything there is; what is not in `items` is gone. */
  replace(items: readonly T[], resourceVersion: string): void;
  apply(type: 'ADDED' | 'MODIFIED' | 'DELETED', object: T): void;
}

export interface ReflectorOptions<T extends KubeObject> extends ListOptions {
  readonly client: Pick<KubeClient, 'list' | 'watch'>;
  readonly resource: Resource<T>;
  readonly sink: ReflectorSink<T>;
  /** Told of each failed list and broken watch; the reflector goes on. */
  readonly onError?: (error: unknown) => void;
  readonly backoff?: Backoff;
  readonly clock?: Clock;
}

export interface ReflectorStats {
  readonly lists: number;
  readonly watches: number;
  readonly events: number;
  readonly bookmarks: number;
  readonly errors: number;
}

export interface Reflector {
  /** Runs until the signal aborts; resolves then, and never rejects. */
  run(signal: AbortSignal): Promise<void>;
  stats(): ReflectorStats;
}

export function createReflector<T extends KubeObject>(options: ReflectorOptions<T>): Reflector {
  const { client, resource, sink, backoff = watchBackoff, clock = systemClock } = options;
  const { namespace, labelSelector, fieldSelector } = options;
  const selection: ListOptions = {
    ...(namespace === undefined ? {} : { namespace }),
    ...(labelSelector === undefined ? {} : { labelSelector }),
    ...(fieldSelector === undefined ? {} : { fieldSelector }),
  };
  const stats = { lists: 0, watches: 0, events: 0, bookmarks: 0, errors: 0 };

  function report(error: unknown): void {
    stats.errors++;
    options.onError?.(error);
  }

  /** One list and the watches after it, until the history is lost. */
  async function follow(signal: AbortSignal): Promise<void> {
    stats.lists++;
    const { items, resourceVersion } = await client.list(resource, selection, signal);
    sink.replace(items, resourceVersion);
    const watch = retryWatch(
      client,
      resource,
      {
        ...selection,
        resourceVersion,
        backoff,
        clock,
        onError: report,
        onConnect: () => {
          stats.watches++;
        },
      },
      signal,
    );
    for await (const event of watch) {
      if (event.type === 'BOOKMARK') {
        stats.bookmarks++;
      } else {
        stats.events++;
        sink.apply(event.type, event.object);
      }
    }
  }

  return {
    stats: () => ({ ...stats }),
    run: async (signal) => {
      let failures = 0;
      while (!signal.aborted) {
        const started = clock.monotonic();
        try {
          await follow(signal);
        } catch (error) {
          if (signal.aborted) return;
          report(error);
          failures = clock.monotonic() - started >= HEALTHY_MS ? 0 : failures + 1;
          // A single lost history is answered at once; a server that loses it again and again is not hammered.
          const immediate = isStackError(error, 'Gone') && failures <= 1;
          const pauseMs = immediate ? 0 : backoffDelay(backoff, Math.max(0, failures - 1));
          await pause(clock, Math.max(pauseMs, retryAfterMs(error)), signal);
        }
      }
    },
  };
}
