import type { Clock } from '@polarstack/base';

export interface LoopOptions {
  /** Called once before the first step. */
  readonly prepare: () => Promise<void>;
  /** One comparison of what is wanted with what is there; answers after how many milliseconds the next is due. */
  readonly step: () => Promise<number>;
  /** Asked before each step: true ends the loop. */
  readonly isOver: () => boolean;
  readonly onError: (error: unknown) => void;
  readonly clock: Clock;
  readonly signal: AbortSignal;
}

/** Steps one after the other, when woken or due; a step that fails comes again with back-off. */
export interface Loop {
  readonly wake: () => void;
  /** Resolves when the loop is over or the signal aborts, after the step under way. */
  readonly done: Promise<void>;
}

const FIRST_RETRY_MS = 100;
const LONGEST_RETRY_MS = 10_000;

export function startLoop({ prepare, step, isOver, onError, clock, signal }: LoopOptions): Loop {
  let woken = false;
  let interrupt: () => void = () => {};

  async function pause(ms: number): Promise<void> {
    if (woken || signal.aborted) return;
    const sleeping = new AbortController();
    interrupt = () => sleeping.abort();
    signal.addEventListener('abort', interrupt, { once: true });
    await clock.sleep(ms, sleeping.signal).catch(() => undefined);
    signal.removeEventListener('abort', interrupt);
    interrupt = () => {};
  }

  async function run(): Promise<void> {
    await prepare();
    for (let failures = 0; !signal.aborted && !isOver(); ) {
      woken = false;
      let wait: number;
      try {
        wait = await step();
        failures = 0;
      } catch (error) {
        if (signal.aborted) return;
        onError(error);
        wait = Math.min(LONGEST_RETRY_MS, FIRST_RETRY_MS * 2 ** Math.min(failures, 10));
        failures += 1;
      }
      if (!isOver()) await pause(wait);
    }
  }

  return {
    done: run(),
    wake: () => {
      woken = true;
      interrupt();
    },
  };
}
