import { systemClock } from '@polarstack/base';
import { type EngineDeath, OWNER_WORD_MS } from '@polarstack/contracts';

/** Remembers how the engine ended that nobody had asked to, and until when its owner may have a word about it. */
export interface Deaths {
  /** The last one, until the engine accepts connections again. */
  readonly last: EngineDeath | undefined;
  note(how: string, waitForWord: boolean): void;
  /** How long to wait for the owner's word, in milliseconds; 0 where there is none to wait for. */
  wordMs(): number;
  wordGiven(): void;
  over(): void;
}

export function createDeaths(ownerWordMs = OWNER_WORD_MS): Deaths {
  let count = 0;
  let last: EngineDeath | undefined;
  let wordUntil = 0;
  return {
    get last() {
      return last;
    },
    note: (how, waitForWord) => {
      count++;
      last = { count, how, at: systemClock.now().toISOString() };
      wordUntil = waitForWord ? systemClock.monotonic() + ownerWordMs : 0;
    },
    wordMs: () => Math.max(0, wordUntil - systemClock.monotonic()),
    wordGiven: () => {
      wordUntil = 0;
    },
    over: () => {
      last = undefined;
      wordUntil = 0;
    },
  };
}
