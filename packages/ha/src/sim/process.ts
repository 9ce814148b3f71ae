/** A process that can be killed, stopped and continued: what reaches it meanwhile is lost with it, or waits. */
import type { Kernel } from './kernel.ts';

export interface Process {
  readonly name: string;
  readonly state: 'up' | 'stopped' | 'dead';
  /** Grows with each start. */
  readonly life: number;
  readonly start: () => void;
  readonly kill: () => void;
  readonly stop: () => void;
  readonly resume: () => void;
  /** Now, or as soon as it is continued; never where it is dead, or dies before. */
  readonly run: (work: () => void) => void;
  /** The same, but only in the present life. */
  readonly bound: <T extends readonly unknown[]>(work: (...args: T) => void) => (...args: T) => void;
  readonly after: (ms: number, work: () => void) => void;
  readonly every: (ms: number, work: () => void) => void;
}

export function createProcess(kernel: Kernel, name: string, onStart: () => void): Process {
  let state: Process['state'] = 'dead';
  let life = 0;
  let waiting: (() => void)[] = [];
  const run = (work: () => void): void => {
    if (state === 'up') work();
    else if (state === 'stopped') waiting.push(work);
  };
  const inLife =
    <T extends readonly unknown[]>(mine: number, work: (...args: T) => void) =>
    (...args: T): void => {
      if (life === mine) run(() => life === mine && work(...args));
    };
  const process: Process = {
    name,
    get state() {
      return state;
    },
    get life() {
      return life;
    },
    start: () => {
      if (state !== 'dead') return;
      state = 'up';
      life++;
      onStart();
    },
    kill: () => {
      state = 'dead';
      waiting = [];
      life++;
    },
    stop: () => {
      if (state === 'up') state = 'stopped';
    },
    resume: () => {
      if (state !== 'stopped') return;
      state = 'up';
      // One of them may stop it again; the rest waits on.
      while (process.state === 'up') {
        const work = waiting.shift();
        if (!work) return;
        work();
      }
    },
    run,
    bound: (work) => inLife(life, work),
    after: (ms, work) => kernel.after(ms, inLife(life, work)),
    every: (ms, work) => {
      const again = inLife(life, () => {
        work();
        kernel.after(ms, again);
      });
      kernel.after(ms, again);
    },
  };
  return process;
}
