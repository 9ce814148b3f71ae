import type { ServerResponse } from 'node:http';

/** The writing side of a watch connection. */
export interface WatchStream {
  write(text: string): void;
  /** Ends the answer; what is written after is dropped, because an event may come while the client is still leaving. */
  end(lastWords?: string): void;
  /** Calls back once, when the stream ended or the connection broke. */
  onOver(callback: () => void): void;
}

/** W3: `onCutOff` is called, and the connection broken, when more than `maxBufferedBytes` wait for the client. */
export function createWatchStream(
  response: ServerResponse,
  maxBufferedBytes: number,
  onCutOff: (buffered: number) => void,
): WatchStream {
  let isOver = false;
  const callbacks: (() => void)[] = [];
  const finish = (): void => {
    if (isOver) return;
    isOver = true;
    for (const callback of callbacks) callback();
  };
  response.once('close', finish);
  response.writeHead(200, { 'content-type': 'application/json', 'cache-control': 'no-cache, private' });
  response.flushHeaders();
  return {
    write: (text) => {
      if (isOver) return;
      response.write(text);
      if (response.writableLength <= maxBufferedBytes) return;
      onCutOff(response.writableLength);
      finish();
      response.destroy();
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
