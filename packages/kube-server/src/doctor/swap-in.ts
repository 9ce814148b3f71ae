import { join } from 'node:path';
import { StackError } from '@polarstack/base';
import { diskError } from '../store/disk-error.ts';
import {
  emptiedSuffix,
  isEmptied,
  isHalfReplaced,
  partialSuffix,
  replacedName,
  stateFiles,
  storeFile,
} from '../store/file-names.ts';
import { diskFiles, type Files } from '../store/files.ts';
import { lockFolder } from '../store/lock.ts';
import type { DoctorOptions, RepairReport } from './repair.ts';
import { sourceFolders } from './scan.ts';

const reportName = 'repair-report.json';

/**
 * Puts the repaired store in place of the one in `dir`, whose files are kept in the folder that is returned. Both must
 * lie on one file system.
 *
 * - W1 First all old files move into `replaced-<n>.partial`; that becomes `replaced-<n>.emptied`; then the new files move
 *   into `dir`; then it becomes `replaced-<n>`. No store starts beside either of the first two names.
 * - W2 Interrupted anywhere, it can be run again, with the same copy or with one that `repair` has made since.
 *
 * Throws `StateLocked`, `StateFolderUnusable`, `StateDiskFull`, `StateWriteFailed`.
 */
export async function swapIn(
  dir: string,
  repaired: string,
  { files = diskFiles, lock = lockFolder }: DoctorOptions = {},
): Promise<{ readonly kept: string }> {
  const held = await lock(dir);
  try {
    const half = (await files.list(dir)).find(isHalfReplaced);
    const kept = half?.slice(0, half.lastIndexOf('.')) ?? (await nextName(dir, files));
    const [partial, emptied] = [join(dir, kept + partialSuffix), join(dir, kept + emptiedSuffix)];
    if (half === undefined || !isEmptied(half)) {
      await assertCopyOf(dir, repaired, files);
      await moveOldAway(dir, partial, files);
      await files.rename(partial, emptied);
      await files.syncFolder(dir);
    }
    await moveNewIn(dir, repaired, files);
    if ((await files.list(repaired)).includes(reportName)) await move(repaired, emptied, reportName, files);
    await files.rename(emptied, join(dir, kept));
    await files.syncFolder(dir);
    return { kept: join(dir, kept) };
  } catch (error) {
    throw diskError(dir, error);
  } finally {
    await held.release();
  }
}

const notACopy = (repaired: string): StackError =>
  new StackError('StateFolderUnusable', `${repaired} is not a repaired copy`, { details: { dir: repaired } });

/** Refuses what is no copy, and one that was made before the store changed again: what was written since would be lost. */
async function assertCopyOf(dir: string, repaired: string, files: Files): Promise<void> {
  const names = await files.list(repaired);
  const fresh = stateFiles(names);
  if (fresh.logs.length !== 1 || fresh.snapshots.length !== 1 || !names.includes(reportName)) throw notACopy(repaired);
  const { sources } = JSON.parse((await files.read(join(repaired, reportName))).toString()) as RepairReport;
  const sizes = new Map<string, number>();
  for (const folder of await sourceFolders(dir, files)) {
    const { logs, snapshots } = stateFiles(await files.list(folder));
    for (const { name } of [...logs, ...snapshots]) sizes.set(name, (await files.read(join(folder, name))).length);
  }
  const same = Object.entries(sources).every(([name, bytes]) => sizes.get(name) === bytes);
  if (same && sizes.size === Object.keys(sources).length) return;
  throw new StackError('StateFolderUnusable', `${dir} has changed since ${repaired} was made from it`, {
    remedy: 'Repair it again into another folder.',
    details: { dir, repaired },
  });
}

async function nextName(dir: string, files: Files): Promise<string> {
  const names = new Set(await files.list(dir));
  let number = 1;
  while (names.has(replacedName(number))) number++;
  return replacedName(number);
}

async function moveOldAway(dir: string, partial: string, files: Files): Promise<void> {
  await files.makeFolder(partial);
  const isOld = (name: string) => storeFile(name) !== undefined || name.startsWith('cut-');
  for (const name of (await files.list(dir)).filter(isOld)) await move(dir, partial, name, files);
}

/** A snapshot is nothing without its log, which therefore comes last. */
async function moveNewIn(dir: string, repaired: string, files: Files): Promise<void> {
  const fresh = stateFiles(await files.list(repaired));
  for (const { name } of [...fresh.snapshots, ...fresh.logs]) await move(repaired, dir, name, files);
  const now = stateFiles(await files.list(dir));
  if (now.logs.length !== 1 || now.snapshots.length !== 1) throw notACopy(repaired);
}

/** Moves a file durably, so that what comes after it cannot survive a loss of power alone. */
async function move(from: string, to: string, name: string, files: Files): Promise<void> {
  await files.rename(join(from, name), join(to, name));
  await files.syncFolder(to);
  await files.syncFolder(from);
}
