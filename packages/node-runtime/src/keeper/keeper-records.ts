import { constants } from 'node:fs';
import { open } from 'node:fs/promises';
import { join } from 'node:path';
import type { ProcessIdentity } from '../process/process-table.ts';

/** What a keeper has written about one run of its container. */
export interface KeeperRecords {
  readonly keeper?: ProcessIdentity;
  /** The program; in keep mode the latest one. */
  readonly main?: ProcessIdentity;
  readonly restarts?: { readonly count: number; readonly lastCode: number };
  readonly exit?: { readonly code: number; readonly at: Date };
}

/** The container's user owns these files: never follow a link out of them, never read more than a line. */
async function readLine(path: string): Promise<{ words: string[]; at: Date } | undefined> {
  try {
    const file = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
    try {
      const stat = await file.stat();
      if (!stat.isFile()) return undefined;
      const { buffer, bytesRead } = await file.read(Buffer.alloc(256), 0, 256, 0);
      return { words: buffer.toString('latin1', 0, bytesRead).trim().split(/\s+/), at: stat.mtime };
    } finally {
      await file.close();
    }
  } catch (error) {
    if (error instanceof Error && 'code' in error && (error.code === 'ENOENT' || error.code === 'ELOOP')) {
      return undefined;
    }
    throw error;
  }
}

const isPid = (value: number): boolean => Number.isSafeInteger(value) && value > 1;

function identity(words: readonly string[] | undefined, run: number): ProcessIdentity | undefined {
  if (words === undefined || Number(words[0]) !== run) return undefined;
  const [, pid, startTime, bootId] = words;
  if (!isPid(Number(pid)) || !Number.isSafeInteger(Number(startTime)) || !bootId) return undefined;
  return { pid: Number(pid), startTime: Number(startTime), bootId };
}

/** Reads the records of the given run; those of an earlier run do not count. */
export async function readKeeperRecords(stateFolder: string, run: number): Promise<KeeperRecords> {
  const names = ['keeper', 'main', 'restarts', 'exit'] as const;
  const [keeper, main, restarts, exit] = await Promise.all(names.map((name) => readLine(join(stateFolder, name))));
  const keeperId = identity(keeper?.words, run);
  const mainId = identity(main?.words, run);
  const current = (line: { words: string[] } | undefined): boolean => Number(line?.words[0]) === run;
  return {
    ...(keeperId ? { keeper: keeperId } : {}),
    ...(mainId ? { main: mainId } : {}),
    ...(restarts && current(restarts)
      ? { restarts: { count: Number(restarts.words[1]), lastCode: Number(restarts.words[2]) } }
      : {}),
    ...(exit && current(exit) ? { exit: { code: Number(exit.words[1]), at: exit.at } } : {}),
  };
}
