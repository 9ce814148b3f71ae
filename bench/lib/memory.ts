import { readFileSync } from 'node:fs';

/**
 * What these processes have in memory together (RSS), in MiB. The shared part of a program counts in full: how much other
 * programs share it is chance.
 */
export function memoryOf(pids: readonly number[]): number {
  const kibibytes = pids.map((pid) =>
    Number(/^Rss:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8'))?.[1] ?? Number.NaN),
  );
  return Math.round(kibibytes.reduce((sum, one) => sum + one, 0) / 1024);
}
