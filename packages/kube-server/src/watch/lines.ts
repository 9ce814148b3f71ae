import type { StoredObject, StoreEvent } from '../store/object-store.ts';

export type EventType = 'ADDED' | 'MODIFIED' | 'DELETED';

/**
 * The line of the object that was shown last. All watchers hear of an event one after the other, so this one is enough
 * for the line to be made once for all of them, and to wait as one piece of memory for all who read late; it costs
 * nothing for objects at rest.
 */
export interface LastText {
  line(type: EventType, object: object): SharedLine;
  /** The object of an event as it was before, at the version of the event. */
  last(event: StoreEvent): StoredObject;
}

/** A line that many connections write: its bytes are kept, not copied, while they wait. */
export interface SharedLine {
  readonly bytes: Uint8Array;
  /** The same as a chunk of HTTP/1.1, with its size before and its end behind. */
  readonly chunk: Uint8Array;
}

export function sharedLine(text: string): SharedLine {
  const length = Buffer.byteLength(text);
  const size = `${length.toString(16)}\r\n`;
  const chunk = Buffer.from(`${size}${text}\r\n`);
  return { chunk, bytes: chunk.subarray(size.length, size.length + length) };
}

export const lineOf = (type: EventType | 'BOOKMARK' | 'ERROR', object: unknown): string =>
  `{"type":"${type}","object":${JSON.stringify(object)}}\n`;

export function createLastText(): LastText {
  let last: { readonly object: object; readonly type: EventType; readonly line: SharedLine } | undefined;
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
        last = { object, type, line: sharedLine(lineOf(type, object)) };
      }
      return last.line;
    },
  };
}
