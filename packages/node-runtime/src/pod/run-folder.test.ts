import { chmod, lstat, lutimes, mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { silentLogger, systemClock } from '@polarstack/base';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { ensureRunFolder, freeRunFolder, removeRunFolder, touchRunFolder } from './run-folder.ts';
import { keepRunFolders } from './run-folder-keeper.ts';

const uid = process.getuid?.() ?? 0;
let folder: string;
let base: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'run-folder-'));
  base = join(folder, 'base');
});
afterEach(async () => {
  await rm(folder, { recursive: true, force: true });
});

it('is private, short and made once', async () => {
  const path = await ensureRunFolder(base, 'abc', uid);
  expect(path).toBe(join(base, 'abc'));
  for (const each of [base, path]) expect((await lstat(each)).mode & 0o777).toBe(0o700);
  await expect(ensureRunFolder(base, 'abc', uid)).resolves.toBe(path);
  await removeRunFolder(path);
  await expect(lstat(path)).rejects.toThrow();
});

it('is never a link that somebody planted, nor open to others, nor somebody else’s', async () => {
  await mkdir(join(folder, 'theirs'), { mode: 0o700 });
  await symlink(join(folder, 'theirs'), base);
  await expect(ensureRunFolder(base, 'abc', uid)).rejects.toMatchObject({ code: 'UnsafeRunFolder' });
  await rm(base);
  await ensureRunFolder(base, 'abc', uid);
  await chmod(base, 0o755);
  await expect(ensureRunFolder(base, 'abc', uid)).rejects.toMatchObject({ code: 'UnsafeRunFolder' });
  await chmod(base, 0o700);
  await expect(ensureRunFolder(base, 'abc', uid + 1)).rejects.toMatchObject({ code: 'UnsafeRunFolder' });
});

/** As root every folder is given away once made; control may die between the two. */
it.runIf(uid === 0)('that was made and not given away is given away the next time (as root)', async () => {
  const user = { uid: 65_534, gid: 65_534, name: 'nobody' };
  await mkdir(base, { mode: 0o700 });
  await ensureRunFolder(base, 'first', user.uid, user);
  await mkdir(join(base, 'abc'), { mode: 0o700 });
  const path = await ensureRunFolder(base, 'abc', user.uid, user);
  for (const each of [base, path]) expect(await lstat(each)).toMatchObject({ uid: user.uid, gid: user.gid });
  // With something in it, or open to others, it is not what we left.
  await mkdir(join(base, 'used', 'x'), { recursive: true, mode: 0o700 });
  await mkdir(join(base, 'open'), { mode: 0o755 });
  for (const name of ['used', 'open']) {
    await expect(ensureRunFolder(base, name, user.uid, user)).rejects.toMatchObject({ code: 'UnsafeRunFolder' });
    expect((await lstat(join(base, name))).uid).toBe(0);
  }
  await expect(ensureRunFolder(base, 'abc', user.uid, user)).resolves.toBe(path);
});

it('two pods whose uids begin alike get two folders', async () => {
  const first = await freeRunFolder(base, '12345678-aaaa-4000-8000-000000000000');
  expect(first).toBe(join(base, '12345678'));
  await ensureRunFolder(base, '12345678', uid);
  expect(await freeRunFolder(base, '12345678-bbbb-4000-8000-000000000000')).toBe(join(base, '12345678bbbb'));
});

const old = new Date('2020-01-01T00:00:00Z');
const now = new Date('2026-01-01T00:00:00Z');
const modified = async (path: string): Promise<number> => (await lstat(path)).mtimeMs;

it('looks used after a touch, sockets too, and nothing outside does', async () => {
  const path = await ensureRunFolder(base, 'abc', uid);
  const outside = join(folder, 'outside');
  await writeFile(outside, '');
  await writeFile(join(path, '.s.PGSQL.5432.lock'), '');
  await symlink(outside, join(path, 'link'));
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(join(path, '.s.PGSQL.5432'), resolve));
  const inside = [base, path, ...['.s.PGSQL.5432', '.s.PGSQL.5432.lock', 'link'].map((name) => join(path, name))];
  for (const each of [...inside, outside]) await lutimes(each, old, old);
  await touchRunFolder(path, uid, now);
  for (const each of inside) expect(await modified(each), each).toBe(now.getTime());
  expect(await modified(outside)).toBe(old.getTime());
  await new Promise((resolve) => server.close(resolve));
});

it('is left alone where it is gone, a link or somebody else’s', async () => {
  const path = await ensureRunFolder(base, 'abc', uid);
  await lutimes(path, old, old);
  await touchRunFolder(path, uid + 1, now);
  await touchRunFolder(join(base, 'gone'), uid, now);
  await symlink(path, join(base, 'link'));
  await touchRunFolder(join(base, 'link'), uid, now);
  expect(await modified(path)).toBe(old.getTime());
});

it('is touched at once and every hour, though one look fails', async () => {
  const path = await ensureRunFolder(base, 'abc', uid);
  await lutimes(path, old, old);
  const stop = new AbortController();
  const pauses: number[] = [];
  const clock = {
    ...systemClock,
    now: () => now,
    sleep: async (ms: number) => {
      pauses.push(ms);
      if (pauses.length === 3) stop.abort();
    },
  };
  let looks = 0;
  const current = async (): Promise<readonly string[]> => {
    if (looks++ === 0) throw new Error('unreadable');
    return [path];
  };
  await keepRunFolders({ current, uid, clock, logger: silentLogger }, stop.signal);
  expect(pauses).toEqual([3_600_000, 3_600_000, 3_600_000]);
  expect(await modified(path)).toBe(now.getTime());
});
