import type { Duplex } from 'node:stream';

/** How long a client may take to read the last words and leave, in milliseconds. */
const PATIENCE_MS = 5_000;

/**
 * Ends a connection that Node's server has given away (an upgrade that came to nothing). What the client still sends is
 * read for nothing: unread, it would hide that the client left, and the connection would stay for ever.
 */
export function partWith(socket: Duplex, lastWords?: string): void {
  const impatient = setTimeout(() => socket.destroy(), PATIENCE_MS);
  socket.once('close', () => clearTimeout(impatient));
  socket.resume();
  socket.end(lastWords);
}
