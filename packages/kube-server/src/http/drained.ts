import type { ServerResponse } from 'node:http';

/** Resolves when less than `bytes` wait for the client, or when the connection is over. */
export async function drained(response: ServerResponse, bytes: number): Promise<void> {
  while (response.writableLength >= bytes && !response.closed && !response.destroyed) {
    const { socket } = response;
    await new Promise<void>((resolve) => {
      const done = (): void => {
        response.off('drain', done);
        socket?.off('drain', done);
        response.off('close', done);
        resolve();
      };
      response.once('drain', done);
      // What was written past the response is told by its connection alone.
      socket?.once('drain', done);
      response.once('close', done);
    });
  }
}
