/**
 * What Linux says about processes. Reads of /proc are synchronous on purpose: they never touch a disk, cost
 * microseconds, and a scan must not be interleaved with anything.
 */
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { basename } from 'node:path';

/**
 * True where an error of /proc says that the process is gone. Every other one (no descriptor left, no memory) says nothing about
 * the process: it is thrown, for a living engine must never be taken for a dead one.
 */
const saysGone = (error: unknown): boolean => ['ENOENT', 'ESRCH'].includes((error as NodeJS.ErrnoException).code ?? '');
const saysForeign = (error: unknown): boolean =>
  ['EACCES', 'EPERM'].includes((error as NodeJS.ErrnoException).code ?? '');

export interface ProcessStat {
  readonly parent: number;
  /** Ticks since boot: with the pid, the identity of the process. */
  readonly startTicks: number;
}

/**
 * Undefined where the process does not exist or is dead already (a zombie is dead: it runs no more instruction). Throws where that
 * cannot be told.
 */
export function processStat(pid: number): ProcessStat | undefined {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'latin1');
    const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
    const state = fields[0];
    if (state === 'Z' || state === 'X') return undefined;
    return { parent: Number(fields[1]), startTicks: Number(fields[19]) };
  } catch (error) {
    if (saysGone(error)) return undefined;
    throw error;
  }
}

/** The name of the program that a process runs; empty where it is gone or another user's. */
export function executableOf(pid: number): string {
  try {
    return basename(readlinkSync(`/proc/${pid}/exe`));
  } catch (error) {
    if (saysGone(error) || saysForeign(error)) return '';
    throw error;
  }
}

/** True while the same process (not a later one with its pid) lives. Throws where that cannot be told. */
export const isAlive = (pid: number, startTicks: number): boolean => processStat(pid)?.startTicks === startTicks;

/**
 * Processes whose working directory is one of `folders` (real paths), whoever started them. PostgreSQL's processes all
 * work in their data folder, and neither process groups nor the environment tell as much: each child has a session of
 * its own and overwrites its environment.
 */
export function processesIn(folders: readonly string[]): readonly number[] {
  const found: number[] = [];
  for (const name of readdirSync('/proc')) {
    const pid = Number(name);
    if (!Number.isInteger(pid) || pid === process.pid) continue;
    try {
      const cwd = readlinkSync(`/proc/${name}/cwd`).replace(/ \(deleted\)$/, '');
      if (folders.some((folder) => cwd === folder || cwd.startsWith(`${folder}/`)) && processStat(pid)) found.push(pid);
    } catch (error) {
      // Gone meanwhile, a zombie, or another user's: none of them is a living process of ours.
      if (!saysGone(error) && !saysForeign(error)) throw error;
    }
  }
  return found;
}

/**
 * True where `kill -0` finds something by this pid that is ours: also a zombie, whose parent has not yet looked at it. That is
 * how PostgreSQL asks whether the owner of a lock file lives.
 */
export function pidIsTaken(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

/** A System V shared memory segment. Ids are given again after a boot, so the key belongs to its identity. */
export interface SharedMemory {
  readonly key: number;
  readonly id: number;
}

/** How many processes have a segment attached; 0 where there is none of this key and id. */
export function sharedMemoryAttachments({ key, id }: SharedMemory): number {
  const rows = readFileSync('/proc/sysvipc/shm', 'latin1')
    .split('\n')
    .map((line) => line.trim().split(/\s+/));
  const [header = []] = rows;
  const row = rows.find(
    (fields) =>
      Number(fields[header.indexOf('shmid')]) === id &&
      // Written with a sign here, without one there.
      (Number(fields[header.indexOf('key')]) | 0) === (key | 0),
  );
  return row === undefined ? 0 : Number(row[header.indexOf('nattch')]);
}

/** The boot this process lives in: ticks and pids of another boot mean nothing. */
export const bootId = (): string => readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();

/** SIGKILL; a process that is gone already is fine. */
export function kill(pid: number, signal: NodeJS.Signals = 'SIGKILL'): void {
  try {
    process.kill(pid, signal);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}
