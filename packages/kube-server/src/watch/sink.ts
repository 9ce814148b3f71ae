import type { ServerResponse } from 'node:http';
import type { WebSocket } from 'ws';
import { drained } from '../http/drained.ts';
import type { SharedLine } from './lines.ts';

/** The connection that a watch writes to. */
export interface WatchSink {
  /** One event, with its line end. */
  write(line: string | SharedLine): void;
  /** Bytes that the client has not taken yet. */
  waiting(): number;
  end(lastLine?: string): void;
  destroy(): void;
  /** Resolves when less than `bytes` wait, or when the connection is over. */
  drained(bytes: number): Promise<void>;
  onClosed(callback: () => void): void;
}

/** An answer in chunks, as every client but browsers reads it. */
export function responseSink(response: ServerResponse): WatchSink {
  response.writeHead(200, { 'content-type': 'application/json', 'cache-control': 'no-cache, private' });
  response.flushHeaders();
  return {
    write: (line) => {
      const { socket } = response;
      if (typeof line === 'string') response.write(line);
      // One write of memory that all share, instead of three writes for each watcher and event.
      else if (mayPass(response) && socket?.writable) socket.write(line.chunk);
      else response.write(line.bytes);
    },
    waiting: () => response.writableLength,
    end: (lastLine) => void response.end(lastLine),
    destroy: () => void response.destroy(),
    drained: async (bytes) => await drained(response, bytes),
    onClosed: (callback) => void response.once('close', callback),
  };
}

/** Whether chunks may go past the response: not where it stands in line behind another, has no body, or is over. */
const mayPass = ({ chunkedEncoding, writableEnded, destroyed }: ServerResponse): boolean =>
  chunkedEncoding && !writableEnded && !destroyed;

/** A WebSocket, one event a message. */
export function socketSink(socket: WebSocket): WatchSink {
  const textOf = (line: string | SharedLine): string =>
    typeof line === 'string' ? line : Buffer.from(line.bytes).toString('utf8');
  const waiters = new Set<() => void>();
  const wake = (): void => {
    for (const waiter of [...waiters]) waiter();
  };
  const send = (line: string | SharedLine): void => socket.send(textOf(line), { binary: false }, wake);
  socket.once('close', wake);
  const isOpen = (): boolean => socket.readyState === socket.OPEN;
  return {
    write: send,
    waiting: () => socket.bufferedAmount,
    end: (lastLine) => {
      if (lastLine !== undefined) send(lastLine);
      socket.close(1000);
    },
    destroy: () => socket.terminate(),
    drained: async (bytes) => {
      while (socket.bufferedAmount >= bytes && isOpen()) {
        await new Promise<void>((resolve) => {
          const done = (): void => {
            waiters.delete(done);
            resolve();
          };
          waiters.add(done);
        });
      }
    },
    onClosed: (callback) => void socket.once('close', callback),
  };
}
