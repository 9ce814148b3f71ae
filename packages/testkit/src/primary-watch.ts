/** Watches the data directories below a folder for two servers of one cluster that both take writes. */
import { existsSync, readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { join } from 'node:path';
import { systemClock } from '@polarstack/base';

export interface PrimaryWatch {
  /** Each time when two servers took writes at once, in words. */
  readonly violations: readonly string[];
  /** How often was looked. */
  readonly looks: number;
  /** Ends it. */
  stop(): Promise<void>;
}

const EVERY_MS = 5;
/** How often is looked for new data directories, in looks. */
const SEARCH_EVERY = 40;

/** Pid of the server of a data directory that runs without being a standby; undefined where there is none. */
export function writingServer(dataDir: string): number | undefined {
  try {
    const pid = Number(readFileSync(join(dataDir, 'postmaster.pid'), 'utf8').split('\n')[0]);
    // A server keeps its data directory as its working directory: a pid that somebody else has now is told apart.
    if (!(pid > 0) || readlinkSync(`/proc/${pid}/cwd`) !== dataDir) return undefined;
    if (existsSync(join(dataDir, 'standby.signal')) || existsSync(join(dataDir, 'recovery.signal'))) return undefined;
    return pid;
  } catch {
    // It ended while we looked.
    return undefined;
  }
}

/**
 * Looks until it is stopped. Two servers are found at fault only where the first still was one that takes writes after the
 * second was seen to be one: so no change of roles between two reads is taken for two primaries.
 */
export function watchPrimaries(dataDirs: () => readonly string[]): PrimaryWatch {
  const violations: string[] = [];
  const ending = new AbortController();
  let looks = 0;
  let known: readonly string[] = [];

  const look = (): void => {
    if (looks++ % SEARCH_EVERY === 0) known = dataDirs();
    const writing = known.flatMap((dir) => {
      const pid = writingServer(dir);
      return pid === undefined ? [] : [{ dir, pid }];
    });
    if (writing.length < 2) return;
    const still = writing.slice(0, -1).filter(({ dir, pid }) => writingServer(dir) === pid);
    const last = writing.at(-1);
    if (still.length === 0 || !last) return;
    violations.push([...still, last].map(({ dir, pid }) => `${dir} (pid ${pid})`).join(' and '));
  };

  const watching = (async () => {
    while (!ending.signal.aborted) {
      look();
      await systemClock.sleep(EVERY_MS, ending.signal).catch(() => {});
    }
  })();

  return {
    violations,
    get looks() {
      return looks;
    },
    stop: async () => {
      ending.abort();
      await watching;
    },
  };
}

/** Data directories of the volumes of a local home. */
export function dataDirsOf(home: string): readonly string[] {
  const list = (dir: string): readonly string[] => {
    try {
      return readdirSync(dir).map((name) => join(dir, name));
    } catch {
      return [];
    }
  };
  return list(join(home, 'nodes'))
    .flatMap((node) => list(join(node, 'volumes')))
    .map((volume) => join(volume, 'pgdata'))
    .filter((dir) => existsSync(dir));
}
