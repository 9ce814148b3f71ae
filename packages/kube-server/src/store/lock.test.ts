import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmod, mkdir, mkdtemp, readdir, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { silentLogger } from '@polarstack/base';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openObjectStore } from './open-object-store.ts';

let dir: string;
beforeEach(async () => {
  dir = join(await mkdtemp(join(tmpdir(), 'store-lock-')), 'api');
});
afterEach(() => rm(join(dir, '..'), { recursive: true }));

const open = () => openObjectStore({ dir, logger: silentLogger });
const put = (store: Awaited<ReturnType<typeof open>>, value: string) =>
  store.transact('/a', () => ({ type: 'put', object: { metadata: {}, value } }));

describe('the folder of the store', () => {
  it('is held by one process: the second is told who holds it, and gets it when that one is done', async () => {
    const store = await open();
    await expect(open()).rejects.toMatchObject({ code: 'StateLocked', details: { pid: process.pid, dir } });
    await put(store, 'x');
    await store.close();
    const next = await open();
    expect(next.get('/a')).toMatchObject({ value: 'x' });
    await next.close();
  });

  it('is free as soon as its holder is killed', async () => {
    await mkdir(dir);
    const holder = spawn('flock', [join(dir, 'lock'), 'sh', '-c', 'echo held; exec cat'], {
      stdio: ['pipe', 'pipe', 'ignore'],
    });
    await once(holder.stdout, 'data');
    await expect(open()).rejects.toMatchObject({ code: 'StateLocked' });
    const ended = once(holder, 'close');
    holder.stdin.end();
    await ended;
    await (await open()).close();
  });

  it('is not held by the children of its holder', async () => {
    const store = await open();
    const child = spawn('cat', [], { stdio: ['pipe', 'ignore', 'ignore'] });
    await store.close();
    await (await open()).close();
    const ended = once(child, 'close');
    child.stdin.end();
    await ended;
  });

  it('cannot be held where the program for it is missing, and that is said', async () => {
    const path = process.env.PATH;
    process.env.PATH = dir;
    try {
      await expect(open()).rejects.toMatchObject({
        code: 'StateFolderUnusable',
        remedy: expect.stringMatching(/util-linux/),
      });
    } finally {
      process.env.PATH = path;
    }
  });

  it('is made readable for its owner alone, because Secrets lie in it', async () => {
    const store = await open();
    await put(store, 'x');
    expect((await stat(dir)).mode & 0o777).toBe(0o700);
    for (const name of await readdir(dir)) expect((await stat(join(dir, name))).mode & 0o777).toBe(0o600);
    await store.close();
  });

  it('is refused when it holds other things and no state', async () => {
    await mkdir(dir);
    await writeFile(join(dir, 'letter.txt'), 'dear');
    await expect(open()).rejects.toMatchObject({ code: 'StateFolderUnusable', details: { foreign: 'letter.txt' } });
    expect(await readdir(dir)).toEqual(['letter.txt']);
  });

  it('is refused when it is a file, or cannot be written', async () => {
    await writeFile(dir, '');
    await expect(open()).rejects.toMatchObject({ code: 'StateFolderUnusable' });
    await rm(dir);
    await mkdir(dir, { mode: 0o555 });
    await chmod(join(dir, '..'), 0o755);
    const isRoot = process.geteuid?.() === 0;
    if (isRoot) process.seteuid?.(65_534); // root may write everywhere
    try {
      await expect(open()).rejects.toMatchObject({
        code: 'StateFolderUnusable',
        message: expect.stringMatching(/EACCES/),
      });
    } finally {
      if (isRoot) process.seteuid?.(0);
    }
  });

  it('survives a full disk: refuses with a code, loses nothing, goes on when there is space (a real tmpfs)', async (context) => {
    await mkdir(dir);
    try {
      execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=256k', 'tmpfs', dir], { stdio: 'pipe' });
    } catch (error) {
      context.skip(`a small file system cannot be mounted here: ${(error as Error).message.trim()}`);
    }
    try {
      const store = await open();
      let kept = 0;
      let failure: unknown;
      for (; failure === undefined && kept < 1000; kept++) {
        await put(store, `${kept}:${'x'.repeat(3000)}`).catch((error: unknown) => {
          failure = error;
        });
      }
      const last = kept - 2;
      expect(failure).toMatchObject({ code: 'StateDiskFull' });
      expect(store.get('/a')?.value).toMatch(new RegExp(`^${last}:`));
      await expect(put(store, 'still full'.repeat(500))).rejects.toMatchObject({ code: 'StateDiskFull' });
      execFileSync('mount', ['-o', 'remount,size=512k', dir], { stdio: 'pipe' });
      await put(store, 'space again');
      await store.close();
      const again = await open();
      expect(again.get('/a')).toMatchObject({ value: 'space again' });
      await again.close();
    } finally {
      execFileSync('umount', [dir]);
    }
  });
});
