import type { ServerResponse } from 'node:http';
import type { WatchBudget } from './budget.ts';

/** The writing side of a watch connection. */
export interface WatchStream {
  /** Bytes may be shared with other streams: they are kept, not copied, while they wait. */
  write(text: string | Uint8Array): void;
  /** Called when what the client asked to begin with is written: the bound holds for what comes on top of that. */
  begun(): void;
  /** Ends the answer; what is written after is dropped, because an event may come while the client is still leaving. */
  end(lastWords?: string): void;
  /** Calls back once, when the stream ended or the connection broke. */
  onOver(callback: () => void): void;
}

/**
 * W3: `onCutOff` is called, and the connection broken, when more than `maxBufferedBytes` wait for the client, or when
 * too much waits for all clients and most of it for this one.
 */
export function createWatchStream(
  response: ServerResponse,
  maxBufferedBytes: number,
  budget: WatchBudget,
  onCutOff: (buffered: number) => void,
): WatchStream {
  let isOver = false;
  let allowed = Number.POSITIVE_INFINITY;
  const callbacks: (() => void)[] = [];
  const finish = (): void => {
    if (isOver) return;
    isOver = true;
    for (const callback of callbacks) callback();
  };
  const cutOff = (): void => {
    if (isOver) return;
    onCutOff(response.writableLength);
    finish();
    response.destroy();
  };
  const membership = budget.join({ waiting: () => response.writableLength, cutOff });
  callbacks.push(() => membership.leave());
  response.once('close', finish);
  response.writeHead(200, { 'content-type': 'application/json', 'cache-control': 'no-cache, private' });
  response.flushHeaders();
  return {
    write: (text) => {
      if (isOver) return;
      response.write(text);
      if (response.writableLength > allowed) cutOff();
      else membership.wrote();
    },
    begun: () => {
      allowed = response.writableLength + maxBufferedBytes;
      response.once('drain', () => {
        allowed = maxBufferedBytes;
      });
    },
    end: (lastWords) => {
      if (isOver) return;
      finish();
      response.end(lastWords);
    },
    onOver: (callback) => {
      if (isOver) callback();
      else callbacks.push(callback);
    },
  };
}
