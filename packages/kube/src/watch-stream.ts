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

export interface WatchLimits {
  /**
   * Longest silence of a watch, in milliseconds. Servers send a bookmark every minute; a connection that says less is
   * taken for half-open: nobody but this limit would notice.
   */
  readonly silenceMs: number;
  /** Longest silence before the end of the initial events. */
  readonly initialSilenceMs: number;
}

export const defaultWatchLimits: WatchLimits = { silenceMs: 90_000, initialSilenceMs: 15_000 };

const INITIAL_EVENTS_END = 'k8s.io/initial-events-end';

interface RawEvent {
  readonly type: string;
  readonly object: KubeObject;
}

/** One watch connection: see {@link import('./client.ts').KubeClient.watch}. */
export function watchOnce<T extends KubeObject>(
  transport: Transport,
  resource: Resource<T>,
  { resourceVersion, timeoutSeconds, ...options }: WatchOptions,
  signal: AbortSignal,
  limits: WatchLimits = defaultWatchLimits,
): AsyncGenerator<WatchEvent<T>> {
  return stream(transport, resource, options, { resourceVersion, timeoutSeconds }, signal, limits);
}

/** A watch that begins with everything there is: see {@link import('./create-client.ts').KubeHttpClient.watchList}. */
export function watchFromStart<T extends KubeObject>(
  transport: Transport,
  resource: Resource<T>,
  options: ListOptions,
  signal: AbortSignal,
  limits: WatchLimits = defaultWatchLimits,
): AsyncGenerator<WatchEvent<T>> {
  const initial = { sendInitialEvents: true, resourceVersionMatch: 'NotOlderThan' };
  return stream(transport, resource, options, initial, signal, limits);
}

interface StreamQuery {
  readonly resourceVersion?: string;
  readonly timeoutSeconds?: number | undefined;
  readonly sendInitialEvents?: boolean;
  readonly resourceVersionMatch?: string;
}

async function* stream<T extends KubeObject>(
  transport: Transport,
  resource: Resource<T>,
  { namespace, labelSelector, fieldSelector }: ListOptions,
  query: StreamQuery,
  signal: AbortSignal,
  { silenceMs, initialSilenceMs }: WatchLimits,
): AsyncGenerator<WatchEvent<T>> {
  const { timeoutSeconds = 240 + Math.floor(Math.random() * 60) } = query;
  const parameters = queryString({
    watch: true,
    allowWatchBookmarks: true,
    ...query,
    timeoutSeconds,
    labelSelector,
    fieldSelector,
  });
  const path = `${resourcePath(resource, { namespace })}${parameters}`;
  const what = `watch of ${resource.plural}`;
  let isInitial = query.sendInitialEvents === true;
  const silent = new AbortController();
  const linked = AbortSignal.any([signal, silent.signal]);
  const startTimer = (): NodeJS.Timeout => setTimeout(() => silent.abort(), isInitial ? initialSilenceMs : silenceMs);
  let timer: NodeJS.Timeout | undefined;
  try {
    // The head of the answer has a limit of its own.
    const body = await transport.send({ method: 'GET', path, signal: linked });
    timer = startTimer();
    for await (const line of lines(body, () => timer?.refresh())) {
      const event = toEvent<T>(parse(line, what), what);
      if (event.type === 'BOOKMARK' && event.initialEnd === true) {
        isInitial = false;
        clearTimeout(timer);
        timer = startTimer();
      }
      yield event;
    }
  } catch (error) {
    if (signal.aborted) throw signal.reason;
    if (!silent.signal.aborted) throw errorFromTransport(error, transport.server, what);
    // Whoever reads goes on with another connection, from the last version: that is no trouble yet.
    if (!isInitial) return;
    throw new StackError('ServerTimeout', `${what}: ${transport.server} did not end its initial events`, {
      details: { initialEvents: true },
    });
  } finally {
    clearTimeout(timer);
    // Where the reader stops early, the connection must not stay behind.
    silent.abort();
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
      return {
        type: 'BOOKMARK',
        resourceVersion: event.object.metadata?.resourceVersion ?? '',
        ...(event.object.metadata?.annotations?.[INITIAL_EVENTS_END] === 'true' ? { initialEnd: true } : {}),
      };
    case 'ERROR':
      throw errorFromStatus(event.object, what);
    default:
      throw new StackError('ApiError', `${what}: unknown event type ${JSON.stringify(event.type)}`);
  }
}
