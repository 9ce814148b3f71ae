import type { Writable } from 'node:stream';

/** Resolves when a stream whose `write` answered false takes more, or never will. */
export function drained(stream: Writable): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      stream.off('drain', done);
      stream.off('close', done);
      resolve();
    };
    // Everybody who writes to a busy connection waits here.
    stream.setMaxListeners(0);
    stream.on('drain', done);
    stream.on('close', done);
    if (stream.closed || !stream.writableNeedDrain) done();
  });
}
