import { join } from 'node:path';
import type { Logger } from '@polarstack/base';
import { snapshotName, stateFiles, unfinished } from './file-names.ts';
import type { Files } from './files.ts';
import type { Entry } from './view.ts';
import { writeSnapshotFile } from './write-files.ts';

export interface Snapshotter {
  readonly busy: boolean;
  /** Writes a snapshot in the background; `done` hears its size, or undefined when it came to nothing. */
  start(sequence: number, revision: number, entries: readonly Entry[], done: (bytes?: number) => void): void;
  /** Gives up a snapshot under way and waits for its end. */
  stop(): Promise<void>;
}

/**
 * Writes snapshots and removes what they replace.
 *
 * - N1 A snapshot is whole when it gets its name: fsynced, then renamed, then the folder fsynced.
 * - N2 Only then is anything removed, and never the snapshot before it and the logs since that one: should the new one
 *   turn out to be unreadable, those give the same state.
 */
export function createSnapshotter(options: {
  readonly dir: string;
  readonly files: Files;
  readonly store: string;
  readonly logger: Logger;
  /** The newest snapshot that was readable; 0 for none. */
  readonly readable: number;
}): Snapshotter {
  const { dir, files, store, logger } = options;
  let newest = options.readable;
  let running: Promise<void> | undefined;
  let stopped = false;

  async function removeBefore(sequence: number): Promise<void> {
    try {
      const { logs, snapshots } = stateFiles(await files.list(dir));
      for (const file of [...logs, ...snapshots]) {
        if (file.sequence < sequence) await files.remove(join(dir, file.name));
      }
    } catch (error) {
      logger.warn({ err: error }, 'old files of the state could not be removed; the next snapshot tries again');
    }
  }

  async function run(sequence: number, revision: number, entries: readonly Entry[]): Promise<number | undefined> {
    try {
      const fields = { kind: 'snapshot', store, sequence, revision, entries: entries.length } as const;
      const bytes = await writeSnapshotFile({ files, dir }, fields, entries, () => stopped);
      if (bytes === undefined) return undefined;
      await removeBefore(newest);
      newest = sequence;
      logger.debug({ revision, objects: entries.length, bytes }, 'snapshot of the state written');
      return bytes;
    } catch (error) {
      logger.warn({ err: error }, 'a snapshot of the state could not be written; the log is kept');
      await files.remove(join(dir, unfinished(snapshotName(sequence)))).catch(() => undefined); // opening removes it too
      return undefined;
    }
  }

  return {
    get busy() {
      return running !== undefined;
    },
    start(sequence, revision, entries, done) {
      running = run(sequence, revision, entries).then((bytes) => {
        running = undefined;
        done(bytes);
      });
    },
    async stop() {
      stopped = true;
      await running;
    },
  };
}
