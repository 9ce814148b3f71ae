/**
 * A local copy of one type of object, kept current, with indexes and handlers.
 *
 * Invariants (tests cite them):
 * - I1 The copy changes only by what the server said; an object is never half old, half new.
 * - I2 Handlers see every change once and in order, with the object before it; a handler never delays the reading
 *   from the server, nor another handler, and one that throws is reported and goes on with its next change.
 * - I3 What was deleted while the connection was away is told as DELETED with the last known object, and marked.
 * - I4 Between two whole lists no object goes back to an older version, and neither does `resourceVersion`.
 * - I5 An object that a transform or an index cannot take is reported and left as it was; the others go on.
 */
import type { Backoff, Clock } from '@polarstack/base';
import type { ListOptions } from './client.ts';
import { createIndexes, type IndexFunction } from './indexes.ts';
import { type KubeObject, objectKey, type Resource } from './object.ts';
import { createReflector, type ReflectorClient, type ReflectorStats } from './reflector.ts';
import { isOlderVersion } from './retry-watch.ts';
import { tell } from './tell.ts';

export type Change<T> =
  | { readonly type: 'ADDED'; readonly object: T }
  | { readonly type: 'MODIFIED'; readonly object: T; readonly previous: T }
  /** `isStale`: it was missed, and only a list told; `object` is older than what was deleted. */
  | { readonly type: 'DELETED'; readonly object: T; readonly isStale?: true };

export type ChangeHandler<T> = (change: Change<T>) => void | Promise<void>;

export interface InformerOptions<T extends KubeObject, I extends string = never> extends ListOptions {
  readonly client: ReflectorClient;
  readonly resource: Resource<T>;
  /** name -> the values under which an object is found. */
  readonly indexes?: Readonly<Record<I, IndexFunction<T>>>;
  /** What is kept of an object; default: all but `metadata.managedFields`, which nobody reads and fills memory. */
  readonly transform?: (object: T) => T;
  /** Told of broken connections and of handlers that threw. */
  readonly onError?: (error: unknown) => void;
  readonly backoff?: Backoff;
  readonly clock?: Clock;
}

export interface Informer<T extends KubeObject, I extends string = never> {
  readonly resource: Resource<T>;
  /** Reads until the signal aborts; resolves then, and never rejects. Call it once. */
  start(signal: AbortSignal): Promise<void>;
  /** Resolves when the first whole list is in the copy; never, where the signal aborts before that. */
  readonly synced: Promise<void>;
  readonly hasSynced: boolean;
  /** The copy holds everything up to this version; empty before the first list. */
  readonly resourceVersion: string;
  /** By {@link objectKey}: `namespace/name`, or `name` where there is no namespace. */
  get(key: string): T | undefined;
  list(): readonly T[];
  byIndex(index: I, value: string): readonly T[];
  /** Adds a handler; it is told of what is there already as ADDED. Returns what removes it. */
  onChange(handler: ChangeHandler<T>): () => void;
  stats(): ReflectorStats;
}

export function createInformer<T extends KubeObject, I extends string = never>(
  options: InformerOptions<T, I>,
): Informer<T, I> {
  const { resource, transform = withoutManagedFields } = options;
  const onError = (error: unknown): void => tell(() => options.onError?.(error));
  const objects = new Map<string, T>();
  const indexes = createIndexes<T, I>(options.indexes);
  const deliveries = new Set<(change: Change<T>) => void>();
  let hasSynced = false;
  let resourceVersion = '';
  let markSynced: () => void = () => {};
  const synced = new Promise<void>((resolve) => {
    markSynced = resolve;
  });

  function emit(change: Change<T>): void {
    for (const deliver of deliveries) deliver(change);
  }

  function set(received: T): void {
    const object = transform(received);
    const key = objectKey(object);
    const previous = objects.get(key);
    if (previous !== undefined && previous.metadata?.uid !== object.metadata?.uid) {
      // Deleted and made anew under the same name while we were not looking: two objects, not one that changed.
      remove(key, undefined);
      set(received);
      return;
    }
    if (previous !== undefined && previous.metadata?.resourceVersion === object.metadata?.resourceVersion) return;
    // First what may throw (I5).
    indexes.update(key, previous, object);
    objects.set(key, object);
    emit(previous === undefined ? { type: 'ADDED', object } : { type: 'MODIFIED', object, previous });
  }

  /** Without `last` it is only known to be gone. */
  function remove(key: string, last: T | undefined): void {
    const previous = objects.get(key);
    if (previous === undefined) return;
    objects.delete(key);
    indexes.update(key, previous, undefined);
    emit(last === undefined ? { type: 'DELETED', object: previous, isStale: true } : { type: 'DELETED', object: last });
  }

  /** I4: what the server should never send, but one of several may be behind. */
  function isOutdated(object: T): boolean {
    const known = objects.get(objectKey(object))?.metadata;
    const { uid, resourceVersion: version = '' } = object.metadata ?? {};
    return known?.uid === uid && isOlderVersion(version, known?.resourceVersion ?? '');
  }

  function apply(type: 'ADDED' | 'MODIFIED' | 'DELETED', object: T): void {
    if (isOutdated(object)) return;
    if (type !== 'DELETED') set(object);
    else if (objects.get(objectKey(object))?.metadata?.uid === object.metadata?.uid) {
      remove(objectKey(object), transform(object));
    }
  }

  function reporting(work: () => void): void {
    try {
      work();
    } catch (error) {
      onError(error);
    }
  }

  function seen(version: string | undefined): void {
    if (version !== undefined && version !== '' && !isOlderVersion(version, resourceVersion)) resourceVersion = version;
  }

  const reflector = createReflector<T>({
    ...options,
    sink: {
      replace: (items, version) => {
        const kept = new Set(items.map((item) => objectKey(item)));
        for (const key of [...objects.keys()]) if (!kept.has(key)) reporting(() => remove(key, undefined));
        for (const item of items) reporting(() => set(item));
        // A server that was restored may be older than what we saw.
        resourceVersion = version;
        hasSynced = true;
        markSynced();
      },
      apply: (type, object) => {
        reporting(() => apply(type, object));
        seen(object.metadata?.resourceVersion);
      },
      bookmark: seen,
    },
    onError,
  });

  return {
    resource,
    synced,
    get hasSynced() {
      return hasSynced;
    },
    get resourceVersion() {
      return resourceVersion;
    },
    start: async (signal) => await reflector.run(signal),
    get: (key) => objects.get(key),
    list: () => [...objects.values()],
    byIndex: (index, value) => indexes.keys(index, value).flatMap((key) => objects.get(key) ?? []),
    onChange: (handler) => {
      const deliver = createDelivery(handler, onError);
      for (const object of objects.values()) deliver({ type: 'ADDED', object });
      deliveries.add(deliver);
      return () => {
        deliveries.delete(deliver);
      };
    },
    stats: () => reflector.stats(),
  };
}

/** A queue of its own for each handler, emptied outside the read loop (I2). */
function createDelivery<T>(handler: ChangeHandler<T>, onError: (error: unknown) => void): (change: Change<T>) => void {
  let waiting: Change<T>[] = [];
  let draining = false;

  async function drain(): Promise<void> {
    while (waiting.length > 0) {
      const batch = waiting;
      waiting = [];
      for (const change of batch) {
        try {
          await handler(change);
        } catch (error) {
          onError(error);
        }
      }
    }
    draining = false;
  }

  return (change) => {
    waiting.push(change);
    if (draining) return;
    draining = true;
    setImmediate(() => {
      drain().catch(onError);
    });
  };
}

function withoutManagedFields<T extends KubeObject>(object: T): T {
  const metadata = object.metadata;
  if (metadata === undefined || !('managedFields' in metadata)) return object;
  const { managedFields: _, ...kept } = metadata as typeof metadata & { readonly managedFields: unknown };
  return { ...object, metadata: kept };
}
