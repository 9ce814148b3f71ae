import { setTimeout as delay } from 'node:timers/promises';

/** Time as an input, so that whatever decides by time can be tested without waiting. */
export interface Clock {
  /** Wall clock: for people and for records. It may jump; never measure a duration with it. */
  now(): Date;
  /** Milliseconds of a clock that never goes back; only differences mean something. */
  monotonic(): number;
  /** Resolves after `ms` milliseconds; rejects with the signal's reason when aborted. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
}

export const systemClock: Clock = {
  now: () => new Date(),
  monotonic: () => performance.now(),
  sleep: async (ms, signal) => {
    await delay(ms, undefined, signal ? { signal } : undefined);
  },
};
