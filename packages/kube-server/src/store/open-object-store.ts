import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { type Logger, StackError } from '@polarstack/base';
import { maxFrameRecords } from './codec.ts';
import { createCommitter } from './committer.ts';
import { diskError } from './disk-error.ts';
import { createDiskLog, type LogStart } from './disk-log.ts';
import { cutName, isHalfReplaced, storeFile } from './file-names.ts';
import { diskFiles, type Files } from './files.ts';
import { type Formats, knownFormats } from './formats.ts';
import { defaultHistoryLimit, type HistoryLimit } from './history.ts';
import { assertOurs, type LoadedStore, loadStore } from './load.ts';
import { type FolderLock, lockFolder } from './lock.ts';
import type { ObjectStore } from './object-store.ts';
import { createView } from './view.ts';

export interface StoreOptions {
  /** Folder of the store; created (0700) if missing. */
  readonly dir: string;
  readonly logger: Logger;
  readonly historyLimit?: HistoryLimit;
  /** Log size in bytes below which no snapshot is taken. Default 8 MiB. */
  readonly snapshotBytes?: number;
  /** For tests: the disk, the lock and the readable formats. */
  readonly files?: Files;
  readonly lock?: (dir: string) => Promise<FolderLock>;
  readonly formats?: Formats;
}

/**
 * Opens the store in `dir`, making it if there is none, and holds its lock until `close`.
 *
 * Throws `StateLocked`, `StateFolderUnusable`, `StateLogCorrupt`, `StateFormatTooNew`, `StateDiskFull`, `StateWriteFailed`.
 *
 * - O1 Nothing that was read is shown before it is fsynced: after a kill the newest batch may be in the page cache only.
 *   It is written again first, because after an fsync that failed the kernel takes the pages for clean. (S1)
 * - O2 Every opening begins a new log, behind the last good byte of the one before. A bad tail thus needs no cutting to
 *   be harmless; it is copied to a side file first, and cut last.
 * - O3 Behind a bad tail, revisions go on after all that it can have used. A torn write was shown to nobody, but bytes
 *   that went bad after they were acknowledged look the same; so no watcher that saw them sees another object under
 *   their number, and the window of history starts behind them: such a watcher is told `Gone` and lists anew. (S3, S4)
 *
 * Where the log has no such end, watches may resume from before the restart: from the last snapshot on (within the
 * history limit).
 */
export async function openObjectStore(options: StoreOptions): Promise<ObjectStore> {
  const { dir, logger } = options;
  const files = options.files ?? diskFiles;
  const lock = await enter(dir, files, options.lock ?? lockFolder);
  try {
    const view = createView(options.historyLimit ?? defaultHistoryLimit, logger);
    const loaded = await loadStore({ dir, files, view, logger, formats: options.formats ?? knownFormats });
    const start = await settleEnd(dir, files, view.revision, loaded, logger);
    if (start.base > view.revision) view.skipTo(start.base);
    const log = await createDiskLog({
      dir,
      files,
      logger,
      store: loaded?.store ?? randomUUID(),
      start,
      snapshotBytes: options.snapshotBytes ?? 8 * 1024 * 1024,
      snapshot: loaded?.snapshot ?? { sequence: 0, bytes: 0, logBytes: 0 },
      snapshotNow: loaded?.stale ?? false,
    });
    if (loaded?.tail) await cutTail(dir, files, loaded, logger);
    await log.checkpoint(view.revision, () => view.list(''));
    const store = createCommitter(view, log, logger);
    return {
      ...store,
      get revision() {
        return store.revision;
      },
      get oldestRevision() {
        return store.oldestRevision;
      },
      close: async () => {
        try {
          await store.close();
        } finally {
          await lock.release();
        }
      },
    };
  } catch (error) {
    await lock.release();
    throw diskError(dir, error);
  }
}

async function enter(dir: string, files: Files, lock: (dir: string) => Promise<FolderLock>): Promise<FolderLock> {
  try {
    await files.makeFolder(dir);
    const names = await files.list(dir);
    const half = names.find(isHalfReplaced);
    if (half !== undefined) {
      throw new StackError(
        'StateFolderUnusable',
        `putting a repaired copy in place was interrupted: ${join(dir, half)}`,
        {
          remedy: 'Run `polarstack doctor --repair` again; it goes on where it was.',
          details: { dir },
        },
      );
    }
    const isState = (name: string) => storeFile(name) !== undefined;
    if (!names.some(isState)) assertOurs(dir, names, (name) => name === 'lock' || name.startsWith('cut-'));
    return await lock(dir);
  } catch (error) {
    throw diskError(dir, error);
  }
}

/** Makes what was read durable (O1), clears away what was never finished, and says where the next log starts. */
async function settleEnd(
  dir: string,
  files: Files,
  revision: number,
  loaded: LoadedStore | undefined,
  logger: Logger,
): Promise<LogStart> {
  for (const name of await files.list(dir)) {
    if (storeFile(name)?.type === 'unfinished') await files.remove(join(dir, name));
  }
  if (!loaded) return { sequence: 1, follows: 0, base: 0 };
  const { logName, logLength, lastFrame, tail, sequence } = loaded;
  const newest = await files.open(join(dir, logName));
  try {
    await newest.write(lastFrame.bytes, lastFrame.offset);
    await newest.sync();
  } finally {
    await newest.close();
  }
  await files.syncFolder(dir);
  if (tail) {
    const side = cutName(logName, tail.offset);
    logger.warn(
      {
        file: join(dir, logName),
        offset: tail.offset,
        bytes: tail.bytes.length,
        keptIn: join(dir, side),
        reason: tail.reason,
      },
      'the last record of the state log is not whole, as after a loss of power, and is cut off; nobody was told of it',
    );
    await keepAside(dir, files, side, tail.bytes);
  }
  const base = tail ? revision + maxFrameRecords : revision;
  return { sequence: sequence + 1, follows: revision, base, previousLength: logLength };
}

async function keepAside(dir: string, files: Files, name: string, bytes: Buffer): Promise<void> {
  const file = await files.create(join(dir, name));
  try {
    await file.write(bytes, 0);
    await file.sync();
  } finally {
    await file.close();
  }
  await files.syncFolder(dir);
}

async function cutTail(dir: string, files: Files, loaded: LoadedStore, logger: Logger): Promise<void> {
  try {
    const file = await files.open(join(dir, loaded.logName));
    try {
      await file.truncate(loaded.logLength);
      await file.sync();
    } finally {
      await file.close();
    }
  } catch (error) {
    // The next log already says where this one ends (O2).
    logger.warn({ err: error }, 'the bad end of the log could not be cut; it is ignored');
  }
}
