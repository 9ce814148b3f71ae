import { join } from 'node:path';
import { isStackError, type Logger, StackError } from '@polarstack/base';
import type { LogFields } from './file-header.ts';
import { logName, stateFiles } from './file-names.ts';
import type { Files } from './files.ts';
import type { Formats } from './formats.ts';
import { corrupt, readHeader, readLog, readSnapshot, type StateFile, type Tail } from './read-file.ts';
import type { View } from './view.ts';

export interface LoadedStore {
  readonly store: string;
  /** The newest log. */
  readonly sequence: number;
  readonly logName: string;
  /** How many bytes of the newest log count. */
  readonly logLength: number;
  /** The last frame that counts. */
  readonly lastFrame: { readonly offset: number; readonly bytes: Buffer };
  /** What stands behind it and cannot be read. */
  readonly tail?: Tail & { readonly bytes: Buffer };
  /** The snapshot that was read (sequence 0: none, the logs were read from the beginning), and the logs behind it. */
  readonly snapshot: { readonly sequence: number; readonly bytes: number; readonly logBytes: number };
  /** True where a new snapshot should be taken soon: a file has an old format, or a newer snapshot could not be read. */
  readonly stale: boolean;
}

interface LoadOptions {
  readonly dir: string;
  readonly files: Files;
  readonly formats: Formats;
  readonly view: View;
  readonly logger: Logger;
}

/**
 * Reads a store into `view`; undefined when there is none yet. Changes nothing on disk.
 *
 * Throws `StateLogCorrupt` for every damage but a bad tail of the newest log, and `StateFormatTooNew`.
 *
 * A snapshot that cannot be read is no loss while the snapshot before it and all logs since are whole, because they
 * give the same state; the chain of logs proves that nothing is missing (each names the state that it continues).
 * That is why the generation before the newest snapshot is kept.
 */
export async function loadStore(options: LoadOptions): Promise<LoadedStore | undefined> {
  const { dir, files, logger } = options;
  const { logs, snapshots } = stateFiles(await files.list(dir));
  if (logs.length === 0 && snapshots.length === 0) return undefined;
  let firstError: unknown;
  for (const snapshot of [...snapshots.reverse(), undefined]) {
    try {
      return await loadFrom(options, snapshot, logs, firstError !== undefined);
    } catch (error) {
      if (!isStackError(error, 'StateLogCorrupt') || error.details.file !== (snapshot && join(dir, snapshot.name))) {
        // Damage in a log: an older snapshot needs that log as well, and the first error says where to look.
        throw firstError ?? error;
      }
      firstError ??= error;
      logger.warn({ err: error }, 'a snapshot cannot be read; trying the one before it');
    }
  }
  throw firstError;
}

interface Named {
  readonly name: string;
  readonly sequence: number;
}

async function loadFrom(
  options: LoadOptions,
  snapshot: Named | undefined,
  allLogs: readonly Named[],
  fellBack: boolean,
): Promise<LoadedStore> {
  const { dir, files, formats, view } = options;
  const newest = Math.max(...formats.keys());
  const logs = chain(dir, snapshot, allLogs);
  let stale = fellBack;
  let store: string | undefined;
  let bytes = 0;
  if (snapshot) {
    const file = readHeader('snapshot', dir, snapshot.name, await files.read(join(dir, snapshot.name)), formats);
    view.reset(readSnapshot(file), file.fields.revision);
    store = file.fields.store;
    bytes = file.bytes.length;
    stale ||= file.version < newest;
  } else view.reset([], 0);

  const read = async ({ name }: Named) => readHeader('log', dir, name, await files.read(join(dir, name)), formats);
  let logBytes = 0;
  let file = await read(logs[0]);
  for (let index = 0; ; index++) {
    const { name, sequence } = logs[index] as Named;
    const next = logs[index + 1];
    const following = next && (await read(next));
    store ??= file.fields.store;
    assertPlace(file, sequence, store, view.revision);
    stale ||= file.version < newest;
    if (file.fields.base > file.fields.follows) view.skipTo(file.fields.base);
    const content = readLog(file, following && lengthBefore(following), (changes, revision) =>
      view.apply(changes, revision),
    );
    logBytes += content.end;
    if (!following) {
      return {
        store,
        sequence,
        logName: name,
        logLength: content.end,
        lastFrame: { offset: content.lastFrame, bytes: file.bytes.subarray(content.lastFrame, content.end) },
        ...(content.tail && { tail: { ...content.tail, bytes: file.bytes.subarray(content.tail.offset) } }),
        snapshot: { sequence: snapshot?.sequence ?? 0, bytes, logBytes },
        stale,
      };
    }
    file = following;
  }
}

/** The logs that go on from a snapshot, without a gap. */
function chain(dir: string, snapshot: Named | undefined, all: readonly Named[]): readonly [Named, ...Named[]] {
  const start = snapshot?.sequence ?? 1;
  const [first, ...rest] = all.filter(({ sequence }) => sequence >= start);
  if (!first) throw corrupt(join(dir, snapshot?.name ?? logName(start)), 0, `${logName(start)} is missing`);
  [first, ...rest].forEach(({ name, sequence }, index) => {
    if (sequence !== start + index) throw corrupt(join(dir, name), 0, `${logName(start + index)} is missing before it`);
  });
  return [first, ...rest];
}

function assertPlace({ path, fields }: StateFile<LogFields>, sequence: number, store: string, revision: number): void {
  const { follows, base } = fields;
  if (fields.store !== store) throw corrupt(path, 0, 'it belongs to another store');
  if (fields.sequence !== sequence) throw corrupt(path, 0, `it is log ${fields.sequence} under another name`);
  if (follows !== revision) {
    throw corrupt(path, 0, `it continues revision ${follows}, but the state before it ends with ${revision}`);
  }
  if (base < follows) throw corrupt(path, 0, 'it starts before the revision that it continues');
}

function lengthBefore({ path, fields }: StateFile<LogFields>): number {
  if (fields.previousLength === undefined) throw corrupt(path, 0, 'it does not say where the log before it ends');
  return fields.previousLength;
}

/** Refuses a folder that holds other people's files and no store: it was not made for us. */
export function assertOurs(dir: string, names: readonly string[], isOurs: (name: string) => boolean): void {
  const foreign = names.find((name) => !isOurs(name));
  if (foreign === undefined) return;
  throw new StackError('StateFolderUnusable', `${dir} holds no state but other files, such as ${foreign}`, {
    remedy: 'Name an empty folder, or one that an earlier start has made.',
    details: { dir, foreign },
  });
}
