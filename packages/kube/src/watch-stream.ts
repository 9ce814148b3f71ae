import { StackError } from '@polarstack/base';
import type { ListOptions, WatchEvent } from './client.ts';
import { lines } from './json-lines.ts';
import type { KubeObject, Resource } from './object.ts';
import { queryString, resourcePath } from './paths.ts';
import { errorFromStatus, errorFromTransport } from './status-error.ts';
import type { Transport } from './transport.ts';

export interface WatchOptions extends ListOptions {
  readonly resourceVersion: string;
  /** When the server is to end the watch. Default 240 to 300 s, at random, so that clients do not come in step. */
  readonly timeoutSeconds?: number;
}

/** How much longer than `timeoutSeconds` the connection may be silent before it is taken for dead, in milliseconds. */
const GRACE_MS = 30_000;

interface RawEvent {
  readonly type: string;
  readonly object: KubeObject;
}

/** One watch connection: see {@link import('./client.ts').KubeClient.watch}. */
export async function* watchOnce<T extends KubeObject>(
  transport: Transport,
  resource: Resource<T>,
  options: WatchOptions,
  signal: AbortSignal,
  graceMs = GRACE_MS,
): AsyncGenerator<WatchEvent<T>> {
  const timeoutSeconds = options.timeoutSeconds ?? 240 + Math.floor(Math.random() * 60);
  const query = queryString({
    watch: true,
    allowWatchBookmarks: true,
    timeoutSeconds,
    resourceVersion: options.resourceVersion,
    labelSelector: options.labelSelector,
    fieldSelector: options.fieldSelector,
  });
  const path = `${resourcePath(resource, { namespace: options.namespace })}${query}`;
  const what = `watch of ${resource.plural}`;
  // A half-open connection says nothing for ever: nobody but this timer would notice.
  const idle = new AbortController();
  const limitMs = timeoutSeconds * 1000 + graceMs;
  const timer = setTimeout(() => idle.abort(), limitMs);
  const linked = AbortSignal.any([signal, idle.signal]);
  try {
    const body = await transport.send({ method: 'GET', path, signal: linked });
    for await (const line of lines(body, () => timer.refresh())) yield toEvent<T>(parse(line, what), what);
  } catch (error) {
    if (signal.aborted) throw signal.reason;
    if (idle.signal.aborted) {
      throw new StackError('ServerTimeout', `${what}: nothing heard from ${transport.server} for ${limitMs} ms`);
    }
    throw errorFromTransport(error, transport.server, what);
  } finally {
    clearTimeout(timer);
    // Where the reader stops early, the connection must not stay behind.
    idle.abort();
  }
}

function parse(line: string, what: string): RawEvent {
  try {
    return JSON.parse(line) as RawEvent;
  } catch (error) {
    throw new StackError('ApiError', `${what}: the server sent a line that is not JSON`, { cause: error });
  }
}

function toEvent<T extends KubeObject>(event: RawEvent, what: string): WatchEvent<T> {
  switch (event.type) {
    case 'ADDED':
    case 'MODIFIED':
    case 'DELETED':
      return { type: event.type, object: event.object as T };
    case 'BOOKMARK':
      return { type: 'BOOKMARK', resourceVersion: event.object.metadata?.resourceVersion ?? '' };
    case 'ERROR':
      throw errorFromStatus(event.object, what);
    default:
      throw new StackError('ApiError', `${what}: unknown event type ${JSON.stringify(event.type)}`);
  }
}
