/** The processes of an engine, seen from outside. */
import { readdirSync, readFileSync } from 'node:fs';

const TICKS_PER_SECOND = 100;

/** The postmaster and all its children that live. */
export function familyOf(postmaster: number): readonly number[] {
  const children = readdirSync('/proc').filter((name) => {
    if (!/^\d+$/.test(name)) return false;
    const fields = statOf(Number(name));
    return fields !== undefined && Number(fields[1]) === postmaster && fields[0] !== 'Z';
  });
  return [postmaster, ...children.map(Number)];
}

/** For how long a process has run, in milliseconds; 0 where there is none. */
export function ageOf(pid: number): number {
  const fields = statOf(pid);
  if (fields === undefined) return 0;
  const uptime = Number(readFileSync('/proc/uptime', 'utf8').split(' ')[0]);
  return (uptime - Number(fields[19]) / TICKS_PER_SECOND) * 1_000;
}

/** What follows the name in `/proc/PID/stat`: state, parent, ... */
function statOf(pid: number): readonly string[] | undefined {
  try {
    return readFileSync(`/proc/${pid}/stat`, 'latin1')
      .replace(/^.*\) /s, '')
      .split(' ');
  } catch {
    // It ended meanwhile.
    return undefined;
  }
}
