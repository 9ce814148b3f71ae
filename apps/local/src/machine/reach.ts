import { statSync } from 'node:fs';
import { dirname, resolve } from 'node:path';

/**
 * The first folder at or above `path` that a user without rights of its own cannot enter, if there is one. A folder
 * that does not exist yet is ours to make, so only its parents count.
 */
export function closedToOthers(path: string): string | undefined {
  for (let folder = resolve(path); ; folder = dirname(folder)) {
    const stat = statSync(folder, { throwIfNoEntry: false });
    if (stat?.isDirectory() && (stat.mode & 0o001) === 0) return folder;
    if (folder === dirname(folder)) return undefined;
  }
}
