/**
 * The dead-man of one node: a process beside the agent that kills the engine unless it is fed. A feed is the absolute time on the
 * boot clock at which it fires; each is echoed.
 */
import type { MachineClock } from './clock.ts';
import { createProcess, type Process } from './process.ts';
import type { World } from './world.ts';

export interface DeadMan {
  readonly process: Process;
  /** When it fires; undefined before the first feed. */
  readonly fireAtMs: number | undefined;
  /** `echo` is called once it knows. */
  readonly feed: (fireAtMs: number, echo: () => void) => void;
}

export function createDeadMan(world: World, id: string, clock: MachineClock, kill: () => void): DeadMan {
  const { kernel, profile } = world;
  const byWall = world.has('dead-man-wall-clock');
  const now = byWall ? clock.wall : clock.boot;
  let fireAtMs: number | undefined;
  const process = createProcess(kernel, `dead-man ${id}`, () => {
    fireAtMs = undefined;
    process.every(50, () => {
      if (fireAtMs === undefined || now() < fireAtMs) return;
      kill();
    });
  });
  return {
    process,
    get fireAtMs() {
      return fireAtMs === undefined || !byWall ? fireAtMs : fireAtMs - clock.wall() + clock.boot();
    },
    feed: (at, echo) => {
      // What the planted bugs write into the pipe: how long from now, and the time of day.
      const left = profile.ttlMs - profile.killBudgetMs;
      const wallAt = clock.wall() + at - clock.boot();
      process.run(() => {
        if (byWall) fireAtMs = wallAt;
        else if (world.has('dead-man-relative')) fireAtMs = clock.boot() + left;
        else fireAtMs = at;
        echo();
      });
    },
  };
}
