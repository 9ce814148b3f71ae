import { join } from 'node:path';
import { StackError } from '@polarstack/base';
import { writeError } from '../store/disk-log.ts';
import { isHalfReplaced, stateFiles, storeFile } from '../store/file-names.ts';
import { diskFiles, type Files } from '../store/files.ts';
import { lockFolder } from '../store/lock.ts';
import type { DoctorOptions, RepairReport } from './repair.ts';

const partly = '.partial';

/**
 * Puts the repaired store in place of the one in `dir`, whose files are kept in the folder that is returned. Both must
 * lie on one file system.
 *
 * - W1 Whenever it is interrupted, `dir` holds the old store, or what no start accepts, or the new store: never
 *   something in between that starts. Old logs go first, oldest first, so that the rest lacks its beginning, not its
 *   end; then old snapshots; then the new snapshot comes, which is nothing without its log; then that log.
 * - W2 Running it again goes on where it was: as long as the new snapshot has not been moved, everything in `dir` is old.
 *
 * Throws `StateLocked`, `StateFolderUnusable`, `StateWriteFailed`.
 */
export async function swapIn(
  dir: string,
  repaired: string,
  { files = diskFiles, lock = lockFolder }: DoctorOptions = {},
): Promise<{ readonly kept: string }> {
  const held = await lock(dir);
  try {
    const fresh = stateFiles(await files.list(repaired));
    const begun = await unfinishedSwap(dir, files);
    if (!begun && (fresh.logs.length !== 1 || fresh.snapshots.length !== 1)) {
      throw new StackError('StateFolderUnusable', `${repaired} is not a repaired copy`, { details: { dir: repaired } });
    }
    if (!begun) await assertCopyOf(dir, repaired, files);
    const kept = begun ?? (await nextName(dir, files));
    await move({ files, dir, repaired, partial: join(dir, `${kept}${partly}`), kept: join(dir, kept), fresh });
    return { kept: join(dir, kept) };
  } catch (error) {
    throw writeError(dir, error);
  } finally {
    await held.release();
  }
}

/** Refuses a copy that was made before the store changed again: what was written since would be lost. */
async function assertCopyOf(dir: string, repaired: string, files: Files): Promise<void> {
  const report = JSON.parse((await files.read(join(repaired, 'repair-report.json'))).toString()) as RepairReport;
  const { logs, snapshots } = stateFiles(await files.list(dir));
  const sizes = new Map<string, number>();
  for (const { name } of [...logs, ...snapshots]) sizes.set(name, (await files.read(join(dir, name))).length);
  const same = Object.entries(report.sources).every(([name, bytes]) => sizes.get(name) === bytes);
  if (same && sizes.size === Object.keys(report.sources).length) return;
  throw new StackError('StateFolderUnusable', `${dir} has changed since ${repaired} was made from it`, {
    remedy: 'Repair it again into another folder.',
    details: { dir, repaired },
  });
}

async function unfinishedSwap(dir: string, files: Files): Promise<string | undefined> {
  const name = (await files.list(dir)).find(isHalfReplaced);
  return name?.slice(0, -partly.length);
}

async function nextName(dir: string, files: Files): Promise<string> {
  const numbers = (await files.list(dir)).map((name) => Number(/^replaced-(\d+)$/.exec(name)?.[1] ?? 0));
  return `replaced-${Math.max(0, ...numbers) + 1}`;
}

interface Move {
  readonly files: Files;
  readonly dir: string;
  readonly repaired: string;
  readonly partial: string;
  readonly kept: string;
  readonly fresh: ReturnType<typeof stateFiles>;
}

async function move({ files, dir, repaired, partial, kept, fresh }: Move): Promise<void> {
  const one = async (from: string, to: string, name: string) => {
    await files.rename(join(from, name), join(to, name));
    // The order of W1 must hold on the disk too.
    await files.syncFolder(to);
    await files.syncFolder(from);
  };
  await files.makeFolder(partial);
  if (fresh.snapshots.length > 0) {
    const names = await files.list(dir);
    const old = stateFiles(names);
    const rest = names.filter((name) => storeFile(name)?.type === 'unfinished' || name.startsWith('cut-'));
    for (const name of [...rest, ...[...old.logs, ...old.snapshots].map((file) => file.name)])
      await one(dir, partial, name);
  }
  for (const { name } of [...fresh.snapshots, ...fresh.logs]) await one(repaired, dir, name);
  if ((await files.list(repaired)).includes('repair-report.json')) await one(repaired, partial, 'repair-report.json');
  await files.rename(partial, kept);
  await files.syncFolder(dir);
}
