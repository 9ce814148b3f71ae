import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { StackError } from '@polarstack/base';

/** One row of the kernel's process table. */
export interface ProcessEntry {
  readonly pid: number;
  readonly parent: number;
  readonly session: number;
  /** True where it has a controlling terminal: somebody's shell. Pods never have one. */
  readonly terminal: boolean;
  /** R, S, D, T, ...; zombies (Z, X) are never listed: they are dead. */
  readonly state: string;
  /** Clock ticks since boot: with the pid and the boot id it names a process for ever. */
  readonly startTime: number;
}

/** Names a process so that a reused pid is not taken for it. */
export interface ProcessIdentity {
  readonly pid: number;
  readonly startTime: number;
  readonly bootId: string;
}

/** What a scan may ask about a process; undefined where it is gone or not ours to ask. */
export interface ProcessInspector {
  workingDirectory(pid: number): string | undefined;
  /** True where an entry `NAME=value` of the initial environment starts with `prefix`. */
  hasEnvironment(pid: number, prefix: string): boolean;
  effectiveUid(pid: number): number | undefined;
}

/** The process is gone: it was before we looked, or went while we read. */
const GONE = ['ENOENT', 'ESRCH'];
/** The process is another user's, whose secrets are not ours to read. */
const GONE_OR_FOREIGN = [...GONE, 'EACCES', 'EPERM'];

/**
 * What `look` finds out, or undefined where it fails with one of the codes. Any other failure, such as a lack of file
 * descriptors, says nothing about the process: taken for its death it would be a false proof.
 */
function ask<T>(look: () => T, codes: readonly string[]): T | undefined {
  try {
    return look();
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : '';
    if (codes.includes(code)) return undefined;
    throw new StackError('ProcessesUnknown', `the process table cannot be read: ${code || String(error)}`, {
      cause: error,
    });
  }
}

const read = (path: string, codes: readonly string[]): string | undefined =>
  ask(() => readFileSync(path, 'latin1'), codes);

/** Parses `/proc/PID/stat`; the name may hold blanks and parentheses. Undefined for zombies. */
export function parseStat(pid: number, text: string): ProcessEntry | undefined {
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
  const state = fields[0] ?? '';
  if (state === '' || state === 'Z' || state === 'X') return undefined;
  return {
    pid,
    state,
    parent: Number(fields[1]),
    session: Number(fields[3]),
    terminal: fields[4] !== '0',
    startTime: Number(fields[19]),
  };
}

/** The living process with this pid; a zombie is dead. Throws `ProcessesUnknown` where that cannot be found out. */
export function readProcess(pid: number): ProcessEntry | undefined {
  const text = read(`/proc/${pid}/stat`, GONE);
  return text === undefined ? undefined : parseStat(pid, text);
}

/** All living processes of this machine, in no order. Throws `ProcessesUnknown`: a part of the table is no proof. */
export function readProcessTable(): readonly ProcessEntry[] {
  const table: ProcessEntry[] = [];
  for (const name of ask(() => readdirSync('/proc'), []) ?? []) {
    const pid = Number(name);
    if (!Number.isInteger(pid)) continue;
    const entry = readProcess(pid);
    if (entry !== undefined) table.push(entry);
  }
  return table;
}

export const linuxInspector: ProcessInspector = {
  workingDirectory: (pid) => ask(() => readlinkSync(`/proc/${pid}/cwd`), GONE_OR_FOREIGN),
  hasEnvironment(pid, prefix) {
    const text = read(`/proc/${pid}/environ`, GONE_OR_FOREIGN);
    return text !== undefined && (text.startsWith(prefix) || text.includes(`\0${prefix}`));
  },
  effectiveUid(pid) {
    const match = read(`/proc/${pid}/status`, GONE)?.match(/^Uid:\s+\d+\s+(\d+)/m);
    return match ? Number(match[1]) : undefined;
  },
};

/** Differs after each boot of the machine. */
export function readBootId(): string {
  return readFileSync('/proc/sys/kernel/random/boot_id', 'latin1').trim();
}

/** The identity of a living process. */
export function identify(pid: number, bootId: string): ProcessIdentity | undefined {
  const entry = readProcess(pid);
  return entry === undefined ? undefined : { pid, startTime: entry.startTime, bootId };
}

/** True where exactly this process lives. Throws `ProcessesUnknown`. */
export function isAlive(identity: ProcessIdentity, bootId: string): boolean {
  return identity.bootId === bootId && readProcess(identity.pid)?.startTime === identity.startTime;
}
