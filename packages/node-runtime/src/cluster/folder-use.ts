import { lstat, opendir } from 'node:fs/promises';
import { join } from 'node:path';

/** Size of the blocks that `stat` counts in, in bytes. */
const BLOCK = 512;

/** Bytes on disk of everything below a folder. What comes and goes meanwhile is counted or not; links are not followed. */
export async function folderUse(folder: string, signal: AbortSignal): Promise<number> {
  let bytes = 0;
  const pending = [folder];
  for (let path = pending.pop(); path !== undefined; path = pending.pop()) {
    signal.throwIfAborted();
    try {
      for await (const entry of await opendir(path)) {
        const inner = join(path, entry.name);
        if (entry.isDirectory()) pending.push(inner);
        else bytes += await blocksOf(inner);
      }
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    }
  }
  return bytes;
}

async function blocksOf(path: string): Promise<number> {
  try {
    return (await lstat(path)).blocks * BLOCK;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return 0;
    throw error;
  }
}
