import { join } from 'node:path';
import { isStackError, type Logger, StackError } from '@polarstack/base';
import { stateFiles } from './file-names.ts';
import type { Files } from './files.ts';
import type { Formats } from './formats.ts';
import { corrupt, type LogContent, readHeader, readLog, readSnapshot, type Tail } from './read-file.ts';
import type { View } from './view.ts';

export interface LoadedStore {
  readonly store: string;
  /** The newest log. */
  readonly sequence: number;
  readonly logName: string;
  /** How many bytes of the newest log count. */
  readonly logLength: number;
  readonly tail?: Tail & { readonly bytes: Buffer };
  /** The snapshot that was read; 0 when the logs were read from the beginning. */
  readonly snapshotSequence: number;
  readonly snapshotBytes: number;
  /** Bytes of log behind that snapshot. */
  readonly logBytes: number;
  /** Why a snapshot is wanted soon: old format, or a newer snapshot could not be read. */
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
  { dir, files, formats, view }: LoadOptions,
  snapshot: Named | undefined,
  allLogs: readonly Named[],
  fellBack: boolean,
): Promise<LoadedStore> {
  const first = snapshot?.sequence ?? 1;
  const logs = allLogs.filter(({ sequence }) => sequence >= first);
  logs.forEach(({ name, sequence }, index) => {
    if (sequence !== first + index) throw corrupt(join(dir, name), 0, `log ${first + index} is missing before it`);
  });
  if (logs.length === 0)
    throw corrupt(join(dir, snapshot?.name ?? 'log'), 0, `log ${first}, which goes on from it, is missing`);

  let stale = fellBack;
  let store: string | undefined;
  let snapshotBytes = 0;
  if (snapshot) {
    const file = readHeader('snapshot', dir, snapshot.name, await files.read(join(dir, snapshot.name)), formats);
    view.reset(readSnapshot(file), file.fields.revision);
    store = file.fields.store;
    snapshotBytes = file.bytes.length;
    stale ||= file.version !== Math.max(...formats.keys());
  } else view.reset([], 0);

  const read = async ({ name }: Named) => readHeader('log', dir, name, await files.read(join(dir, name)), formats);
  let logBytes = 0;
  let file = await read(logs[0] as Named);
  for (let index = 0; ; index++) {
    const { name, sequence } = logs[index] as Named;
    const next = logs[index + 1];
    const following = next && (await read(next));
    const { fields, path } = file;
    store ??= fields.store;
    if (fields.store !== store) throw corrupt(path, 0, 'it belongs to another store');
    if (fields.sequence !== sequence) throw corrupt(path, 0, `it is log ${fields.sequence} under another name`);
    if (fields.follows !== view.revision) {
      throw corrupt(path, 0, `it continues revision ${fields.follows}, but the state is at revision ${view.revision}`);
    }
    if (fields.base < fields.follows) throw corrupt(path, 0, 'it starts before the revision that it continues');
    if (fields.base > fields.follows) view.skipTo(fields.base);
    stale ||= file.version !== Math.max(...formats.keys());
    if (following && following.fields.previousLength === undefined) {
      throw corrupt(following.path, 0, 'it does not say where the log before it ends');
    }
    const content: LogContent = readLog(file, following?.fields.previousLength, (changes, revision) =>
      view.apply(changes, revision),
    );
    logBytes += content.end;
    if (!following) {
      return {
        store,
        sequence,
        logName: name,
        logLength: content.end,
        ...(content.tail && { tail: { ...content.tail, bytes: file.bytes.subarray(content.tail.offset) } }),
        snapshotSequence: snapshot?.sequence ?? 0,
        snapshotBytes,
        logBytes,
        stale,
      };
    }
    file = following;
  }
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
