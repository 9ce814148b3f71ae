import { constants } from 'node:fs';
import { type FileHandle, lstat, lutimes, mkdir, open, readdir, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { StackError } from '@polarstack/base';
import type { RuntimeUser } from '../types.ts';

const exists = (error: unknown): boolean => error instanceof Error && 'code' in error && error.code === 'EEXIST';

const isGone = (error: unknown): boolean => error instanceof Error && 'code' in error && error.code === 'ENOENT';

/** Opened as itself: what is then looked at and given away is this folder, whatever takes its name meanwhile. */
async function openFolder(path: string): Promise<FileHandle | undefined> {
  try {
    return await open(path, constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW);
  } catch (error) {
    // A link, no folder, or closed to us.
    if (error instanceof Error && 'code' in error && isRefusal(error.code)) return undefined;
    throw error;
  }
}

const isRefusal = (code: unknown): boolean => code === 'ELOOP' || code === 'ENOTDIR' || code === 'EACCES';

/**
 * Sockets need a short path (107 bytes at most), so they lie under /tmp, where anybody may plant links: a folder is
 * used only where it is a real folder of the right owner that nobody else can enter.
 *
 * One that is ours, closed and empty was made here by a control that died before it gave it away: that is done now.
 */
async function ensurePrivate(path: string, uid: number, user: RuntimeUser | undefined): Promise<void> {
  try {
    await mkdir(path, { mode: 0o700 });
  } catch (error) {
    if (!exists(error)) throw error;
  }
  const folder = await openFolder(path);
  try {
    const before = await folder?.stat();
    const isClosed = before !== undefined && (before.mode & 0o077) === 0;
    if (folder && isClosed && before.uid === process.geteuid?.()) {
      const isEmpty = (await readdir(path)).length === 0;
      await folder.chmod(0o700);
      if (user && isEmpty) await folder.chown(user.uid, user.gid);
    }
    const stat = await folder?.stat();
    if (stat?.uid === uid && (stat.mode & 0o077) === 0) return;
    throw new StackError('UnsafeRunFolder', `${path} is not a private folder of uid ${uid}`, { details: { path } });
  } finally {
    await folder?.close();
  }
}

/** The parent of all run folders of a user. */
export const defaultRunBase = (uid: number): string => `/tmp/polarstack-${uid}`;

/** Makes (or checks) the folder `<base>/<name>` and its parent: mode 0700, owned by `uid`. Throws `UnsafeRunFolder`. */
export async function ensureRunFolder(base: string, name: string, uid: number, user?: RuntimeUser): Promise<string> {
  await ensurePrivate(base, uid, user);
  const path = join(base, name);
  await ensurePrivate(path, uid, user);
  return path;
}

/** A path for a new pod's run folder: short, and nobody else's, though several homes share the parent. */
export async function freeRunFolder(base: string, uid: string): Promise<string> {
  const hex = uid.replaceAll('-', '');
  for (const length of [8, 12, 16]) {
    const path = join(base, hex.slice(0, length));
    if (!(await lstat(path).catch(() => undefined))) return path;
  }
  return join(base, hex);
}

/**
 * Makes a pod's run folder, what lies in it and its parent look used: whatever ages temporary folders out takes what
 * nobody has touched for days. A folder that is gone, or is no folder of `uid`, is left alone; links are not followed.
 */
export async function touchRunFolder(path: string, uid: number, now: Date): Promise<void> {
  const touch = async (each: string): Promise<void> => {
    try {
      await lutimes(each, now, now);
    } catch (error) {
      if (!isGone(error)) throw error;
    }
  };
  for (const folder of [dirname(path), path]) {
    const there = await lstat(folder).catch(() => undefined);
    if (!there?.isDirectory() || there.uid !== uid) return;
    await touch(folder);
  }
  for (const name of await readdir(path)) await touch(join(path, name));
}

/** Removes a pod's run folder; the parent stays. */
export async function removeRunFolder(path: string): Promise<void> {
  await rm(path, { recursive: true, force: true });
}
