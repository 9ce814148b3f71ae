import type { StoreEvent } from './object-store.ts';

/** How much of the past is kept for watches that resume; whichever bound is reached first drops the oldest event. */
export interface HistoryLimit {
  /** Number of events. */
  readonly events: number;
  /** Sum of the events' stored sizes, in bytes. An event's `previous` is not counted: it usually is an older event's object. */
  readonly bytes: number;
}

export const defaultHistoryLimit: HistoryLimit = { events: 10_000, bytes: 16 * 1024 * 1024 };

/** The newest events, oldest first, and the revision from which they are complete. */
export interface History {
  /** Every event after this revision is still here. */
  readonly oldestRevision: number;
  push(event: StoreEvent, bytes: number): void;
  /** Forgets everything: what happened up to `revision` can no longer be told. */
  restart(revision: number): void;
  /** Events after `revision`, in order. */
  after(revision: number): readonly StoreEvent[];
}

export function createHistory(limit: HistoryLimit): History {
  let events: StoreEvent[] = [];
  let sizes: number[] = [];
  let head = 0;
  let bytes = 0;
  let oldestRevision = 0;

  const dropOldest = () => {
    oldestRevision = (events[head] as StoreEvent).revision;
    bytes -= sizes[head] as number;
    head++;
    // Dropping from the front of an array moves the rest; doing it once per thousand keeps a drop cheap.
    if (head >= 1024 && head * 2 >= events.length) {
      events = events.slice(head);
      sizes = sizes.slice(head);
      head = 0;
    }
  };

  return {
    get oldestRevision() {
      return oldestRevision;
    },
    push(event, size) {
      events.push(event);
      sizes.push(size);
      bytes += size;
      while (events.length > head && (events.length - head > limit.events || bytes > limit.bytes)) dropOldest();
    },
    restart(revision) {
      events = [];
      sizes = [];
      head = 0;
      bytes = 0;
      oldestRevision = revision;
    },
    after(revision) {
      let low = head;
      let high = events.length;
      while (low < high) {
        const middle = (low + high) >>> 1;
        if ((events[middle] as StoreEvent).revision <= revision) low = middle + 1;
        else high = middle;
      }
      return events.slice(low);
    },
  };
}
