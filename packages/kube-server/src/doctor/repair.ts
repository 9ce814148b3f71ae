import { randomUUID } from 'node:crypto';
import { join, resolve, sep } from 'node:path';
import { StackError, silentLogger } from '@polarstack/base';
import { diskError } from '../store/disk-error.ts';
import { diskFiles, type Files } from '../store/files.ts';
import { type Formats, knownFormats } from '../store/formats.ts';
import { loadStore } from '../store/load.ts';
import { type FolderLock, lockUnchanged } from '../store/lock.ts';
import { createView } from '../store/view.ts';
import { createLogFile, writeSnapshotFile } from '../store/write-files.ts';
import { type RevisionRange, salvage } from './salvage.ts';
import { scanFolders, sourceFolders } from './scan.ts';

/** So far behind everything readable the repaired store goes on: farther than lost revisions can have reached. (S3) */
const revisionJump = 1_000_000;

/** What a repair found and did; also written as `repair-report.json` into the repaired copy. */
export interface RepairReport {
  readonly from: string;
  readonly to: string;
  /** True where the repaired copy holds everything that was ever acknowledged, as far as can be told. */
  readonly complete: boolean;
  readonly objects: number;
  /** The revision from which the repaired copy goes on. */
  readonly revision: number;
  /** The whole snapshot that it rests on; absent when there was none. */
  readonly basis?: string;
  /** What was unreadable in the files that were needed; `recovered` records of it could be read all the same. */
  readonly damages: readonly {
    readonly file: string;
    readonly offset: number;
    readonly bytes: number;
    readonly reason: string;
    readonly recovered: number;
  }[];
  /** Writes that are lost: what they changed has an older state now, or was not deleted, or is missing. */
  readonly lostRevisions: readonly RevisionRange[];
  /** Keys of objects that are lost because their bytes, though whole, make no sense. */
  readonly unreadable: readonly string[];
  /** True where objects are missing of which nothing is known, because no whole snapshot was left. */
  readonly baseMissing: boolean;
  /** Bytes at the end that an ordinary start would have cut as the torn write of a loss of power. */
  readonly cutBytes: number;
  /** The files that were read, with their sizes: a copy of something else than what lies there now is not put in place. */
  readonly sources: Readonly<Record<string, number>>;
}

export interface DoctorOptions {
  /** For tests: the disk, the lock and the readable formats. */
  readonly files?: Files;
  readonly formats?: Formats;
  readonly lock?: (dir: string) => Promise<FolderLock>;
}

/**
 * Writes what is readable of the store in `dir` into the folder `to`, which must be missing or empty, as a store that
 * opens. Touches nothing in `dir`, and keeps others from writing there meanwhile. Works as well where putting an earlier
 * copy in place was interrupted.
 *
 * Throws `StateLocked` while a process has the store open, `StateFolderUnusable`, `StateFormatTooNew`, `StateDiskFull`,
 * `StateWriteFailed`.
 */
export async function repair(
  dir: string,
  { to, files = diskFiles, formats = knownFormats, lock = lockUnchanged }: DoctorOptions & { readonly to: string },
): Promise<RepairReport> {
  if (`${resolve(to)}${sep}`.startsWith(`${resolve(dir)}${sep}`)) {
    throw unusable(to, 'the repaired copy must lie outside of the damaged folder');
  }
  const held = await lock(dir);
  try {
    const scanned = await scanFolders(await sourceFolders(dir, files), files, formats);
    if (scanned.length === 0) throw unusable(dir, 'there is no state in it');
    if ((await files.list(to)).length > 0) throw unusable(to, 'it is not empty');
    const found = salvage(scanned);
    const { entries, lostRevisions, baseMissing, basis, damages, unreadable } = found;
    const revision = found.highest + revisionJump;
    const report: RepairReport = {
      from: dir,
      to,
      complete: lostRevisions.length === 0 && !baseMissing && unreadable.length === 0,
      objects: entries.length,
      revision,
      ...(basis && { basis }),
      damages: damages.map(({ salvaged, ...damage }) => ({ ...damage, recovered: salvaged.length })),
      lostRevisions,
      unreadable,
      baseMissing,
      cutBytes: found.tail?.bytes ?? 0,
      sources: Object.fromEntries(scanned.map(({ name, bytes }) => [name, bytes.length])),
    };
    await write(to, files, found.store ?? randomUUID(), revision, found.entries, report);
    await verify(to, files, formats, report);
    return report;
  } finally {
    await held.release();
  }
}

const unusable = (dir: string, why: string): StackError =>
  new StackError('StateFolderUnusable', `cannot use ${dir}: ${why}`, { details: { dir } });

async function write(
  to: string,
  files: Files,
  store: string,
  revision: number,
  entries: Parameters<typeof writeSnapshotFile>[2],
  report: RepairReport,
): Promise<void> {
  const place = { files, dir: to };
  try {
    await files.makeFolder(to);
    const text = await files.create(join(to, 'repair-report.json'));
    try {
      await text.write(Buffer.from(`${JSON.stringify(report, undefined, 2)}\n`), 0);
      await text.sync();
    } finally {
      await text.close();
    }
    const snapshot = { kind: 'snapshot', store, sequence: 1, revision, entries: entries.length } as const;
    await writeSnapshotFile(place, snapshot, entries);
    const log = { kind: 'log', store, sequence: 1, follows: revision, base: revision } as const;
    const { file } = await createLogFile(place, log);
    await file.close();
  } catch (error) {
    throw diskError(to, error);
  }
}

async function verify(to: string, files: Files, formats: Formats, { objects, revision }: RepairReport): Promise<void> {
  const view = createView({ events: 0, bytes: 0 }, silentLogger);
  await loadStore({ dir: to, files, formats, view, logger: silentLogger });
  if (view.size === objects && view.revision === revision) return;
  throw new StackError(
    'Internal',
    `the repaired copy in ${to} reads back as ${view.size} objects instead of ${objects}`,
  );
}
