import { stat } from 'node:fs/promises';
import type { Clock, Logger } from '@polarstack/base';
import { rotateLog } from './log-rotation.ts';
import { appendNote, forgetNotes, type LogNote, loadNotes, saveNotes, thinned, timeAt } from './log-times.ts';

export interface LogKeeperOptions {
  /** The logs that are being written at the moment. */
  readonly current: () => readonly string[];
  readonly maxBytes: number;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** What is known of the age of a log's lines. */
export interface LogAge {
  /** The offset at which lay the end of the log `seconds` ago, as exactly as it was looked at; 0 where unknown. */
  offsetSince(seconds: number): number;
  /** When the byte at an offset was seen first, in milliseconds; now, where it is newer than the last look. */
  timeAt(offset: number): number;
}

export interface LogKeeper {
  /** Of a log that is written, or was. */
  ageOf(path: string): Promise<LogAge>;
  /** Looks at all logs again and again until the signal aborts; never rejects. */
  run(signal: AbortSignal): Promise<void>;
}

/** How late a line's time may be. */
const LOOK_MS = 1000;

/** Rotates logs that grew too large, and remembers how long they were when, since their lines carry no time. */
export function createLogKeeper({ current, maxBytes, clock, logger }: LogKeeperOptions): LogKeeper {
  const known = new Map<string, readonly LogNote[]>();

  async function look(path: string): Promise<void> {
    if (await rotateLog(path, maxBytes)) {
      known.set(path, []);
      await forgetNotes(path);
      return;
    }
    const there = await stat(path).catch(() => undefined);
    if (!there) return;
    const before = known.get(path) ?? (await loadNotes(path));
    const isShorter = there.size < (before.at(-1)?.size ?? 0);
    if (isShorter) await forgetNotes(path);
    const notes = isShorter ? [] : before;
    if (notes.at(-1)?.size === there.size) {
      known.set(path, notes);
      return;
    }
    const note = { atMs: clock.now().getTime(), size: there.size };
    const all = [...notes, note];
    const kept = thinned(all);
    known.set(path, kept);
    if (kept === all) await appendNote(path, note);
    else await saveNotes(path, kept);
  }

  return {
    async ageOf(path) {
      const notes = (): readonly LogNote[] => known.get(path) ?? loaded;
      const loaded = known.get(path) ?? (await loadNotes(path));
      return {
        offsetSince: (seconds) => {
          const since = clock.now().getTime() - seconds * 1000;
          return notes().findLast((note) => note.atMs <= since)?.size ?? 0;
        },
        timeAt: (offset) => timeAt(notes(), offset) ?? clock.now().getTime(),
      };
    },
    async run(signal) {
      while (!signal.aborted) {
        const paths = current();
        for (const path of [...known.keys()]) if (!paths.includes(path)) known.delete(path);
        for (const path of paths) {
          await look(path).catch((error: unknown) =>
            logger.warn({ err: error, path }, 'a log could not be looked after'),
          );
        }
        await clock.sleep(LOOK_MS, signal).catch(() => undefined);
      }
    },
  };
}
