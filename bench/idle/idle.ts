/**
 * What a ready demo cluster costs when nobody uses it: PSS and CPU of each process of the home over a quiet minute, and
 * how much the API's log grew. Usage: tsx bench/idle/idle.ts [seconds, default 60]
 */
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { createTestHome, runOk } from '@polarstack/testkit';
import { report } from '../lib/report.ts';

const duration = Number(process.argv[2] ?? 60);
const TICKS_PER_SECOND = 100; // USER_HZ of Linux

/** Proportional set size in MiB. */
function pss(pid: number): number {
  const line = /^Pss:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8'));
  return Number(line?.[1] ?? Number.NaN) / 1024;
}

/** User and system time in seconds. */
function cpu(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND;
}

function kind(command: string): string {
  for (const part of ['control', 'proxy', 'agent', 'keeper']) {
    if (new RegExp(`${part}(\\.mjs|\\.sh)?(\\s|$)`).test(command)) return part;
  }
  return command.includes('postgres') ? 'engine' : (command.split(' ')[0] ?? command);
}

function bytesBelow(dir: string): number {
  return readdirSync(dir, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .reduce((sum, entry) => sum + statSync(join(entry.parentPath, entry.name)).size, 0);
}

await runOk('npm', ['run', '--silent', 'build']);
const home = createTestHome('polarstack-bench-');
try {
  await home.polarstackOk(['up']);
  await sleep(15_000); // start-up work (autovacuum, first checkpoints) is not idle
  const processes = home.processes();
  const before = new Map(processes.map(({ pid }) => [pid, cpu(pid)]));
  const logBefore = bytesBelow(join(home.dir, 'api'));
  await sleep(duration * 1000);
  const groups = new Map<string, { n: number; pss: number; cpu: number }>();
  for (const { pid, command } of processes) {
    try {
      const group = groups.get(kind(command)) ?? { n: 0, pss: 0, cpu: 0 };
      group.n++;
      group.pss += pss(pid);
      group.cpu += cpu(pid) - (before.get(pid) ?? 0);
      groups.set(kind(command), group);
    } catch {
      // it ended in that minute
    }
  }
  const round = (value: number): number => Math.round(value * 100) / 100;
  const rows = [...groups].map(([process, group]) => ({
    process,
    count: group.n,
    'PSS each, MiB': round(group.pss / group.n),
    'PSS all, MiB': round(group.pss),
    'CPU each, % of a core': round((group.cpu / group.n / duration) * 100),
  }));
  const grown = bytesBelow(join(home.dir, 'api')) - logBefore;
  report('idle', [
    ...rows,
    { process: 'API log growth', count: 1, 'bytes per minute': round((grown * 60) / duration) },
  ]);
} finally {
  await home.remove();
}
