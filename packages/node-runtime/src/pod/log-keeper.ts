import { stat } from 'node:fs/promises';
import type { Clock, Logger } from '@polarstack/base';
import { rotateLog } from './log-rotation.ts';

export interface LogKeeperOptions {
  /** The logs that are being written at the moment. */
  readonly current: () => readonly string[];
  readonly maxBytes: number;
  readonly clock: Clock;
  readonly logger: Logger;
}

export interface LogKeeper {
  /** The offset at which lay the end of the log `seconds` ago, as exactly as it was looked at; 0 where unknown. */
  offsetSince(path: string, seconds: number): number;
  /** Looks at all logs again and again until the signal aborts; never rejects. */
  run(signal: AbortSignal): Promise<void>;
}

interface Mark {
  readonly atMs: number;
  readonly size: number;
}

const LOOK_MS = 5000;
/** An hour's worth. */
const MAX_MARKS = 720;

/** Rotates logs that grew too large, and remembers how long they were when, since their lines carry no time. */
export function createLogKeeper({ current, maxBytes, clock, logger }: LogKeeperOptions): LogKeeper {
  const marks = new Map<string, Mark[]>();

  async function look(path: string): Promise<void> {
    if (await rotateLog(path, maxBytes)) {
      marks.set(path, []);
      return;
    }
    const there = await stat(path).catch(() => undefined);
    if (!there) return;
    const list = marks.get(path) ?? [];
    if (list.at(-1)?.size !== there.size || list.length === 0) list.push({ atMs: clock.monotonic(), size: there.size });
    if (list.length > MAX_MARKS) list.shift();
    marks.set(path, list);
  }

  return {
    offsetSince(path, seconds) {
      const since = clock.monotonic() - seconds * 1000;
      return marks.get(path)?.findLast((mark) => mark.atMs <= since)?.size ?? 0;
    },
    async run(signal) {
      while (!signal.aborted) {
        const paths = current();
        for (const path of [...marks.keys()]) if (!paths.includes(path)) marks.delete(path);
        for (const path of paths) {
          await look(path).catch((error: unknown) => logger.warn({ err: error, path }, 'a log could not be rotated'));
        }
        await clock.sleep(LOOK_MS, signal).catch(() => undefined);
      }
    },
  };
}
