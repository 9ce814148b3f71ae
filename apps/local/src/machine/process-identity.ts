import { readdirSync, readFileSync, readlinkSync, statSync } from 'node:fs';

/**
 * Which process is meant, beyond doubt: pids are reused, so a pid counts only together with the moment it started
 * and the boot it started in.
 */
export interface ProcessIdentity {
  readonly pid: number;
  /** Clock ticks between boot and the start of the process. */
  readonly startTime: string;
  readonly bootId: string;
}

function bootId(): string {
  return readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
}

interface ProcessStat {
  readonly startTime: string;
  readonly terminal: boolean;
  readonly stopped: boolean;
}

/** What the kernel says of a living process; a zombie is dead. */
function readStat(pid: number): ProcessStat | undefined {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'utf8');
    // The program's name stands in parentheses and may hold anything, so count from the last one.
    const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
    if (fields[0] === 'Z' || fields[0] === 'X') return undefined;
    return {
      startTime: fields[19] ?? '',
      terminal: fields[4] !== '0',
      stopped: fields[0] === 'T' || fields[0] === 't',
    };
  } catch (error) {
    if (isGone(error)) return undefined;
    throw error; // As with no file descriptor left: nothing is known, and a living process must not count as dead.
  }
}

/** The two ways in which the kernel says that a process has ended, before we looked or while. */
function isGone(error: unknown): boolean {
  const { code } = error as NodeJS.ErrnoException;
  return code === 'ENOENT' || code === 'ESRCH';
}

/** The identity of a living process, or undefined where there is none of that pid. */
export function identifyProcess(pid: number): ProcessIdentity | undefined {
  const stat = readStat(pid);
  return stat && { pid, startTime: stat.startTime, bootId: bootId() };
}

export function isProcessAlive(identity: ProcessIdentity): boolean {
  return readStat(identity.pid)?.startTime === identity.startTime && bootId() === identity.bootId;
}

/** Whether it has been stopped (SIGSTOP), so that it lives and does nothing. */
export function isProcessStopped(pid: number): boolean {
  return readStat(pid)?.stopped === true;
}

export function isProcessIdentity(value: unknown): value is ProcessIdentity {
  if (typeof value !== 'object' || value === null) return false;
  const { pid, startTime, bootId: boot } = value as Record<string, unknown>;
  return typeof pid === 'number' && typeof startTime === 'string' && typeof boot === 'string';
}

export interface ProcessView {
  readonly pid: number;
  readonly command: string;
  /** The command line, word by word. */
  readonly words: readonly string[];
  /** The effective user. */
  readonly uid: number;
  /** The working directory; empty where it is not ours to know. */
  readonly cwd: string;
}

/** The command line of a process; empty for one that has none or is gone. */
function wordsOf(pid: number): readonly string[] {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').replace(/\0$/, '').split('\0');
  } catch (error) {
    if (isGone(error) || isHidden(error)) return [];
    throw error;
  }
}

/** The command line of a process, as a person would read it; empty for one that has none or is gone. */
export function commandOf(pid: number): string {
  return wordsOf(pid).join(' ').trim();
}

/** A process of somebody else that the machine does not show us. */
function isHidden(error: unknown): boolean {
  const { code } = error as NodeJS.ErrnoException;
  return code === 'EACCES' || code === 'EPERM';
}

/** What a search may ask of a process. */
export interface ProcessTraits extends ProcessView {
  /** Whether it has a controlling terminal: somebody's shell, or what was started from one. */
  readonly terminal: boolean;
}

/** Every living process but ourselves of which `matches` says yes. */
export function findProcesses(matches: (process: ProcessTraits) => boolean): readonly ProcessView[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name) && Number(name) !== process.pid)
    .flatMap((name) => viewOf(Number(name)) ?? [])
    .filter(matches);
}

function viewOf(pid: number): ProcessTraits | undefined {
  try {
    const stat = readStat(pid);
    if (stat === undefined) return undefined;
    const words = wordsOf(pid);
    const { uid } = statSync(`/proc/${pid}`);
    return { pid, words, command: words.join(' ').trim(), uid, cwd: workingDirectory(pid), terminal: stat.terminal };
  } catch (error) {
    if (isGone(error) || isHidden(error)) return undefined;
    throw error;
  }
}

function workingDirectory(pid: number): string {
  try {
    return readlinkSync(`/proc/${pid}/cwd`);
  } catch (error) {
    if (isGone(error) || isHidden(error)) return '';
    throw error;
  }
}
