import { setMaxListeners } from 'node:events';
import type { ServerResponse } from 'node:http';

/**
 * Calls back once, when an answer has left or can no longer: also for one that stands in line behind another of the same
 * connection, of whose end Node's own `close` says nothing.
 */
export function onGone(response: ServerResponse, callback: () => void): void {
  const { socket } = response.req;
  let isOver = false;
  const gone = (): void => {
    // Both may be told at once, and who is being told already is told to the end.
    if (isOver) return;
    isOver = true;
    response.off('close', gone);
    socket.off('close', gone);
    callback();
  };
  response.once('close', gone);
  // One for each request that a client sent at once.
  setMaxListeners(0, socket);
  socket.once('close', gone);
}
