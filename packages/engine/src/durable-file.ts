import { open, readFile, rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { StackError } from '@polarstack/base';

/** Makes a folder's entries (renames, new names) survive a power loss. */
export async function syncFolder(path: string): Promise<void> {
  const folder = await open(path, 'r');
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}

/**
 * Replaces a file so that after a crash either the old or the new content is there, whole. Does nothing where the
 * content is already that.
 */
export async function writeDurably(path: string, content: string, mode = 0o600): Promise<void> {
  if (await replace(path, content, mode)) await syncFolder(dirname(path));
}

/** Several files of one folder at once: {@link writeDurably} for each, with one flush of the folder at the end. */
export async function writeAllDurably(folder: string, files: Readonly<Record<string, string>>): Promise<void> {
  const changed = await Promise.all(
    Object.entries(files).map(async ([name, content]) => await replace(join(folder, name), content, 0o600)),
  );
  if (changed.includes(true)) await syncFolder(folder);
}

const isFull = (error: unknown): boolean =>
  ['ENOSPC', 'EDQUOT'].includes((error as NodeJS.ErrnoException | undefined)?.code ?? '');

/** True where the content was another. Throws `DiskFull`, with the old content in place. */
async function replace(path: string, content: string, mode: number): Promise<boolean> {
  if ((await readIfThere(path)) === content) return false;
  const temporary = `${path}.new`;
  await rm(temporary, { force: true });
  try {
    const file = await open(temporary, 'wx', mode);
    try {
      await file.writeFile(content);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(temporary, path);
  } catch (error) {
    if (!isFull(error)) throw error;
    await rm(temporary, { force: true });
    throw new StackError('DiskFull', `no space left for ${path}`, { cause: error });
  }
  return true;
}

/** Removes a file, durably; a missing one is fine. */
export async function removeDurably(path: string): Promise<void> {
  if ((await readIfThere(path)) === undefined) return;
  await rm(path, { force: true });
  await syncFolder(dirname(path));
}

/** The text of a file, or undefined where there is none. */
export async function readIfThere(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}
