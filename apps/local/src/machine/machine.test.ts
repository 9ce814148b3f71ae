import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { writeFileAtomic } from './atomic-file.ts';
import { acquireLock, lockHolder, tryLock } from './file-lock.ts';
import { findProcesses, identifyProcess, isProcessAlive } from './process-identity.ts';
import { closedToOthers } from './reach.ts';
import { openRotatingLog } from './rotating-log.ts';
import { findAccount } from './system-user.ts';

let folder: string;
let children: ChildProcess[];
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'machine-'));
  chmodSync(folder, 0o755);
  children = [];
});
afterEach(() => {
  for (const child of children) child.kill('SIGKILL');
  rmSync(folder, { recursive: true, force: true });
});

async function sleeper(cwd = folder): Promise<ChildProcess & { readonly pid: number }> {
  const child = spawn('sleep', ['1000'], { cwd, stdio: 'ignore' });
  children.push(child);
  await once(child, 'spawn');
  return child as ChildProcess & { readonly pid: number };
}

describe('process identity', () => {
  test('a process is alive until it has ended; a zombie and a reused pid are not it', async () => {
    const child = await sleeper();
    const identity = identifyProcess(child.pid);
    if (identity === undefined) throw new Error('not found');
    expect(isProcessAlive(identity)).toBe(true);
    expect(isProcessAlive({ ...identity, startTime: '1' })).toBe(false);
    expect(isProcessAlive({ ...identity, bootId: 'another' })).toBe(false);
    child.kill('SIGKILL');
    await once(child, 'exit');
    expect(isProcessAlive(identity)).toBe(false);
  });

  test('finds processes by where they work', async () => {
    const child = await sleeper();
    expect(findProcesses(({ cwd }) => cwd === folder)).toEqual([
      expect.objectContaining({ pid: child.pid, command: 'sleep 1000' }),
    ]);
  });
});

describe('lock', () => {
  const signal = new AbortController().signal;

  test('is held once, names its holder, and is free after its release', () => {
    const path = join(folder, 'lock');
    const first = tryLock(path, 'first');
    expect(tryLock(path, 'second')).toBeUndefined();
    expect(lockHolder(path)).toEqual({ pid: process.pid, command: 'first' });
    first?.release();
    const second = tryLock(path, 'second');
    expect(lockHolder(path)?.command).toBe('second');
    second?.release();
  });

  test('waits for its holder, and stops waiting when told to', async () => {
    const path = join(folder, 'lock');
    const first = tryLock(path, 'first');
    const waiting = acquireLock(path, 'second', { signal });
    const impatient = new AbortController();
    const given = acquireLock(path, 'third', { signal: impatient.signal, onWait: () => impatient.abort() });
    await expect(given).rejects.toMatchObject({ code: 'Cancelled' });
    first?.release();
    const { lock, waited } = await waiting;
    expect(waited).toBe(true);
    expect(lockHolder(path)?.command).toBe('second');
    lock.release();
  });

  test('is freed by the death of its holder', async () => {
    const path = join(folder, 'lock');
    const holder = spawn('flock', ['-o', path, 'sh', '-c', 'echo held; sleep 1000'], {
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    children.push(holder);
    await once(holder.stdout, 'data');
    expect(tryLock(path, 'me')).toBeUndefined();
    holder.kill('SIGKILL');
    const { lock } = await acquireLock(path, 'me', { signal });
    lock.release();
    for (const { pid } of findProcesses(({ command }) => command === 'sleep 1000')) {
      if (statSync(`/proc/${pid}/cwd`).ino === statSync('.').ino) process.kill(pid, 'SIGKILL');
    }
  });
});

test('the first folder that is closed to others is found, and folders to be made do not count', () => {
  const inner = join(folder, 'a', 'b');
  mkdirSync(inner, { recursive: true });
  expect(closedToOthers(join(inner, 'new', 'newer'))).toBeUndefined();
  chmodSync(join(folder, 'a'), 0o750);
  expect(closedToOthers(inner)).toBe(join(folder, 'a'));
});

test('a log never grows without bound, and loses no line that it keeps', () => {
  const path = join(folder, 'x.log');
  const log = openRotatingLog(path, 100);
  for (let i = 0; i < 100; i++) log.write(`line ${i}\n`);
  expect(readdirSync(folder).sort()).toEqual(['x.log', 'x.log.1', 'x.log.2', 'x.log.3']);
  const kept = ['x.log.3', 'x.log.2', 'x.log.1', 'x.log'].map((name) => readFileSync(join(folder, name), 'utf8'));
  const lines = kept.join('').trim().split('\n');
  expect(lines.at(-1)).toBe('line 99');
  expect(lines).toEqual(Array.from({ length: lines.length }, (_, i) => `line ${100 - lines.length + i}`));
  for (const text of kept) expect(text.length).toBeLessThanOrEqual(100);
});

test('a file is replaced whole, with its mode', () => {
  const path = join(folder, 'file');
  writeFileAtomic(path, 'old', { mode: 0o600 });
  writeFileAtomic(path, 'new', { mode: 0o600 });
  expect(readFileSync(path, 'utf8')).toBe('new');
  expect(statSync(path).mode & 0o777).toBe(0o600);
  expect(readdirSync(folder)).toEqual(['file']);
});

test('an account is found by its name', () => {
  const table = 'root:x:0:0:root:/root:/bin/sh\npolarstack:x:998:997::/nonexistent:/usr/sbin/nologin\n';
  expect(findAccount('polarstack', table)).toEqual({ name: 'polarstack', uid: 998, gid: 997 });
  expect(findAccount('polar', table)).toBeUndefined();
});
