import type { Clock } from '@polarstack/base';
import type { Journal } from './journal.ts';
import { note } from './record.ts';

/** How often what a long step says is stored, in milliseconds. */
const EVERY_MS = 5_000;

export interface ProgressKeeper {
  /** A sentence for the person who watches; stored later, and only if it is another than before. */
  readonly say: (message: string) => void;
  /** What was said last. */
  readonly said: () => string | undefined;
  /** Aborts where a write showed that another process took the run over. */
  readonly lost: AbortSignal;
  /** Answers as the step does, after the last write of what it said. */
  until<T>(step: Promise<T>): Promise<T>;
}

/** Stores what a running step says, so that an hour of copying is not an hour of silence. */
export function keepProgress(journal: Journal, index: number, clock: Clock): ProgressKeeper {
  const lost = new AbortController();
  const ended = new AbortController();
  let latest: string | undefined;

  const work = async (): Promise<void> => {
    let stored: string | undefined;
    for (;;) {
      await clock.sleep(EVERY_MS, ended.signal);
      if (latest === undefined || latest === stored) continue;
      stored = latest;
      await journal.write(note(journal.current(), index, stored));
    }
  };
  const working = work().catch((error: unknown) => {
    if (!ended.signal.aborted) lost.abort(error);
  });

  return {
    say: (message) => {
      latest = message;
    },
    said: () => latest,
    lost: lost.signal,
    until: async (step) => {
      try {
        return await step;
      } finally {
        ended.abort();
        await working;
      }
    },
  };
}
