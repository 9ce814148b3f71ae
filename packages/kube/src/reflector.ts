/**
 * Keeps a sink equal to what the server holds: everything first, then every change; everything again when the server's
 * history has moved on. Where the server serves it, everything comes as the beginning of the watch itself (one stream,
 * no list built in the server's memory), else as a list in pages.
 *
 * Invariants (tests cite them):
 * - F1 It ends only by its signal.
 * - F2 The sink gets a whole list first, and again after every gap; in between every event, in order.
 * - F3 Only a `Gone` makes it list again; any other trouble resumes the watch.
 * - F4 A server that refuses, or does not end, a watch that begins with everything is never asked for one again.
 */
import { type Backoff, backoffDelay, type Clock, isStackError, StackError, systemClock } from '@polarstack/base';
import type { KubeClient, ListOptions, WatchEvent } from './client.ts';
import type { KubeHttpClient } from './create-client.ts';
import { type KubeObject, objectKey, type Resource } from './object.ts';
import { HEALTHY_MS, pause, retryAfterMs, retryWatch, watchBackoff } from './retry-watch.ts';

export interface ReflectorSink<T> {
  /** Everything there is; what is not in `items` is gone. */
  replace(items: readonly T[], resourceVersion: string): void;
  apply(type: 'ADDED' | 'MODIFIED' | 'DELETED', object: T): void;
  /** Everything up to this version has been told. */
  bookmark?(resourceVersion: string): void;
}

/** What a reflector asks of a client; one that cannot watch from the start is asked for lists. */
export type ReflectorClient = Pick<KubeClient, 'list' | 'watch'> & Partial<Pick<KubeHttpClient, 'watchList'>>;

export interface ReflectorOptions<T extends KubeObject> extends ListOptions {
  readonly client: ReflectorClient;
  readonly resource: Resource<T>;
  readonly sink: ReflectorSink<T>;
  /** Told of each failed list and broken watch; the reflector goes on. */
  readonly onError?: (error: unknown) => void;
  readonly backoff?: Backoff;
  readonly clock?: Clock;
}

export interface ReflectorStats {
  /** How often everything was read, in whichever way. */
  readonly lists: number;
  /** How often of these as the beginning of a watch. */
  readonly streamed: number;
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
  const stats = { lists: 0, streamed: 0, watches: 0, events: 0, bookmarks: 0, errors: 0 };

  let streams = client.watchList !== undefined;

  function report(error: unknown): void {
    stats.errors++;
    options.onError?.(error);
  }

  /** Everything there is as the beginning of a watch; undefined where the server does not serve that (F4). */
  async function readStream(signal: AbortSignal): Promise<Beginning<T> | undefined> {
    if (client.watchList === undefined) return undefined;
    const rest = client.watchList(resource, selection, signal)[Symbol.asyncIterator]();
    try {
      const items = new Map<string, T>();
      for (;;) {
        const { done, value: event } = await rest.next();
        if (done === true) throw new StackError('ApiUnreachable', `the watch of ${resource.plural} ended too early`);
        if (event.type === 'BOOKMARK') {
          if (event.initialEnd !== true) continue;
          stats.streamed++;
          return {
            items: [...items.values()],
            resourceVersion: event.resourceVersion,
            opened: { [Symbol.asyncIterator]: () => rest },
          };
        }
        if (event.type === 'DELETED') items.delete(objectKey(event.object));
        else items.set(objectKey(event.object), event.object);
      }
    } catch (error) {
      await rest.return?.();
      if (signal.aborted || !isRefusal(error)) throw error;
      streams = false;
      return undefined;
    }
  }

  /** Everything once, and the watches after it, until the history is lost. */
  async function follow(signal: AbortSignal): Promise<void> {
    stats.lists++;
    const begun = streams ? await readStream(signal) : undefined;
    const { items, resourceVersion, opened }: Beginning<T> = begun ?? (await client.list(resource, selection, signal));
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
        ...(opened === undefined ? {} : { opened }),
        onConnect: () => {
          stats.watches++;
        },
      },
      signal,
    );
    for await (const event of watch) {
      if (event.type === 'BOOKMARK') {
        stats.bookmarks++;
        sink.bookmark?.(event.resourceVersion);
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

interface Beginning<T> {
  readonly items: readonly T[];
  readonly resourceVersion: string;
  /** The watch that goes on from there, where it is open already. */
  readonly opened?: AsyncIterable<WatchEvent<T>>;
}

/** The answers of servers that know no initial events, or have them switched off. */
function isRefusal(error: unknown): boolean {
  if (!isStackError(error)) return false;
  if (error.code === 'ServerTimeout') return error.details.initialEvents === true;
  return error.code === 'Invalid' || error.code === 'BadRequest' || error.code === 'Forbidden';
}
