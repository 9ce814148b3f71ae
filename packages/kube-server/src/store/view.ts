import { type Logger, StackError } from '@polarstack/base';
import { createHistory, type HistoryLimit } from './history.ts';
import type { StoredObject, StoreEvent } from './object-store.ts';
import { createSortedKeys } from './sorted-keys.ts';

/** An effect that is durable: what a record of the log says. */
export interface Change {
  readonly op: 'put' | 'delete';
  readonly key: string;
  readonly revision: number;
  readonly object: StoredObject;
  /** Size of the record in the log. */
  readonly bytes: number;
}

export interface Entry {
  readonly key: string;
  readonly object: StoredObject;
}

/**
 * What the world may see: the durable state, the window of past events, and who is told of new ones.
 *
 * It owns nothing on disk and knows nothing of pending transactions; only durable changes reach {@link View.apply}.
 *
 * - V1 State, history and revision change together, before the first listener hears of it: a listener that reads or
 *   subscribes sees the whole batch.
 * - V2 A subscription is told the history up to the revision at which it begins, and later only of what is newer: one
 *   that begins in the middle of a batch is not told of the rest of it twice. (S4)
 * - V3 Objects are shared, never copied: nobody may change one.
 */
export interface View {
  readonly revision: number;
  readonly oldestRevision: number;
  readonly size: number;
  get(key: string): StoredObject | undefined;
  list(prefix: string): readonly Entry[];
  /** Replaces everything by the given state, whose past is unknown. */
  reset(entries: Iterable<Entry>, revision: number): void;
  /** Moves on to a revision with an unchanged state; what may have happened in between cannot be told (S3). */
  skipTo(revision: number): void;
  /** Makes changes visible, in order; `revision` is the state's revision afterwards. */
  apply(changes: readonly Change[], revision: number): void;
  subscribe(prefix: string, fromRevision: number, listener: (event: StoreEvent) => void): () => void;
  /** Ends every subscription. */
  close(): void;
}

interface Subscription {
  readonly prefix: string;
  readonly listener: (event: StoreEvent) => void;
  /** The revision up to which history was told when it began. */
  readonly since: number;
}

export function createView(limit: HistoryLimit, logger: Logger): View {
  const objects = new Map<string, Entry>();
  let keys = createSortedKeys();
  const history = createHistory(limit);
  const subscriptions = new Set<Subscription>();
  let revision = 0;

  const set = (entry: Entry) => {
    if (!objects.has(entry.key)) keys.add(entry.key);
    objects.set(entry.key, entry);
  };

  const change = ({ op, key, revision: at, object, bytes }: Change): StoreEvent | undefined => {
    const previous = objects.get(key)?.object;
    if (op === 'put') set({ key, object });
    else if (objects.delete(key)) keys.remove(key);
    else return undefined;
    const type = op === 'delete' ? 'DELETED' : previous ? 'MODIFIED' : 'ADDED';
    const event: StoreEvent = { type, key, revision: at, object, ...(previous && { previous }) };
    history.push(event, bytes);
    return event;
  };

  const tell = (listener: (event: StoreEvent) => void, event: StoreEvent) => {
    try {
      listener(event);
    } catch (error) {
      // A watcher's defect must not keep the others, or the writer, from hearing what is already durable.
      logger.error({ err: error, revision: event.revision, object: event.key }, 'a listener of the store failed');
    }
  };

  return {
    get revision() {
      return revision;
    },
    get oldestRevision() {
      return history.oldestRevision;
    },
    get size() {
      return objects.size;
    },
    get: (key) => objects.get(key)?.object,
    list(prefix) {
      const found: Entry[] = [];
      keys.each(prefix, (key) => found.push(objects.get(key) as Entry));
      return found;
    },
    reset(entries, at) {
      objects.clear();
      keys = createSortedKeys();
      for (const entry of entries) set(entry);
      revision = at;
      history.restart(at);
    },
    skipTo(at) {
      revision = at;
      history.restart(at);
    },
    apply(changes, at) {
      const events: StoreEvent[] = [];
      for (const one of changes) {
        const event = change(one);
        if (event) events.push(event);
      }
      revision = at;
      for (const event of events) {
        for (const { prefix, since, listener } of subscriptions) {
          if (event.revision > since && event.key.startsWith(prefix)) tell(listener, event);
        }
      }
    },
    subscribe(prefix, fromRevision, listener) {
      if (fromRevision < history.oldestRevision || fromRevision > revision) {
        // A revision from the future is a past that is not ours: the caller watched another life of this folder.
        throw new StackError('Gone', `no watch can start at revision ${fromRevision}`, {
          details: { oldestRevision: history.oldestRevision, revision },
        });
      }
      for (const event of history.after(fromRevision)) if (event.key.startsWith(prefix)) tell(listener, event);
      const subscription: Subscription = { prefix, listener, since: revision };
      subscriptions.add(subscription);
      return () => {
        subscriptions.delete(subscription);
      };
    },
    close() {
      subscriptions.clear();
    },
  };
}
