import { spawnSync } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import { StackError } from '@polarstack/base';

/**
 * Tries to take an exclusive lock on a file. The lock belongs to the open file: it is held for as long as this
 * descriptor, or a copy that a child inherited, is open anywhere; death frees it. Undefined where someone holds it.
 */
export function tryLock(path: string): number | undefined {
  const fd = openSync(path, 'a', 0o600);
  const { status, error } = spawnSync('flock', ['-n', '3'], { stdio: ['ignore', 'ignore', 'ignore', fd] });
  if (status === 0) return fd;
  closeSync(fd);
  if (status === 1) return undefined;
  throw new StackError(
    'EngineNotInstalled',
    `cannot lock ${path}: flock(1) ${error?.message ?? `ended with ${status}`}`,
    {
      remedy: 'Install the package util-linux.',
      cause: error,
    },
  );
}

/** True where somebody holds the lock. */
export function isLocked(path: string): boolean {
  const fd = tryLock(path);
  if (fd === undefined) return true;
  closeSync(fd);
  return false;
}
