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
  const path = join(dir, 'lock');
  const file = await open(path, 'a+', 0o600);
  try {
    const result = spawnSync('flock', ['-n', '3'], { stdio: ['ignore', 'ignore', 'ignore', file.fd] });
    if (result.error) {
      throw new StackError('StateFolderUnusable', `cannot lock ${dir}: ${result.error.message}`, {
        cause: result.error,
        remedy: 'Install the program `flock` (package util-linux) and try again.',
      });
    }
    if (result.status !== 0) throw await heldBy(dir, path);
    await notePid(file);
  } catch (error) {
    await file.close();
    throw error;
  }
  return { release: () => file.close() };
}

async function notePid(file: FileHandle): Promise<void> {
  await file.truncate(0);
  await file.write(`${process.pid}\n`);
}

async function heldBy(dir: string, path: string): Promise<StackError> {
  const pid = Number.parseInt(await readFile(path, 'utf8'), 10);
  const who = Number.isSafeInteger(pid) ? `process ${pid}` : 'another process';
  return new StackError('StateLocked', `${dir} is in use by ${who}`, {
    details: { dir, ...(Number.isSafeInteger(pid) && { pid }) },
  });
}
