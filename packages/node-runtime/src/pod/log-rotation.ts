import { constants } from 'node:fs';
import { type FileHandle, open, rename } from 'node:fs/promises';

/** Where the older part of a log lies. */
export const rotatedLog = (path: string): string => `${path}.1`;

const CHUNK = 256 * 1024;

async function copyFrom(source: FileHandle, target: FileHandle, from: number): Promise<number> {
  const chunk = Buffer.alloc(CHUNK);
  for (let offset = from; ; ) {
    const { bytesRead } = await source.read(chunk, 0, CHUNK, offset);
    if (bytesRead === 0) return offset;
    await target.write(chunk, 0, bytesRead);
    offset += bytesRead;
  }
}

/**
 * Moves a log's content to `<path>.1` when it is larger than `maxBytes`; answers whether it did. The writers keep the
 * file open with O_APPEND, so it is emptied, not replaced: their next line lands at its new beginning. What arrives
 * between the last look and the cut (microseconds) is lost, as with any copy-and-truncate.
 */
export async function rotateLog(path: string, maxBytes: number): Promise<boolean> {
  const { O_CREAT, O_NOFOLLOW, O_RDWR, O_TRUNC, O_WRONLY } = constants;
  let log: FileHandle;
  try {
    log = await open(path, O_RDWR | O_NOFOLLOW);
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return false;
    throw error;
  }
  try {
    if ((await log.stat()).size <= maxBytes) return false;
    const aside = `${path}.1.new`;
    const target = await open(aside, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW, 0o600);
    try {
      await copyFrom(log, target, await copyFrom(log, target, 0));
    } finally {
      await target.close();
    }
    // In this order: a reader that sees a new rotated file knows that the log has begun anew.
    await log.truncate(0);
    await rename(aside, rotatedLog(path));
    return true;
  } finally {
    await log.close();
  }
}
