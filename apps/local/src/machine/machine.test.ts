import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import {
  chmodSync,
  closeSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
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

  test('a process that cannot be looked at is not taken for dead', () => {
    const own = identifyProcess(process.pid);
    if (own === undefined) throw new Error('not found');
    const limit = (soft: string): unknown => spawnSync('prlimit', [`--pid=${process.pid}`, `--nofile=${soft}:`]);
    const before = /^Max open files\s+(\d+)/m.exec(readFileSync('/proc/self/limits', 'utf8'))?.[1] ?? '1024';
    limit(String(readdirSync('/proc/self/fd').length + 20));
    const opened: number[] = [];
    try {
      expect(() => {
        for (;;) opened.push(openSync('/dev/null', 'r'));
      }).toThrow(/EMFILE/);
      expect(() => isProcessAlive(own)).toThrow(/EMFILE/);
    } finally {
      for (const fd of opened) closeSync(fd);
      limit(before);
    }
    expect(isProcessAlive(own)).toBe(true);
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

test.skipIf(process.getuid?.() !== 0)(
  'a log on a full disk drops lines, throws nothing, and says how many when there is room',
  () => {
    const disk = join(folder, 'disk');
    mkdirSync(disk);
    const mounted = spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=64k', 'none', disk], { encoding: 'utf8' });
    if (mounted.status !== 0) {
      console.log(`not tested, no tmpfs can be mounted here: ${mounted.stderr}`);
      return;
    }
    try {
      const path = join(disk, 'x.log');
      const log = openRotatingLog(path, 1_000_000);
      log.write('first\n');
      expect(() => writeFileSync(join(disk, 'ballast'), Buffer.alloc(1024 * 1024))).toThrow(/ENOSPC/);
      const long = `${'x'.repeat(3000)}\n`;
      for (let n = 0; n < 5; n++) log.write(long);
      rmSync(join(disk, 'ballast'));
      log.write('last\n');
      const lines = readFileSync(path, 'utf8').trim().split('\n');
      expect(lines[0]).toBe('first');
      expect(lines.at(-2)).toMatch(/"level":"warn".*[45] lines could not be written and are lost: ENOSPC/);
      expect(lines.at(-1)).toBe('last');
    } finally {
      spawnSync('umount', ['-l', disk]);
    }
  },
);

test('a log whose rotation fails goes on when it can', () => {
  const path = join(folder, 'x.log');
  const log = openRotatingLog(path, 10);
  mkdirSync(join(folder, 'x.log.1', 'in-the-way'), { recursive: true });
  mkdirSync(join(folder, 'x.log.2', 'in-the-way'), { recursive: true });
  mkdirSync(join(folder, 'x.log.3', 'in-the-way'), { recursive: true });
  for (const line of ['12345678\n', 'abcdefgh\n', 'ABCDEFGH\n']) log.write(line);
  for (const n of [1, 2, 3]) rmSync(join(folder, `x.log.${n}`), { recursive: true });
  log.write('last\n');
  expect(readFileSync(path, 'utf8')).toContain('last\n');
});

test('a file is replaced whole, with its mode', () => {
  const path = join(folder, 'file');
  writeFileAtomic(path, 'old', { mode: 0o600 });
  writeFileAtomic(path, 'new', { mode: 0o600 });
  expect(readFileSync(path, 'utf8')).toBe('new');
  expect(statSync(path).mode & 0o777).toBe(0o600);
  expect(readdirSync(folder)).toEqual(['file']);
});

test('a file that is replaced is written to no name that could have been guessed', () => {
  const target = join(folder, 'target');
  writeFileSync(target, 'precious');
  symlinkSync(target, join(folder, `file.${process.pid}.tmp`));
  writeFileAtomic(join(folder, 'file'), 'new', { mode: 0o600 });
  expect(readFileSync(target, 'utf8')).toBe('precious');
});

test('an account is found by its name', () => {
  const table = 'root:x:0:0:root:/root:/bin/sh\npolarstack:x:998:997::/nonexistent:/usr/sbin/nologin\n';
  expect(findAccount('polarstack', table)).toEqual({ name: 'polarstack', uid: 998, gid: 997 });
  expect(findAccount('polar', table)).toBeUndefined();
});
