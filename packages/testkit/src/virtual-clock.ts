import type { Clock } from '@polarstack/base';

export interface VirtualClock extends Clock {
  /** Moves time on by `ms`, waking sleepers in order of their deadlines and letting each run before the next. */
  advance(ms: number): Promise<void>;
  /** Moves time on from deadline to deadline until `work` settles; fails where it waits for something else. */
  run<T>(work: Promise<T>): Promise<T>;
  /** Sets the wall clock without moving the monotonic one. */
  setWall(now: Date): void;
  /** Sleepers that have not been woken. */
  readonly sleeping: number;
}

interface Sleeper {
  readonly at: number;
  readonly wake: () => void;
}

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** A clock that stands still until it is told to move: what decides by time is tested at once and without luck. */
export function createVirtualClock(start = new Date('2026-01-01T00:00:00Z')): VirtualClock {
  let elapsed = 0;
  let wallOffset = start.getTime();
  let sleepers: readonly Sleeper[] = [];

  const wakeNext = (limit: number): boolean => {
    const next = sleepers.reduce<Sleeper | undefined>((a, b) => (a && a.at <= b.at ? a : b), undefined);
    if (!next || next.at > limit) return false;
    elapsed = Math.max(elapsed, next.at);
    sleepers = sleepers.filter((sleeper) => sleeper !== next);
    next.wake();
    return true;
  };

  return {
    now: () => new Date(wallOffset + elapsed),
    monotonic: () => elapsed,
    setWall: (now) => {
      wallOffset = now.getTime() - elapsed;
    },
    get sleeping() {
      return sleepers.length;
    },
    sleep: (ms, signal) =>
      new Promise((resolve, reject) => {
        if (signal?.aborted) return reject(signal.reason);
        const onAbort = (): void => {
          sleepers = sleepers.filter((other) => other !== sleeper);
          reject(signal?.reason);
        };
        const sleeper = {
          at: elapsed + ms,
          wake: () => {
            signal?.removeEventListener('abort', onAbort);
            resolve();
          },
        };
        signal?.addEventListener('abort', onAbort, { once: true });
        sleepers = [...sleepers, sleeper];
      }),
    advance: async (ms) => {
      const target = elapsed + ms;
      await turn();
      while (wakeNext(target)) await turn();
      elapsed = target;
    },
    run: async (work) => {
      let settled = false;
      const mark = (): void => {
        settled = true;
      };
      work.then(mark, mark);
      for (let idle = 0; !settled; ) {
        await turn();
        if (settled) break;
        idle = wakeNext(Number.POSITIVE_INFINITY) ? 0 : idle + 1;
        if (idle > 1_000) throw new Error('the work waits for something that virtual time does not bring');
      }
      return await work;
    },
  };
}
