/**
 * Steps into folders that belong to a container's user, taken by us, perhaps root.
 *
 * - F1 No link below the anchor is followed, also none that is put there between two of our steps: each step starts
 *   from the open folder before it, not from a path.
 * - F2 Nothing is made, removed or given away outside of the anchor.
 *
 * The anchor itself lies where no container can write.
 */
import { constants } from 'node:fs';
import { type FileHandle, lstat, mkdir, open, rmdir, symlink, unlink } from 'node:fs/promises';
import { StackError } from '@polarstack/base';
import type { RuntimeUser } from '../types.ts';

/** A place below an anchor; `parts` are plain names. */
export interface Place {
  readonly anchor: string;
  readonly parts: readonly string[];
}

/** How folders on the way are made where they are missing. */
export interface Making {
  readonly mode: number;
  readonly user?: RuntimeUser | undefined;
}

type Kind = 'nothing' | 'folder' | 'file' | 'link';

/** The names in a path below a folder. Throws `InvalidPod` where it leaves the folder. */
export function partsOf(path: string): readonly string[] {
  const parts = path.split('/').filter((part) => part !== '' && part !== '.');
  if (parts.includes('..')) throw new StackError('InvalidPod', `${path} leaves its volume`);
  return parts;
}

const codeOf = (error: unknown): unknown => (error instanceof Error && 'code' in error ? error.code : undefined);

const entry = (folder: FileHandle, name: string): string => `/proc/self/fd/${folder.fd}/${name}`;

const text = ({ anchor, parts }: Place): string => [anchor, ...parts].join('/');

async function step(folder: FileHandle, name: string, making: Making | undefined, place: Place): Promise<FileHandle> {
  let isNew = false;
  if (making) {
    try {
      await mkdir(entry(folder, name), { mode: 0o700 });
      isNew = true;
    } catch (error) {
      if (codeOf(error) !== 'EEXIST') throw error;
    }
  }
  let next: FileHandle;
  try {
    next = await open(entry(folder, name), constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW);
  } catch (error) {
    const why = codeOf(error) === 'ENOENT' ? 'does not exist' : 'is a link or no folder';
    throw new StackError('MountFailed', `${name} in ${text(place)} ${why}`, { cause: error });
  }
  try {
    if (isNew && making) {
      await next.chmod(making.mode);
      if (making.user) await next.chown(making.user.uid, making.user.gid);
    }
    return next;
  } catch (error) {
    await next.close();
    throw error;
  }
}

/** Opens the folder at a place for as long as `use` takes. */
async function withFolder<T>(
  place: Place,
  making: Making | undefined,
  use: (folder: FileHandle) => Promise<T>,
): Promise<T> {
  let folder = await open(place.anchor, constants.O_RDONLY | constants.O_DIRECTORY);
  try {
    for (const part of place.parts) {
      const next = await step(folder, part, making, place);
      await folder.close();
      folder = next;
    }
    return await use(folder);
  } finally {
    await folder.close();
  }
}

async function kindOf(path: string): Promise<Kind> {
  try {
    const there = await lstat(path);
    return there.isSymbolicLink() ? 'link' : there.isDirectory() ? 'folder' : 'file';
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return 'nothing';
    throw error;
  }
}

/** What is at a place, whose folders are made on the way with `making`. Throws `MountFailed` for a link. */
export async function lookAt(place: Place, making?: Making): Promise<Exclude<Kind, 'link'>> {
  const name = place.parts.at(-1);
  if (name === undefined) return 'folder';
  const kind = await withFolder({ ...place, parts: place.parts.slice(0, -1) }, making, (folder) =>
    kindOf(entry(folder, name)),
  );
  if (kind === 'link') throw new StackError('MountFailed', `${text(place)} is a link`);
  return kind;
}

/** Makes the folder at a place, and those on the way, where they are missing. */
export function makeFolderAt(place: Place, making: Making): Promise<void> {
  return withFolder(place, making, async () => {});
}

/** Puts our link at a place, instead of an older one or of an empty folder. */
export async function linkAt(place: Place, target: string): Promise<void> {
  const name = place.parts.at(-1);
  if (name === undefined) throw new StackError('InvalidPod', `nothing can be mounted at ${place.anchor}`);
  await withFolder({ ...place, parts: place.parts.slice(0, -1) }, { mode: 0o755 }, async (folder) => {
    const path = entry(folder, name);
    switch (await kindOf(path)) {
      case 'file':
        throw new StackError('MountFailed', `there is a file at the mount path ${text(place)}`);
      case 'link':
        await unlink(path);
        break;
      case 'folder':
        await rmdir(path);
        break;
      case 'nothing':
    }
    await symlink(target, path);
  });
}
