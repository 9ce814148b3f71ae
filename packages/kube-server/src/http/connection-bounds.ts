/**
 * How many connections a server holds.
 *
 * - L1 There are never more than `max`; what comes on top is closed before it costs anything.
 * - L2 At most half of them have not shown a valid certificate (yet). Where more come, the oldest of those go: who has
 *   a certificate shows it within moments, who holds a place for nothing does not.
 */
import { readFileSync } from 'node:fs';
import type { Server } from 'node:https';
import type { Socket } from 'node:net';
import type { TLSSocket } from 'node:tls';
import type { Clock, Logger } from '@polarstack/base';
import { peer } from './connections.ts';

const MAX_CONNECTIONS = 2_000;
/** Pause between two lines in the log about the same, in milliseconds. */
const TELL_EVERY_MS = 60_000;

/** The most connections that this process can hold and still open files: half of its descriptors. */
export function defaultMaxConnections(limits = readFileSync('/proc/self/limits', 'latin1')): number {
  const soft = /^Max open files\s+(\d+)/m.exec(limits)?.[1];
  return Math.max(1, Math.min(MAX_CONNECTIONS, soft === undefined ? MAX_CONNECTIONS : Math.floor(Number(soft) / 2)));
}

export function boundConnections(server: Server, max: number, clock: Clock, logger: Logger): void {
  /** Who has not shown a valid certificate, the oldest first. */
  const strangers = new Map<string, Socket>();
  const maxStrangers = Math.max(1, Math.floor(max / 2));
  let closed = 0;
  let toldAt: number | undefined;

  const tell = (): void => {
    closed += 1;
    const now = clock.monotonic();
    if (toldAt !== undefined && now - toldAt < TELL_EVERY_MS) return;
    logger.warn({ closed, max }, 'too many connections to the API: some are closed');
    toldAt = now;
    closed = 0;
  };

  server.maxConnections = max; // L1
  server.on('drop', tell);
  server.on('connection', (socket: Socket) => {
    const key = peer(socket);
    strangers.set(key, socket);
    socket.once('close', () => {
      if (strangers.get(key) === socket) strangers.delete(key);
    });
    if (strangers.size <= maxStrangers) return;
    for (const [oldest, stranger] of strangers) {
      strangers.delete(oldest);
      stranger.destroy(); // L2
      break;
    }
    tell();
  });
  server.on('secureConnection', (socket: TLSSocket) => {
    if (socket.authorized) strangers.delete(peer(socket));
  });
}
