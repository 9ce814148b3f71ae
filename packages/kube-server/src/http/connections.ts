/**
 * The connections of a server, so that it can end them.
 *
 * - C1 After `end` a connection without a request under way is closed at once, any other as soon as its answer is out.
 * - C2 `end` takes no longer than its grace: what is left then is broken.
 * - C3 A connection that its client ended is broken `PART_MS` later, whatever waits to be written on it. Node waits for the
 *   write first, which may never end: the client does not read, or it left right after the handshake and the failure of
 *   the session tickets, which nobody asked to hear of, is the only one there is.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Server } from 'node:https';
import type { Socket } from 'node:net';

export interface Connections {
  /** TCP connections that are open. */
  readonly count: number;
  /** Accepts no more and ends all that are open; resolves when none is. */
  end(graceMs: number): Promise<void>;
}

/** How long a client may take to read what is left after it said that it leaves, in milliseconds. */
const PART_MS = 5_000;

export function trackConnections(server: Server): Connections {
  /** Every TCP connection, also those whose handshake is not done and those that speak another protocol by now. */
  const open = new Set<Socket>();
  /** Connections after their handshake, and how many requests each has under way. */
  const busy = new Map<Socket, number>();
  /** Ended by whoever took them over: they speak another protocol. */
  const handedOver = new WeakSet<Socket>();
  let isEnding = false;

  server.on('connection', (socket: Socket) => {
    open.add(socket);
    socket.once('close', () => open.delete(socket));
  });
  server.on('secureConnection', (socket: Socket) => {
    busy.set(socket, 0);
    let parting: NodeJS.Timeout | undefined;
    socket.once('end', () => {
      if (!handedOver.has(socket)) parting = setTimeout(() => socket.destroy(), PART_MS); // C3
    });
    socket.once('close', () => {
      busy.delete(socket);
      clearTimeout(parting);
    });
  });
  server.prependListener('request', ({ socket }: IncomingMessage, response: ServerResponse) => {
    busy.set(socket, (busy.get(socket) ?? 0) + 1);
    if (isEnding) response.setHeader('connection', 'close');
    response.once('close', () => {
      const left = (busy.get(socket) ?? 1) - 1;
      if (busy.has(socket)) busy.set(socket, left);
      if (isEnding && left === 0) socket.destroySoon();
    });
  });
  server.prependListener('upgrade', ({ socket }: IncomingMessage) => {
    handedOver.add(socket);
    busy.set(socket, 1);
  });

  return {
    get count() {
      return open.size;
    },
    end: async (graceMs) => {
      isEnding = true;
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      const atWork = new Set([...busy].flatMap(([socket, requests]) => (requests > 0 ? [peer(socket)] : [])));
      for (const socket of [...busy.keys(), ...open]) if (!atWork.has(peer(socket))) socket.destroy(); // C1
      const grace = setTimeout(() => {
        for (const socket of [...busy.keys(), ...open]) socket.destroy(); // C2
      }, graceMs);
      await closed;
      // The TCP connections are gone; what lies above them hears of it a moment later.
      const late = [...busy.keys()];
      await Promise.all(late.map((socket) => new Promise((resolve) => socket.once('close', resolve))));
      clearTimeout(grace);
    },
  };
}

/** What a TLS connection and the TCP connection below it have in common. */
export const peer = ({ remoteAddress, remotePort }: Socket): string => `${remoteAddress} ${remotePort}`;
