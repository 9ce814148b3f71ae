import { chownSync, closeSync, fsyncSync, openSync, renameSync, writeSync } from 'node:fs';

/**
 * Replaces the file at `path` so that a reader, or a crash, sees the old content or the new and nothing between.
 * `owner` matters to root alone.
 */
export function writeFileAtomic(
  path: string,
  content: string,
  options: { readonly mode: number; readonly owner?: { readonly uid: number; readonly gid: number } | undefined },
): void {
  const temporary = `${path}.${process.pid}.tmp`;
  const fd = openSync(temporary, 'w', options.mode);
  try {
    writeSync(fd, content);
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
  if (options.owner) chownSync(temporary, options.owner.uid, options.owner.gid);
  renameSync(temporary, path);
}
