import { spawnSync } from 'node:child_process';
import { type FileHandle, open, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { StackError } from '@polarstack/base';

export interface FolderLock {
  release(): Promise<void>;
}

/**
 * Takes the folder's lock, or throws `StateLocked` naming the holder.
 *
 * The lock is a flock of an open file description, which the kernel drops with its last descriptor: it dies with this
 * process however it ends, and no stale file can keep a successor out. The process id in the file is for people.
 * The file is never removed: a successor could then lock a file that nobody else would find.
 */
export async function lockFolder(dir: string): Promise<FolderLock> {
  const file = await open(join(dir, 'lock'), 'a+', 0o600);
  await take(dir, file);
  await file.truncate(0);
  await file.write(`${process.pid}\n`);
  return { release: () => file.close() };
}

/** The same without writing anything; a folder that has no lock file was never opened, and needs none. */
export async function lockUnchanged(dir: string): Promise<FolderLock> {
  let file: FileHandle;
  try {
    file = await open(join(dir, 'lock'), 'r');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return { release: async () => {} };
    throw error;
  }
  await take(dir, file);
  return { release: () => file.close() };
}

/** So long, in seconds, a lock is waited for: a look at the folder holds it for a moment, and a killed holder ends soon. */
const patience = '0.3';

async function take(dir: string, file: FileHandle): Promise<void> {
  try {
    const result = spawnSync('flock', ['-w', patience, '3'], { stdio: ['ignore', 'ignore', 'ignore', file.fd] });
    if (result.error) {
      throw new StackError('StateFolderUnusable', `cannot lock ${dir}: ${result.error.message}`, {
        cause: result.error,
        remedy: 'Install the program `flock` (package util-linux) and try again.',
      });
    }
    if (result.status !== 0) throw await heldBy(dir);
  } catch (error) {
    await file.close();
    throw error;
  }
}

async function heldBy(dir: string): Promise<StackError> {
  const pid = Number.parseInt(await readFile(join(dir, 'lock'), 'utf8'), 10);
  const who = Number.isSafeInteger(pid) ? `process ${pid}` : 'another process';
  return new StackError('StateLocked', `${dir} is in use by ${who}`, {
    details: { dir, ...(Number.isSafeInteger(pid) && { pid }) },
  });
}
