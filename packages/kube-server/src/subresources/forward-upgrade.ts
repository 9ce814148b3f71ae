/** The two ways in which clients ask for a SPDY connection, as the bytes that they carry. */
import { on } from 'node:events';
import type { Duplex } from 'node:stream';
import type { RawData, WebSocket } from 'ws';
import type { SpdyTransport } from '../spdy/session.ts';
import { drained } from './drained.ts';

/** SPDY in the messages of a WebSocket (`SPDY/3.1+portforward.k8s.io`). */
export function tunnelTransport(socket: WebSocket): SpdyTransport {
  const leaving = new AbortController();
  socket.on('error', () => socket.terminate());
  socket.once('close', () => leaving.abort());
  return {
    input: messages(socket, leaving.signal),
    send: (bytes) =>
      new Promise((resolve, reject) => {
        socket.send(bytes, { binary: true }, (error) => (error ? reject(error) : resolve()));
      }),
  };
}

async function* messages(socket: WebSocket, signal: AbortSignal): AsyncGenerator<Buffer> {
  const incoming = on(socket, 'message', { close: ['close'], highWaterMark: 64, lowWaterMark: 8 });
  for await (const [data] of incoming as AsyncIterable<[RawData]>) {
    if (signal.aborted) return;
    yield Array.isArray(data) ? Buffer.concat(data) : Buffer.isBuffer(data) ? data : Buffer.from(data);
  }
}

/** Answers `Upgrade: SPDY/3.1` for a protocol within it; the socket speaks SPDY from then on. */
export function acceptSpdy(socket: Duplex, head: Buffer, protocol: string): SpdyTransport {
  socket.write(
    [
      'HTTP/1.1 101 Switching Protocols',
      'Connection: Upgrade',
      'Upgrade: SPDY/3.1',
      `X-Stream-Protocol-Version: ${protocol}`,
      '',
      '',
    ].join('\r\n'),
  );
  if (head.length > 0) socket.unshift(head);
  return {
    input: socket as AsyncIterable<Buffer>,
    send: async (bytes) => {
      if (socket.destroyed) throw new Error('the connection is closed');
      if (!socket.write(bytes)) await drained(socket);
    },
  };
}
