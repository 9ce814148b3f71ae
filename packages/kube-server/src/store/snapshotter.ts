import { join } from 'node:path';
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Logger } from '@polarstack/base';
import { encodeFrame, encodeRecord } from './codec.ts';
import { encodeFileHeader } from './file-header.ts';
import { snapshotName, stateFiles, unfinished } from './file-names.ts';
import type { Files, OpenFile } from './files.ts';
import type { Entry } from './view.ts';

/** Bytes that are encoded in one turn of the event loop: about a millisecond of work. */
const chunkBytes = 128 * 1024;
/** Bytes between two fsyncs, so that none of them holds up the log's own for long. */
const syncBytes = 1024 * 1024;

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
  readonly snapshot: { readonly sequence: number };
}): Snapshotter {
  const { dir, files, store, logger } = options;
  let good = options.snapshot.sequence;
  let running: Promise<void> | undefined;
  let stopped = false;

  async function writeEntries(file: OpenFile, position: number, revision: number, entries: readonly Entry[]) {
    let length = position;
    let unsynced = 0;
    for (let index = 0; index < entries.length && !stopped; ) {
      const records: Buffer[] = [];
      let bytes = 0;
      for (; index < entries.length && bytes < chunkBytes; index++) {
        const { key, object } = entries[index] as Entry;
        const record = encodeRecord('put', key, Number(object.metadata.resourceVersion), JSON.stringify(object));
        records.push(record);
        bytes += record.length;
      }
      const frame = encodeFrame(records, revision, revision);
      await file.write(frame, length);
      length += frame.length;
      unsynced += frame.length;
      if (unsynced >= syncBytes) {
        await file.sync();
        unsynced = 0;
      }
      await nextTurn();
    }
    return length;
  }

  async function write(sequence: number, revision: number, entries: readonly Entry[]): Promise<number | undefined> {
    const name = snapshotName(sequence);
    const temporary = join(dir, unfinished(name));
    const file = await files.create(temporary);
    let length = 0;
    try {
      const header = encodeFileHeader({ kind: 'snapshot', store, sequence, revision, entries: entries.length });
      await file.write(header, 0);
      length = await writeEntries(file, header.length, revision, entries);
      if (!stopped) await file.sync();
    } finally {
      await file.close();
    }
    if (stopped) {
      await files.remove(temporary);
      return undefined;
    }
    await files.rename(temporary, join(dir, name));
    await files.syncFolder(dir);
    return length;
  }

  async function removeBefore(sequence: number): Promise<void> {
    const { logs, snapshots } = stateFiles(await files.list(dir));
    for (const file of [...snapshots, ...logs]) {
      if (file.sequence < sequence) await files.remove(join(dir, file.name));
    }
  }

  async function run(sequence: number, revision: number, entries: readonly Entry[]): Promise<number | undefined> {
    try {
      const bytes = await write(sequence, revision, entries);
      if (bytes === undefined) return undefined;
      await removeBefore(good);
      good = sequence;
      logger.info({ revision, objects: entries.length, bytes }, 'snapshot of the state written');
      return bytes;
    } catch (error) {
      logger.warn({ err: error }, 'a snapshot of the state could not be written; the log is kept');
      await files.remove(join(dir, unfinished(snapshotName(sequence)))).catch(() => undefined);
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
