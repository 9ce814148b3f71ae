import { join } from 'node:path';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { encodeFrame, encodeRecord } from './codec.ts';
import { encodeFileHeader, type LogFields, type SnapshotFields } from './file-header.ts';
import { logName, snapshotName, unfinished } from './file-names.ts';
import type { Files, OpenFile } from './files.ts';
import type { Entry } from './view.ts';

/** Bytes of a snapshot that are encoded in one turn of the event loop: about a millisecond of work. */
const chunkBytes = 128 * 1024;
/** Bytes of a snapshot between two fsyncs, so that none of them holds up the log's own for long. */
const syncBytes = 1024 * 1024;

interface Place {
  readonly files: Files;
  readonly dir: string;
}

/**
 * Creates a log file and leaves it open: its header is fsynced before it gets its name, and the name after that.
 * @param onNaming called when the file is about to get its name; from then on it may exist after a crash
 */
export async function createLogFile(
  { files, dir }: Place,
  fields: LogFields,
  onNaming: () => void = () => {},
): Promise<{ readonly file: OpenFile; readonly length: number }> {
  const name = logName(fields.sequence);
  const header = encodeFileHeader(fields);
  const file = await files.create(join(dir, unfinished(name)));
  try {
    await file.write(header, 0);
    await file.sync();
    onNaming();
    await files.rename(join(dir, unfinished(name)), join(dir, name));
    await files.syncFolder(dir);
    return { file, length: header.length };
  } catch (error) {
    await file.close().catch(() => undefined); // the first error says what is wrong
    throw error;
  }
}

/**
 * Writes a snapshot in small steps and gives it its name when all of it is fsynced. Resolves with its size in bytes, or
 * with undefined when `isStopped` became true first and nothing is left of it.
 */
export async function writeSnapshotFile(
  { files, dir }: Place,
  fields: SnapshotFields,
  entries: readonly Entry[],
  isStopped: () => boolean = () => false,
): Promise<number | undefined> {
  const name = snapshotName(fields.sequence);
  const temporary = join(dir, unfinished(name));
  const file = await files.create(temporary);
  let length = 0;
  try {
    const header = encodeFileHeader(fields);
    await file.write(header, 0);
    length = header.length;
    let synced = 0;
    for (const frame of frames(entries, fields.revision)) {
      if (isStopped()) break;
      await file.write(frame, length);
      length += frame.length;
      if (length - synced >= syncBytes) {
        await file.sync();
        synced = length;
      }
      await nextTurn();
    }
    if (!isStopped()) await file.sync();
  } finally {
    await file.close();
  }
  if (isStopped()) {
    await files.remove(temporary);
    return undefined;
  }
  await files.rename(temporary, join(dir, name));
  await files.syncFolder(dir);
  return length;
}

function* frames(entries: readonly Entry[], revision: number): Generator<Buffer> {
  let records: Buffer[] = [];
  let bytes = 0;
  for (const { key, object } of entries) {
    const record = encodeRecord('put', key, Number(object.metadata.resourceVersion), JSON.stringify(object));
    records.push(record);
    bytes += record.length;
    if (bytes < chunkBytes) continue;
    yield encodeFrame(records, revision, revision);
    records = [];
    bytes = 0;
  }
  if (records.length > 0) yield encodeFrame(records, revision, revision);
}
