import { randomBytes } from 'node:crypto';
import { closeSync, constants, fchownSync, fsyncSync, openSync, renameSync, rmSync, writeFileSync } from 'node:fs';

const { O_CREAT, O_EXCL, O_NOFOLLOW, O_WRONLY } = constants;

/**
 * Replaces the file at `path` so that a reader, or a crash, sees the old content or the new and nothing between. Nobody
 * can know the name that is written first, nor have put a link there. `owner` matters to root alone.
 */
export function writeFileAtomic(
  path: string,
  content: string,
  options: { readonly mode: number; readonly owner?: { readonly uid: number; readonly gid: number } | undefined },
): void {
  const temporary = `${path}.${randomBytes(8).toString('hex')}.tmp`;
  const fd = openSync(temporary, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, options.mode);
  try {
    try {
      if (options.owner) fchownSync(fd, options.owner.uid, options.owner.gid);
      writeFileSync(fd, content);
      fsyncSync(fd);
    } finally {
      closeSync(fd);
    }
    renameSync(temporary, path);
  } catch (error) {
    rmSync(temporary, { force: true });
    throw error;
  }
}
