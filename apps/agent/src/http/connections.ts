/**
 * What strangers can take from the agent: anyone who reaches its port may open connections, and each costs a descriptor that
 * the agent needs to look after its engine.
 *
 * Invariants:
 *  B1. At most {@link MAX_CONNECTIONS} are open; fewer where the process may open few files.
 *  B2. At most half of them are without a certificate of the cluster. The oldest of those makes room, so that a client with
 *      one gets through while strangers hold theirs open.
 *  B3. Who finishes no handshake or sends no request is cut off after {@link PATIENCE_MS}.
 */
import { readFileSync } from 'node:fs';
import type { Server } from 'node:https';
import type { Socket } from 'node:net';

const MAX_CONNECTIONS = 64;
/** For sessions with the engine, programs, files. */
const RESERVED_DESCRIPTORS = 64;
const MIN_CONNECTIONS = 8;
const PATIENCE_MS = 5_000;
/** The largest call is a config of some mebibytes. */
const REQUEST_MS = 30_000;

export const limits = {
  handshakeTimeout: PATIENCE_MS,
  headersTimeout: PATIENCE_MS,
  requestTimeout: REQUEST_MS,
  keepAliveTimeout: 60_000,
  connectionsCheckingInterval: 1_000,
} as const;

/** How many files this process may open; undefined where it may any number. */
function descriptorLimit(): number | undefined {
  const limit = /^Max open files\s+(\d+)/m.exec(readFileSync('/proc/self/limits', 'latin1'))?.[1];
  return limit === undefined ? undefined : Number(limit);
}

export function connectionsFor(descriptors: number | undefined): number {
  if (descriptors === undefined) return MAX_CONNECTIONS;
  return Math.min(MAX_CONNECTIONS, Math.max(MIN_CONNECTIONS, descriptors - RESERVED_DESCRIPTORS));
}

/** The two sockets of one connection (below and above TLS) have the same peer. */
const peerOf = ({ remoteAddress, remotePort }: Socket): string => `${remoteAddress} ${remotePort}`;

export function boundConnections(server: Server): void {
  const most = connectionsFor(descriptorLimit());
  server.maxConnections = most;
  /** Connections that have shown no certificate of the cluster (yet), the oldest first. */
  const waiting = new Map<string, Socket>();
  server.on('connection', (socket: Socket) => {
    const peer = peerOf(socket);
    waiting.set(peer, socket);
    socket.once('close', () => {
      if (waiting.get(peer) === socket) waiting.delete(peer);
    });
    for (const [key, oldest] of waiting) {
      if (waiting.size <= most / 2) break;
      waiting.delete(key);
      oldest.destroy();
    }
  });
  server.on('secureConnection', (socket) => {
    if (socket.authorized) waiting.delete(peerOf(socket));
  });
}
