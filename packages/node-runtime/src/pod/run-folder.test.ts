import { chmod, lstat, mkdir, mkdtemp, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { ensureRunFolder, freeRunFolder, removeRunFolder } from './run-folder.ts';

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

it('two pods whose uids begin alike get two folders', async () => {
  const first = await freeRunFolder(base, '12345678-aaaa-4000-8000-000000000000');
  expect(first).toBe(join(base, '12345678'));
  await ensureRunFolder(base, '12345678', uid);
  expect(await freeRunFolder(base, '12345678-bbbb-4000-8000-000000000000')).toBe(join(base, '12345678bbbb'));
});
