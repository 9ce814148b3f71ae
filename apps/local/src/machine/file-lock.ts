import { spawn, spawnSync } from 'node:child_process';
import { closeSync, constants, ftruncateSync, openSync, readFileSync, writeSync } from 'node:fs';
import { StackError, systemClock } from '@polarstack/base';

/** A lock that a process holds for as long as its file stays open: the kernel frees it when the process dies. */
export interface FileLock {
  release(): void;
}

export interface LockHolder {
  readonly pid: number;
  readonly command: string;
}

const programMissing = (cause: unknown): StackError =>
  new StackError('ProgramMissing', 'the program `flock` (package util-linux) was not found', { cause });

/** Takes the lock at `path` if it is free. `command` names the holder to whoever finds it taken. */
export function tryLock(path: string, command: string): FileLock | undefined {
  const fd = openSync(path, constants.O_RDWR | constants.O_CREAT, 0o600);
  const { status, error } = spawnSync('flock', ['-n', '3'], { stdio: ['ignore', 'ignore', 'ignore', fd] });
  if (error) {
    closeSync(fd);
    throw programMissing(error);
  }
  if (status !== 0) {
    closeSync(fd);
    return undefined;
  }
  return held(fd, command);
}

function held(fd: number, command: string): FileLock {
  ftruncateSync(fd);
  writeSync(fd, JSON.stringify({ pid: process.pid, command } satisfies LockHolder), 0);
  return { release: () => closeSync(fd) };
}

/** Who wrote its name into the lock file last: the holder, while there is one. */
export function lockHolder(path: string): LockHolder | undefined {
  try {
    const { pid, command } = JSON.parse(readFileSync(path, 'utf8')) as Record<string, unknown>;
    return typeof pid === 'number' && typeof command === 'string' ? { pid, command } : undefined;
  } catch {
    return undefined; // Nobody has held it yet, or the holder is writing its name this very moment.
  }
}

/** As {@link lockHolder}, with the moment that a holder needs between taking the lock and writing its name. */
async function nameOfHolder(path: string): Promise<LockHolder | undefined> {
  for (let look = 0; look < 25; look++) {
    const holder = lockHolder(path);
    if (holder) return holder;
    await systemClock.sleep(20);
  }
  return undefined;
}

/** Takes the lock at `path`, waiting for its holder to end; `onWait` is told once who that is. */
export async function acquireLock(
  path: string,
  command: string,
  options: { readonly signal: AbortSignal; readonly onWait?: (holder: LockHolder | undefined) => void },
): Promise<{ readonly lock: FileLock; readonly waited: boolean }> {
  const free = tryLock(path, command);
  if (free) return { lock: free, waited: false };
  options.onWait?.(await nameOfHolder(path));
  const fd = openSync(path, constants.O_RDWR);
  try {
    await waitForLock(fd, options.signal);
  } catch (error) {
    closeSync(fd);
    throw error;
  }
  return { lock: held(fd, command), waited: true };
}

function waitForLock(fd: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const child = spawn('flock', ['3'], { stdio: ['ignore', 'ignore', 'ignore', fd], signal });
    child.on('error', (error) => reject(signal.aborted ? new StackError('Cancelled', 'stopped waiting') : error));
    child.on('exit', (code) => {
      if (code === 0) resolve();
      else reject(new StackError('HomeBusy', `flock ended with ${code}`));
    });
  });
}
