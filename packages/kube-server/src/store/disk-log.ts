import { join } from 'node:path';
import { type Logger, StackError } from '@polarstack/base';
import { encodeFrame } from './codec.ts';
import type { CommitLog } from './commit-log.ts';
import { encodeFileHeader } from './file-header.ts';
import { logName, unfinished } from './file-names.ts';
import type { Files, OpenFile } from './files.ts';
import { createSnapshotter } from './snapshotter.ts';
import type { Entry } from './view.ts';

/** The log that is written now. */
interface Segment {
  readonly sequence: number;
  readonly file: OpenFile;
  /** Bytes that are fsynced. */
  length: number;
  /** Revision of those bytes. */
  revision: number;
  /** False after a failure: what lies behind `length` is unknown, and so is what a later fsync would prove. */
  sound: boolean;
}

/** What the new log goes on from. */
export interface LogStart {
  readonly sequence: number;
  readonly follows: number;
  readonly base: number;
  readonly previousLength?: number;
}

export interface DiskLogOptions {
  readonly dir: string;
  readonly files: Files;
  readonly store: string;
  readonly start: LogStart;
  readonly logger: Logger;
  /** A snapshot is taken when the logs behind the last one exceed both this and the size of that one, in bytes. */
  readonly snapshotBytes: number;
  readonly snapshot: {
    readonly sequence: number;
    readonly bytes: number;
    readonly logBytes: number;
    readonly stale: boolean;
  };
}

/**
 * The log on disk: one file is appended to, until a snapshot lets a new one begin.
 *
 * - L1 A file is complete when it gets its name: header fsynced, then renamed, then the folder fsynced.
 * - L2 A log says where the log before it ends. Nothing behind that place counts, whatever is found there, so no failed
 *   write has to be undone on a disk that just refused to work.
 * - L3 After a failed write or fsync nothing is appended to that log again: the kernel may have dropped the pages and
 *   report success for the next fsync. The next append begins a new log behind the last good byte. (S1, S5)
 * - L4 A log is only ended by a durable successor. If it is unknown whether the successor is durable (its rename or the
 *   fsync of the folder failed), the current log counts as failed: it must not grow behind the end it may have got.
 */
export async function createDiskLog(options: DiskLogOptions): Promise<CommitLog> {
  const { dir, files, store, logger } = options;
  const snapshotter = createSnapshotter(options);
  let segment = await begin(options.start);
  let logBytes = options.snapshot.logBytes;
  /** The size of the logs at which the next snapshot is tried. */
  let dueAt = options.snapshot.stale ? 0 : Math.max(options.snapshotBytes, options.snapshot.bytes);

  /** Creates a log durably (L1). `onNamed` is called when it may have got its name. */
  async function begin(start: LogStart, onNamed?: () => void): Promise<Segment> {
    const name = logName(start.sequence);
    const temporary = join(dir, unfinished(name));
    const header = encodeFileHeader({ kind: 'log', store, ...start });
    const file = await files.create(temporary);
    try {
      await file.write(header, 0);
      await file.sync();
      onNamed?.();
      await files.rename(temporary, join(dir, name));
      await files.syncFolder(dir);
    } catch (error) {
      await file.close();
      throw error;
    }
    return { sequence: start.sequence, file, length: header.length, revision: start.base, sound: true };
  }

  async function replace(base: number): Promise<void> {
    const old = segment;
    segment = await begin(
      { sequence: old.sequence + 1, follows: old.revision, base, previousLength: old.length },
      () => {
        old.sound = false;
      },
    );
    logBytes += segment.length;
    await old.file.close();
  }

  async function write(frame: Buffer): Promise<void> {
    try {
      await segment.file.write(frame, segment.length);
      await segment.file.sync();
    } catch (error) {
      segment.sound = false;
      // Only to give the space back: L2 makes it needless for correctness, so a failure here changes nothing.
      await segment.file.truncate(segment.length).catch((second: unknown) => {
        logger.warn({ err: second }, 'the unwritten end of the log could not be cut');
      });
      throw error;
    }
  }

  return {
    async append(records, first) {
      try {
        if (!segment.sound || segment.revision !== first - 1) await replace(first - 1);
        const to = first + records.length - 1;
        const frame = encodeFrame(records, first - 1, to);
        await write(frame);
        segment.length += frame.length;
        segment.revision = to;
        logBytes += frame.length;
      } catch (error) {
        throw writeError(dir, error);
      }
    },
    async checkpoint(revision, entries) {
      if (logBytes <= dueAt || snapshotter.busy || !segment.sound) return;
      try {
        await replace(revision);
      } catch (error) {
        // The state is safe in the longer log; the next try comes when it has grown by half of the bound.
        dueAt = logBytes + options.snapshotBytes / 2;
        logger.warn({ err: writeError(dir, error) }, 'a new log could not be begun; going on without');
        return;
      }
      const behind = logBytes;
      snapshotter.start(segment.sequence, revision, entries() as readonly Entry[], (bytes) => {
        if (bytes === undefined) dueAt = logBytes + options.snapshotBytes / 2;
        else {
          logBytes -= behind;
          dueAt = Math.max(options.snapshotBytes, bytes);
        }
      });
    },
    async close() {
      await snapshotter.stop();
      // An empty frame at the end makes damage to the last batch tellable from a torn write (C1).
      if (segment.sound) await write(encodeFrame([], segment.revision, segment.revision)).catch(() => undefined);
      await segment.file.close();
    },
  };
}

/** The code for a failed write: a full disk is the user's to mend, everything else the machine's. */
export function writeError(dir: string, error: unknown): StackError {
  if (error instanceof StackError) return error;
  const code = (error as NodeJS.ErrnoException).code;
  const message = error instanceof Error ? error.message : String(error);
  const full = code === 'ENOSPC' || code === 'EDQUOT';
  return new StackError(full ? 'StateDiskFull' : 'StateWriteFailed', `cannot write the state in ${dir}: ${message}`, {
    cause: error,
    details: { dir, ...(code && { errno: code }) },
  });
}
