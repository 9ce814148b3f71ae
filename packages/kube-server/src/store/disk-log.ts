import type { Logger } from '@polarstack/base';
import { encodeFrame } from './codec.ts';
import type { CommitLog } from './commit-log.ts';
import { diskError } from './disk-error.ts';
import type { LogFields } from './file-header.ts';
import type { Files, OpenFile } from './files.ts';
import { createSnapshotter } from './snapshotter.ts';
import { createLogFile } from './write-files.ts';

/** Where a new log goes on from. */
export type LogStart = Omit<LogFields, 'kind' | 'store'>;

export interface DiskLogOptions {
  readonly dir: string;
  readonly files: Files;
  readonly logger: Logger;
  readonly store: string;
  readonly start: LogStart;
  /** A snapshot is taken when the logs behind the last one exceed both this and the size of that one, in bytes. */
  readonly snapshotBytes: number;
  /** What was read at the start: the snapshot (sequence 0 for none), and the logs behind it. */
  readonly snapshot: { readonly sequence: number; readonly bytes: number; readonly logBytes: number };
  /** Takes a snapshot at the first checkpoint. */
  readonly snapshotNow: boolean;
}

/** So many logs (each opening begins one) are merged by a snapshot however small they are. */
const maxLogs = 32;

/** The log that is written now. */
interface Segment {
  readonly start: LogStart;
  readonly file: OpenFile;
  readonly headerLength: number;
  /** Bytes that are fsynced. */
  length: number;
  /** Revision of those bytes. */
  revision: number;
  /** False after a failure: what lies behind `length` is unknown, and so is what a later fsync would prove. */
  sound: boolean;
}

/**
 * The log on disk: one file is appended to, until a snapshot lets a new one begin.
 *
 * - L1 A log has a whole, fsynced header from the moment it has its name.
 * - L2 A log says where the log before it ends. Nothing behind that place counts, whatever is found there, so no failed
 *   write has to be undone on a disk that just refused to work.
 * - L3 After a failed write or fsync nothing is appended to that log again: the kernel may have dropped the pages and
 *   report success for the next fsync. The next append begins a new log behind the last good byte. (S1, S5)
 * - L4 A log is only ended by a durable successor. If it is unknown whether the successor is durable (its rename or the
 *   fsync of the folder failed), the current log counts as failed: it must not grow behind the end it may have got.
 */
export async function createDiskLog(options: DiskLogOptions): Promise<CommitLog> {
  const { dir, files, store, logger, snapshotBytes } = options;
  const snapshotter = createSnapshotter({ ...options, readable: options.snapshot.sequence });
  let segment = await begin(options.start);
  /** Bytes and first sequence of the logs that are read at the next start. */
  let logBytes = options.snapshot.logBytes;
  let firstLog = options.snapshot.sequence;
  let dueAt = options.snapshotNow ? 0 : Math.max(snapshotBytes, options.snapshot.bytes);

  async function begin(start: LogStart, onNaming?: () => void): Promise<Segment> {
    const { file, length } = await createLogFile({ files, dir }, { kind: 'log', store, ...start }, onNaming);
    return { start, file, headerLength: length, length, revision: start.base, sound: true };
  }

  /** Ends the log and begins the next one, which starts at revision `base`. */
  async function replace(base: number, start: LogStart = next(base)): Promise<void> {
    const old = segment;
    segment = await begin(start, () => {
      old.sound = false;
    });
    logBytes += segment.length;
    await old.file.close().catch((error: unknown) => logger.warn({ err: error }, 'closing a finished log failed'));
  }

  const isEmpty = ({ length, headerLength }: Segment): boolean => length === headerLength;

  const next = (base: number): LogStart => {
    const { start, revision, length } = segment;
    return { sequence: start.sequence + 1, follows: revision, base, previousLength: length };
  };

  /** A log that never got a frame is put in place of itself, or a full disk would collect one for every attempt. */
  const recover = (base: number): Promise<void> =>
    replace(base, isEmpty(segment) ? { ...segment.start, base } : next(base));

  async function write(frame: Buffer): Promise<void> {
    const { file, length } = segment;
    try {
      await file.write(frame, length);
      await file.sync();
    } catch (error) {
      segment.sound = false;
      // Only to give the space back: L2 makes it needless for correctness, so a failure here changes nothing.
      await file.truncate(length).catch((second: unknown) => logger.warn({ err: second }, 'cutting the log failed'));
      throw error;
    }
    segment.length += frame.length;
    logBytes += frame.length;
  }

  /** Puts off the next try of a snapshot until the log has grown by half of the usual bound. */
  const postpone = () => {
    dueAt = logBytes + snapshotBytes / 2;
    firstLog = segment.start.sequence;
  };

  return {
    async append(records, first) {
      try {
        // After a failure the revisions it took are left out: the new log starts behind them (M3 in committer.ts).
        if (!segment.sound || segment.revision !== first - 1) await recover(first - 1);
        const to = first + records.length - 1;
        await write(encodeFrame(records, first - 1, to));
        segment.revision = to;
      } catch (error) {
        throw diskError(dir, error);
      }
    },
    async checkpoint(revision, entries) {
      const due = logBytes > dueAt || segment.start.sequence - firstLog >= maxLogs;
      if (!due || snapshotter.busy || !segment.sound) return;
      try {
        // A snapshot stands before a log that goes on from exactly its state.
        if (!isEmpty(segment) || segment.start.follows !== revision) await replace(revision);
      } catch (error) {
        logger.warn({ err: diskError(dir, error) }, 'a new log could not be begun; the old one goes on');
        postpone();
        return;
      }
      const { sequence } = segment.start;
      const before = logBytes - segment.length;
      snapshotter.start(sequence, revision, entries(), (bytes) => {
        if (bytes === undefined) return postpone();
        logBytes -= before;
        firstLog = sequence;
        dueAt = Math.max(snapshotBytes, bytes);
      });
    },
    async close() {
      await snapshotter.stop();
      try {
        // An empty frame at the end makes damage to the last batch tellable from a torn write (C1).
        if (segment.sound) await write(encodeFrame([], segment.revision, segment.revision));
      } catch (error) {
        logger.warn({ err: error }, 'the end of the log could not be marked; everything acknowledged is in it');
      } finally {
        await segment.file.close();
      }
    },
  };
}
