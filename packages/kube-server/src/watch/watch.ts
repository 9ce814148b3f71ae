/**
 * One watch connection.
 *
 * - W1 The client sees every change of its selection after its start version once, in order; an object that enters or
 *   leaves the selection appears as ADDED or DELETED.
 * - W2 A bookmark carries a version up to which everything was already written to the connection.
 * - W3 A client that does not read is cut off when more than `maxBufferedBytes` wait for it, or too much for all
 *   clients together; it lists again.
 * - W4 A DELETED event carries the object as it was before (with its finalizers; before it left the selection), at the
 *   version of the event.
 * - W5 What is there at the start is written as the client takes it, so that it costs no memory however much it is; what
 *   happens meanwhile is told from the history after it.
 * - W6 A version that is forgotten, or whose state did not come in time, is told as an ERROR event: the client lists again.
 * - W7 Who asks for what comes after a version that is still to come hears nothing until then, not even a bookmark.
 */
import { isStackError } from '@polarstack/base';
import type { Rendering } from '../http/negotiate.ts';
import { type ApiError, errors } from '../http/status.ts';
import { type JsonObject, stringAt } from '../json.ts';
import { present } from '../operations/convert.ts';
import type { Environment } from '../operations/environment.ts';
import { readWatchOptions, type WatchOptions } from '../operations/list-options.ts';
import { prefixOf, type ResourceDefinition } from '../registry/definition.ts';
import type { StoredObject, StoreEvent } from '../store/object-store.ts';
import { includeObject, partialMetadata, table } from '../table/table.ts';
import { bookmarkOf } from './bookmark.ts';
import type { WatchBudget } from './budget.ts';
import { type EventType, type LastText, lineOf } from './lines.ts';
import type { WatchSink } from './sink.ts';
import { createWatchStream, type WatchStream } from './stream.ts';

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

const MIN_TIMEOUT_S = 1800;

/** How long a version that is still to come is waited for, as Kubernetes does for lists. */
const PATIENCE_MS = 3_000;

/** Reads and judges the query (throws 400, 410, 422 or 500), then opens the connection and serves the watch on it. */
export function serveWatch(
  env: Environment,
  request: WatchRequest,
  openSink: () => WatchSink,
  limits: WatchLimits,
  texts: LastText,
  signal: AbortSignal,
): void {
  const { definition, namespace, query, rendering } = request;
  const { store } = env;
  const options = readWatchOptions(definition, query);
  const { selected, version, wantsBookmarks } = options;
  const start = startOf(options);
  const timeoutMs = (options.timeoutSeconds ?? MIN_TIMEOUT_S * (1 + Math.random())) * 1000;
  const prefix = prefixOf(definition, namespace);
  const show = renderer(env, request);
  const stream = createWatchStream(openSink(), limits.maxBufferedBytes, limits.budget, (buffered) =>
    env.logger.warn({ resource: definition.plural, buffered }, 'a watcher does not read and is cut off'),
  );

  const send = (type: EventType, stored: StoredObject, shown: Readonly<JsonObject>): void => {
    // One object is no list: as in Kubernetes the watch opens, and ends with its first event.
    if (rendering === 'partialList') stream.end();
    const isShared = rendering === 'object' && shown === (stored as unknown);
    stream.write(isShared ? texts.line(type, stored) : lineOf(type, show(shown)));
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

  const bookmark = (revision: number, annotations?: Readonly<JsonObject>): void => {
    if (start !== 'state' && version !== undefined && revision < version) return; // W7
    const object = bookmarkOf(definition, revision, annotations);
    stream.write(lineOf('BOOKMARK', show(object)));
  };

  const fail = (error: ApiError): void => stream.end(lineOf('ERROR', error.status));

  const follow = (after: number): void => {
    const onLater = (event: StoreEvent): void => {
      if (event.revision > after) onEvent(event); // W7
    };
    try {
      stream.onOver(
        store.subscribe(prefix, Math.min(after, store.revision), after > store.revision ? onLater : onEvent),
      );
    } catch (error) {
      if (!isStackError(error) || error.code !== 'Gone') throw error;
      fail(errors.expired(`too old resource version: ${after} (${store.oldestRevision})`)); // W6
    }
  };

  /** W5. */
  const tellState = async (): Promise<void> => {
    const { revision } = store;
    for (const { object } of store.list(prefix)) {
      const shown = present(definition, object);
      if (selected && !selected(shown)) continue;
      send('ADDED', object, shown);
      const waits = stream.taken();
      if (waits) await waits;
      if (stream.isOver) return;
    }
    follow(revision);
    if (wantsBookmarks) bookmark(store.revision, { 'k8s.io/initial-events-end': 'true' });
  };

  const begin = async (): Promise<void> => {
    if (start === 'state') {
      if (version === undefined || version <= store.revision || (await reaches(env, prefix, version, stream))) {
        await tellState();
      } else fail(errors.tooLargeVersion(version, store.revision)); // W6
    } else follow(start === 'now' ? store.revision : start);
    stream.begun();
    startBookmarks();
  };

  const startBookmarks = (): void => {
    if (!wantsBookmarks || stream.isOver) return;
    // W2: listeners run before the revision moves on.
    const timer = setInterval(() => bookmark(store.revision), limits.bookmarkMs);
    stream.onOver(() => clearInterval(timer));
    hasBegun = true;
  };

  let hasBegun = false;
  const end = (): void => {
    if (hasBegun && !stream.isOver) bookmark(store.revision);
    stream.end();
  };
  limits.onWatch(1);
  const timer = setTimeout(end, timeoutMs);
  signal.addEventListener('abort', end, { once: true });
  stream.onOver(() => {
    limits.onWatch(-1);
    clearTimeout(timer);
    signal.removeEventListener('abort', end);
  });
  begin().catch((error: unknown) => {
    env.logger.error({ err: error, resource: definition.plural }, 'a watch failed');
    fail(errors.internal('the watch failed for a reason that the log of the server tells'));
  });
}

/** `state` for all that is there, `now` for what comes, else the version after which the watch begins. */
function startOf({ version = 0, sendInitialEvents }: WatchOptions): 'state' | 'now' | number {
  if (sendInitialEvents === true) return 'state';
  if (version > 0) return version;
  return sendInitialEvents === false ? 'now' : 'state';
}

/** Whether the store reaches a version while the client may wait for it. */
function reaches({ store }: Environment, prefix: string, version: number, stream: WatchStream): Promise<boolean> {
  return new Promise((resolve) => {
    const done = (isReached: boolean): void => {
      stop();
      clearTimeout(timer);
      resolve(isReached);
    };
    const stop = store.subscribe(prefix, store.revision, () => {
      if (store.revision >= version) done(true);
    });
    const timer = setTimeout(() => done(store.revision >= version), PATIENCE_MS);
    stream.onOver(() => done(false));
  });
}

/** Objects in the form in which the client wants them; a table names its columns once. */
function renderer(env: Environment, { definition, query, rendering }: WatchRequest) {
  const include = includeObject(query.get('includeObject'));
  let isFirst = true;
  return (object: Readonly<JsonObject>): unknown => {
    if (rendering === 'object') return object;
    if (rendering !== 'table') return partialMetadata(object);
    const metadata = { resourceVersion: stringAt(object, 'metadata', 'resourceVersion') };
    const shown = table(definition, [object], metadata, include, env.clock.now());
    if (!isFirst) return { ...shown, columnDefinitions: null };
    isFirst = false;
    return shown;
  };
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
