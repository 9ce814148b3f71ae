import * as fs from 'node:fs';
import { open, readdir, readFile, rename, rm } from 'node:fs/promises';
import { dirname } from 'node:path';

/** A file that is being written. Positions and lengths are bytes. */
export interface OpenFile {
  /** Writes all of `bytes` at `position`, or rejects having written any part of it. */
  write(bytes: Uint8Array, position: number): Promise<void>;
  /** Resolves when everything written so far, and the length, survive a loss of power. */
  sync(): Promise<void>;
  truncate(length: number): Promise<void>;
  close(): Promise<void>;
}

/** Every way in which the store touches the disk: narrow, so that tests can lose what was not synced. */
export interface Files {
  /** Creates the folder (0700) and its parents where they are missing, durably. */
  makeFolder(path: string): Promise<void>;
  /** Names in a folder; none where it does not exist. */
  list(path: string): Promise<readonly string[]>;
  read(path: string): Promise<Buffer>;
  /** Creates (0600) or empties a file. */
  create(path: string): Promise<OpenFile>;
  /** Opens an existing file for writing. */
  open(path: string): Promise<OpenFile>;
  rename(from: string, to: string): Promise<void>;
  remove(path: string): Promise<void>;
  /** Makes creations, renames and removals in a folder survive a loss of power. */
  syncFolder(path: string): Promise<void>;
}

/** The callback forms: a promise per call of `fs/promises` costs more than the rest of a small transaction. */
function openFile(fd: number): OpenFile {
  const done = (resolve: () => void, reject: (error: Error) => void) => (error: Error | null) =>
    error ? reject(error) : resolve();
  const write = (bytes: Uint8Array, position: number): Promise<void> =>
    new Promise((resolve, reject) => {
      const step = (from: number) => {
        fs.write(fd, bytes, from, bytes.length - from, position + from, (error, written) => {
          if (error) reject(error);
          else if (from + written < bytes.length) step(from + written);
          else resolve();
        });
      };
      step(0);
    });
  return {
    write,
    sync: () => new Promise((resolve, reject) => fs.fdatasync(fd, done(resolve, reject))),
    truncate: (length) => new Promise((resolve, reject) => fs.ftruncate(fd, length, done(resolve, reject))),
    close: () => new Promise((resolve, reject) => fs.close(fd, done(resolve, reject))),
  };
}

const opened = (path: string, flags: string): Promise<OpenFile> =>
  new Promise((resolve, reject) =>
    fs.open(path, flags, 0o600, (error, fd) => (error ? reject(error) : resolve(openFile(fd)))),
  );

async function syncFolder(path: string): Promise<void> {
  const folder = await open(path, 'r');
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}

const isMissing = (error: unknown): boolean => (error as NodeJS.ErrnoException).code === 'ENOENT';

async function makeFolder(path: string): Promise<void> {
  const first = await fs.promises.mkdir(path, { recursive: true, mode: 0o700 });
  if (first === undefined) return;
  // Each new folder is an entry of its parent, up to the parent that was already there.
  for (let made = path; ; made = dirname(made)) {
    await syncFolder(dirname(made));
    if (made === first || made === dirname(made)) return;
  }
}

/** The files of this machine. */
export const diskFiles: Files = {
  makeFolder,
  async list(path) {
    try {
      return await readdir(path);
    } catch (error) {
      if (isMissing(error)) return [];
      throw error;
    }
  },
  read: (path) => readFile(path),
  create: (path) => opened(path, 'w+'),
  open: (path) => opened(path, 'r+'),
  rename,
  remove: (path) => rm(path, { force: true }),
  syncFolder,
};
