import { spawn } from 'node:child_process';
import { closeSync, mkdtempSync, realpathSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { endProcesses } from '../postgres/postmaster.ts';
import { isLocked, tryLock } from './file-lock.ts';
import { isAlive, pidIsTaken, processesIn, processStat, sharedMemoryAttachments } from './proc.ts';
import { watchDeath } from './watch.ts';

let folder: string;
beforeEach(() => {
  folder = realpathSync(mkdtempSync(join(tmpdir(), 'ps-proc-')));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const signal = new AbortController().signal;
const started = async (command: string, stdio: 'ignore' | number[] = 'ignore') => {
  const child = spawn('sh', ['-c', command], {
    cwd: folder,
    detached: true,
    stdio: stdio === 'ignore' ? 'ignore' : ['ignore', 'ignore', 'ignore', ...stdio],
  });
  await new Promise((resolve) => child.once('spawn', resolve));
  return child;
};

test('processes are found by their working directory, and ended with what they started', async () => {
  // The second sleep is a grandchild in a session of its own.
  const child = await started('setsid sleep 600 & exec sleep 600');
  const pid = child.pid ?? 0;
  expect(processStat(pid)?.parent).toBe(process.pid);
  expect(processesIn([folder])).toContain(pid);
  await endProcesses([folder], pid, signal);
  expect(processesIn([folder])).toEqual([]);
});

test('a pid alone is no identity', async () => {
  const child = await started('exec sleep 600');
  const pid = child.pid ?? 0;
  const { startTicks } = processStat(pid) ?? { startTicks: 0 };
  expect(isAlive(pid, startTicks)).toBe(true);
  expect(isAlive(pid, startTicks + 1)).toBe(false);
  await endProcesses([folder], pid, signal);
  expect(isAlive(pid, startTicks)).toBe(false);
});

test('the death of a process without a death pipe is seen too', async () => {
  const child = await started('exec sleep 600');
  const pid = child.pid ?? 0;
  const seen = new Promise<void>((resolve) => {
    watchDeath(pid, processStat(pid)?.startTicks ?? 0, folder, resolve);
  });
  child.kill('SIGKILL');
  await seen;
  expect(processStat(pid)).toBeUndefined();
});

test('a lock lives as long as the last process that inherited it', async () => {
  const path = join(folder, 'lock');
  const fd = tryLock(path);
  if (fd === undefined) throw new Error('a new lock is held');
  const child = await started('exec sleep 600', [fd]);
  closeSync(fd);
  expect(isLocked(path)).toBe(true);
  expect(tryLock(path)).toBeUndefined();
  await endProcesses([folder], child.pid, signal);
  expect(isLocked(path)).toBe(false);
});

test('a pid is taken while its process is, also as a zombie; shared memory that is not there has nobody', async () => {
  const child = await started('exec sleep 600');
  const pid = child.pid ?? 0;
  expect(pidIsTaken(pid)).toBe(true);
  await endProcesses([folder], pid, signal);
  await new Promise((resolve) => (child.signalCode === null ? child.once('exit', resolve) : resolve(undefined)));
  expect(pidIsTaken(pid)).toBe(false);
  expect(sharedMemoryAttachments({ key: 1, id: 2_147_483_647 })).toBe(0);
});
