import type { WatchBudget } from './budget.ts';
import type { SharedLine } from './lines.ts';
import type { WatchSink } from './sink.ts';

/** The writing side of a watch connection. */
export interface WatchStream {
  readonly isOver: boolean;
  write(line: string | SharedLine): void;
  /** Undefined where the client keeps up; else resolves when it has taken what was written, or left. */
  taken(): Promise<void> | undefined;
  /** Called when what the client asked to begin with is written: the bound holds for what comes on top of that. */
  begun(): void;
  /** Ends the answer; what is written after is dropped, because an event may come while the client is still leaving. */
  end(lastWords?: string): void;
  /** Calls back once, when the stream ended or the connection broke. */
  onOver(callback: () => void): void;
}

/** What may wait for a client before more of what is there is written for it. */
const CHUNK_BYTES = 256 * 1024;

/**
 * W3: `onCutOff` is called, and the connection broken, when more than `maxBufferedBytes` wait for the client, or when
 * too much waits for all clients and most of it for this one.
 */
export function createWatchStream(
  sink: WatchSink,
  maxBufferedBytes: number,
  budget: WatchBudget,
  onCutOff: (buffered: number) => void,
): WatchStream {
  let isOver = false;
  let allowed = Number.POSITIVE_INFINITY;
  const callbacks: (() => void)[] = [];
  const finish = (): void => {
    if (isOver) return;
    isOver = true;
    for (const callback of callbacks) callback();
  };
  const cutOff = (): void => {
    if (isOver) return;
    onCutOff(sink.waiting());
    finish();
    sink.destroy();
  };
  const membership = budget.join({ waiting: () => sink.waiting(), cutOff });
  callbacks.push(() => membership.leave());
  sink.onClosed(finish);
  return {
    get isOver() {
      return isOver;
    },
    write: (line) => {
      if (isOver) return;
      sink.write(line);
      if (sink.waiting() > allowed) cutOff();
      else membership.wrote(typeof line === 'string' ? line.length : line.chunk.length);
    },
    taken: () => (sink.waiting() < CHUNK_BYTES || isOver ? undefined : sink.drained(CHUNK_BYTES)),
    begun: () => {
      allowed = sink.waiting() + maxBufferedBytes;
      void sink.drained(1).then(() => {
        allowed = maxBufferedBytes;
      });
    },
    end: (lastWords) => {
      if (isOver) return;
      finish();
      sink.end(lastWords);
    },
    onOver: (callback) => {
      if (isOver) callback();
      else callbacks.push(callback);
    },
  };
}
