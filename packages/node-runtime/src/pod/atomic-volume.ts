import { randomBytes } from 'node:crypto';
import {
  chmod,
  chown,
  lstat,
  mkdir,
  readdir,
  readFile,
  readlink,
  rename,
  rm,
  symlink,
  writeFile,
} from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { RuntimeUser } from '../types.ts';

export interface VolumeFile {
  readonly content: Uint8Array;
  readonly mode: number;
}

const DATA = '..data';

async function currentPayload(folder: string): Promise<string | undefined> {
  try {
    return await readlink(join(folder, DATA));
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined;
    throw error;
  }
}

async function writePayload(folder: string, files: ReadonlyMap<string, VolumeFile>, user?: RuntimeUser): Promise<void> {
  // Folders stay ours: a container that owned one could swap it for a link while we, perhaps root, write into it.
  const makeFolder = async (path: string): Promise<void> => {
    await mkdir(path, { mode: 0o750 });
    await chmod(path, 0o750);
    if (user) await chown(path, 0, user.gid);
  };
  await makeFolder(folder);
  const made = new Set([folder]);
  for (const [name, { content, mode }] of files) {
    const path = join(folder, name);
    const parents: string[] = [];
    for (let parent = dirname(path); !made.has(parent); parent = dirname(parent)) parents.unshift(parent);
    for (const parent of parents) {
      await makeFolder(parent);
      made.add(parent);
    }
    await writeFile(path, content, { flag: 'wx', mode: 0o600 });
    if (user) await chown(path, user.uid, user.gid);
    await chmod(path, mode);
  }
}

/** What the folder shows now; undefined where it was never filled. */
export async function readAtomicVolume(folder: string): Promise<ReadonlyMap<string, VolumeFile> | undefined> {
  const payload = await currentPayload(folder);
  if (payload === undefined) return undefined;
  const files = new Map<string, VolumeFile>();
  const read = async (prefix: string): Promise<void> => {
    for (const entry of await readdir(join(folder, payload, prefix), { withFileTypes: true })) {
      const name = prefix === '' ? entry.name : `${prefix}/${entry.name}`;
      const path = join(folder, payload, name);
      if (entry.isDirectory()) await read(name);
      else files.set(name, { content: await readFile(path), mode: (await lstat(path)).mode & 0o777 });
    }
  };
  await read('');
  return files;
}

/** Makes the links that users open: one for each first part of a name. */
async function linkVisible(folder: string, visible: ReadonlySet<string>): Promise<void> {
  for (const name of visible) {
    const link = join(folder, name);
    const there = await lstat(link).catch(() => undefined);
    if (!there) await symlink(join(DATA, name), link);
  }
}

const visibleParts = (names: Iterable<string>): ReadonlySet<string> =>
  new Set([...names].map((name) => name.split('/')[0] ?? name));

/**
 * Fills a Secret's or ConfigMap's folder so that a reader sees either all of the old or all of the new content: a new
 * folder `..<random>`, switched to by renaming the link `..data`; what users open are links through `..data`. The same
 * layout as a kubelet's, so that programs which watch it for changes work.
 *
 * We may be killed at any moment: the links are made before the switch, for what `..data` shows counts as written.
 */
export async function writeAtomicVolume(
  folder: string,
  files: ReadonlyMap<string, VolumeFile>,
  user?: RuntimeUser,
): Promise<void> {
  await mkdir(folder, { recursive: true, mode: 0o750 });
  await chmod(folder, 0o750);
  if (user) await chown(folder, 0, user.gid);
  const payload = `..${randomBytes(6).toString('hex')}`;
  await writePayload(join(folder, payload), files, user);
  await linkVisible(folder, visibleParts(files.keys()));
  const aside = join(folder, `${DATA}.new`);
  await rm(aside, { force: true });
  await symlink(payload, aside);
  await rename(aside, join(folder, DATA));
  await completeAtomicVolume(folder, files.keys());
}

/** What is left to do after the switch: every link there, and nothing else, neither a removed key nor an earlier version. */
export async function completeAtomicVolume(folder: string, names: Iterable<string>): Promise<void> {
  const payload = await currentPayload(folder);
  const visible = visibleParts(names);
  await linkVisible(folder, visible);
  for (const entry of await readdir(folder)) {
    if (entry === DATA || entry === payload || visible.has(entry)) continue;
    await rm(join(folder, entry), { recursive: true, force: true });
  }
}
