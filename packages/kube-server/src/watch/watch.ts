/**
 * One watch connection.
 *
 * - W1 The client sees every change of its selection after its start version once, in order; an object that enters or
 *   leaves the selection appears as ADDED or DELETED.
 * - W2 A bookmark carries a version up to which everything was already written to the connection.
 * - W4 A DELETED event carries the object as it was before (with its finalizers; before it left the selection), at the
 *   version of the event.
 * - W3 A client that does not read is cut off when more than `maxBufferedBytes` wait for it, or too much for all
 *   clients together; it lists again.
 */
import type { ServerResponse } from 'node:http';
import { isStackError } from '@polarstack/base';
import { fieldError } from '../http/field-error.ts';
import type { Rendering } from '../http/negotiate.ts';
import { errors } from '../http/status.ts';
import type { JsonObject } from '../json.ts';
import { present } from '../operations/convert.ts';
import type { Environment } from '../operations/environment.ts';
import { readVersion, selectorOf } from '../operations/list.ts';
import { prefixOf, type ResourceDefinition } from '../registry/definition.ts';
import type { StoredObject, StoreEvent } from '../store/object-store.ts';
import { includeObject, partialMetadata, table } from '../table/table.ts';
import type { WatchBudget } from './budget.ts';
import { createWatchStream } from './stream.ts';

export interface WatchRequest {
  readonly definition: ResourceDefinition;
  readonly namespace: string | undefined;
  readonly query: URLSearchParams;
  readonly rendering: Rendering;
}

export interface WatchLimits {
  readonly maxBufferedBytes: number;
  /** Bounds what waits for all watches of the server. */
  readonly budget: WatchBudget;
  readonly bookmarkMs: number;
  /** Told +1 when a watch opens and -1 when it ends. */
  readonly onWatch: (change: 1 | -1) => void;
}

type EventType = 'ADDED' | 'MODIFIED' | 'DELETED';

const MIN_TIMEOUT_S = 1800;

export function refuseInitialEvents(query: URLSearchParams): void {
  if (query.get('sendInitialEvents') === null) return;
  throw errors.invalid({ group: 'meta.k8s.io', kind: 'ListOptions' }, '', [
    fieldError.forbidden(
      'sendInitialEvents',
      'sendInitialEvents is forbidden for watch unless the WatchList feature gate is enabled',
    ),
  ]);
}

function readTimeout(query: URLSearchParams): number {
  const text = query.get('timeoutSeconds');
  if (text === null || text === '' || text === '0') return MIN_TIMEOUT_S * (1 + Math.random());
  if (!/^\d+$/.test(text)) throw errors.badRequest(`timeoutSeconds "${text}" is not a whole number`);
  return Math.min(Number(text), 24 * 3600);
}

/**
 * The line of the object that was shown last. All watchers hear of an event one after the other, so this one is enough
 * for the line to be made once for all of them, and to wait as one piece of memory for all who read late; it costs
 * nothing for objects at rest.
 */
export interface LastText {
  line(type: EventType, object: object): Uint8Array;
  /** The object of an event as it was before, at the version of the event. */
  last(event: StoreEvent): StoredObject;
}

const lineOf = (type: EventType, object: unknown): string => `{"type":"${type}","object":${JSON.stringify(object)}}\n`;

export function createLastText(): LastText {
  let last: { readonly object: object; readonly type: EventType; readonly line: Uint8Array } | undefined;
  let gone: { readonly event: StoreEvent; readonly object: StoredObject } | undefined;
  return {
    last: (event) => {
      if (gone?.event !== event) {
        const { object, previous = object } = event;
        const metadata = { ...previous.metadata, resourceVersion: object.metadata.resourceVersion };
        gone = { event, object: { ...previous, metadata } };
      }
      return gone.object;
    },
    line: (type, object) => {
      if (last?.object !== object || last.type !== type) {
        last = { object, type, line: Buffer.from(lineOf(type, object)) };
      }
      return last.line;
    },
  };
}

export function serveWatch(
  env: Environment,
  request: WatchRequest,
  response: ServerResponse,
  limits: WatchLimits,
  texts: LastText,
  signal: AbortSignal,
): void {
  const { definition, namespace, query, rendering } = request;
  refuseInitialEvents(query);
  const selected = selectorOf(definition, query);
  const version = readVersion(query, true);
  const timeoutMs = readTimeout(query) * 1000;
  const wantsBookmarks = query.get('allowWatchBookmarks') === 'true';
  const include = includeObject(query.get('includeObject'));
  const prefix = prefixOf(definition, namespace);
  if (version !== undefined && version > env.store.revision) throw errors.tooLargeVersion(version, env.store.revision);

  const render = (object: Readonly<JsonObject>): unknown => {
    switch (rendering) {
      case 'object':
        return object;
      case 'partial':
        return partialMetadata(object);
      case 'table':
        return table(definition, [object], {}, include, env.clock.now());
    }
  };

  const send = (type: EventType, stored: StoredObject, shown: Readonly<JsonObject>): void => {
    const isShared = rendering === 'object' && shown === (stored as unknown);
    stream.write(isShared ? texts.line(type, stored) : lineOf(type, render(shown)));
  };

  const onEvent = (event: StoreEvent): void => {
    const shown = present(definition, event.object);
    const matches = !selected || selected(shown);
    const matched = event.previous !== undefined && (!selected || selected(present(definition, event.previous)));
    const type = eventType(event.type, matches, matched); // W1
    if (type === 'DELETED') send(type, ...lastState(event, shown));
    else if (type) send(type, event.object, shown);
  };

  /** W4. */
  const lastState = (event: StoreEvent, shown: Readonly<JsonObject>): readonly [StoredObject, Readonly<JsonObject>] => {
    if (event.previous === undefined) return [event.object, shown];
    const last = texts.last(event);
    return [last, present(definition, last)];
  };

  const begin = (): (() => void) => {
    if (version !== undefined && version > 0) return env.store.subscribe(prefix, version, onEvent);
    for (const { object } of env.store.list(prefix)) {
      const shown = present(definition, object);
      if (!selected || selected(shown)) send('ADDED', object, shown);
    }
    return env.store.subscribe(prefix, env.store.revision, onEvent);
  };

  if (version !== undefined && version > 0 && version < env.store.oldestRevision) {
    throw errors.expired(`too old resource version: ${version} (${env.store.oldestRevision})`);
  }
  const stream = createWatchStream(response, limits.maxBufferedBytes, limits.budget, (buffered) =>
    env.logger.warn({ resource: definition.plural, buffered }, 'a watcher does not read and is cut off'),
  );
  limits.onWatch(1);
  stream.onOver(() => limits.onWatch(-1));
  try {
    stream.onOver(begin());
    stream.begun();
  } catch (error) {
    if (!isStackError(error) || error.code !== 'Gone') throw error;
    const { status } = errors.expired(`too old resource version: ${version ?? 0} (${env.store.oldestRevision})`);
    stream.end(`${JSON.stringify({ type: 'ERROR', object: status })}\n`);
    return;
  }

  const bookmark = (): void => {
    const metadata = { resourceVersion: String(env.store.revision) };
    const object = { kind: definition.kind, apiVersion: definition.apiVersion, metadata };
    const shown =
      rendering === 'table'
        ? table(definition, [], { resourceVersion: metadata.resourceVersion }, include, env.clock.now())
        : object;
    stream.write(`${JSON.stringify({ type: 'BOOKMARK', object: shown })}\n`); // W2: listeners run before the revision moves on
  };
  const bookmarks = wantsBookmarks ? setInterval(bookmark, limits.bookmarkMs) : undefined;
  const end = (): void => {
    if (wantsBookmarks) bookmark();
    stream.end();
  };
  const timer = setTimeout(end, timeoutMs);
  signal.addEventListener('abort', end, { once: true });
  stream.onOver(() => {
    clearTimeout(timer);
    clearInterval(bookmarks);
    signal.removeEventListener('abort', end);
  });
}

function eventType(type: EventType, matches: boolean, matched: boolean): EventType | undefined {
  switch (type) {
    case 'ADDED':
      return matches ? 'ADDED' : undefined;
    case 'DELETED':
      return matches || matched ? 'DELETED' : undefined;
    case 'MODIFIED':
      if (matches) return matched ? 'MODIFIED' : 'ADDED';
      return matched ? 'DELETED' : undefined;
  }
}
