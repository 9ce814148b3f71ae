import { join } from 'node:path';
import { StackError } from '@polarstack/base';
import { type Frame, isFrame } from './codec.ts';
import { decodeFileHeader, type LogFields, type SnapshotFields } from './file-header.ts';
import type { Format, Formats } from './formats.ts';
import type { StoredObject } from './object-store.ts';
import type { Change, Entry } from './view.ts';

/** A file of the store in memory, its header understood. */
export interface StateFile<Fields> {
  readonly path: string;
  readonly bytes: Buffer;
  readonly fields: Fields;
  readonly version: number;
  readonly format: Format;
  /** Offset of the first frame. */
  readonly start: number;
}

export function corrupt(path: string, offset: number, reason: string): StackError {
  return new StackError('StateLogCorrupt', `${path} is damaged at byte ${offset}: ${reason}`, {
    details: { file: path, offset, reason },
  });
}

/** Understands the header of a file, or throws `StateLogCorrupt` or `StateFormatTooNew`. */
export function readHeader<Kind extends 'log' | 'snapshot'>(
  kind: Kind,
  dir: string,
  name: string,
  bytes: Buffer,
  formats: Formats,
): StateFile<Kind extends 'log' ? LogFields : SnapshotFields> {
  const path = join(dir, name);
  const header = decodeFileHeader(kind, bytes);
  if ('problem' in header) throw corrupt(path, 0, header.problem);
  const format = formats.get(header.version);
  if ('newer' in header) {
    throw new StackError('StateFormatTooNew', `${path} has format version ${header.version}`, {
      details: { file: path, version: header.version, newest: Math.max(...formats.keys()) },
    });
  }
  if (!format) throw corrupt(path, 0, `there never was a format version ${header.version}`);
  const fields = header.fields as Kind extends 'log' ? LogFields : SnapshotFields;
  return { path, bytes, fields, version: header.version, format, start: header.end };
}

/** The objects of a frame. Throws `StateLogCorrupt` where whole records do not make sense. */
export function parseFrame(path: string, offset: number, frame: Frame): readonly Change[] {
  return frame.records.map(({ op, key, revision, json, bytes }) => {
    try {
      return { op, key, revision, object: JSON.parse(json) as StoredObject, bytes };
    } catch (error) {
      throw corrupt(path, offset, `the object at revision ${revision} is not JSON (${(error as Error).message})`);
    }
  });
}

/** All objects of a snapshot, or `StateLogCorrupt`: a snapshot is whole or it is nothing. */
export function readSnapshot(file: StateFile<SnapshotFields>): Entry[] {
  const { path, bytes, fields, format } = file;
  const entries: Entry[] = [];
  for (let offset = file.start; offset < bytes.length; ) {
    const frame = format.decodeFrame(bytes, offset);
    if (!isFrame(frame)) throw corrupt(path, offset, frame.reason);
    for (const { key, object } of parseFrame(path, offset, frame)) entries.push({ key, object });
    offset = frame.end;
  }
  if (entries.length !== fields.entries) {
    throw corrupt(path, bytes.length, `it holds ${entries.length} objects instead of ${fields.entries}`);
  }
  return entries;
}

/** The end of a log that cannot be read, with nothing readable behind it. */
export interface Tail {
  readonly offset: number;
  readonly reason: string;
}

export interface LogContent {
  readonly revision: number;
  /** Where the last good frame begins and ends; both are the end of the header when there is none. */
  readonly lastFrame: number;
  readonly end: number;
  readonly tail?: Tail;
}

/**
 * Reads a log from its start and hands every frame to `visit`.
 *
 * @param limit what the next log says about where this one ends; absent for the last log, the only one that may have a
 *   bad tail (C1 in codec.ts)
 */
export function readLog(
  file: StateFile<LogFields>,
  limit: number | undefined,
  visit: (changes: readonly Change[], revision: number, offset: number) => void,
): LogContent {
  const { path, format, fields } = file;
  if (limit !== undefined && (limit > file.bytes.length || limit < file.start)) {
    throw corrupt(path, file.bytes.length, `it ends here, but the next log continues it at byte ${limit}`);
  }
  const bytes = limit === undefined ? file.bytes : file.bytes.subarray(0, limit);
  let revision = fields.base;
  let lastFrame = file.start;
  let offset = file.start;
  while (offset < bytes.length) {
    const frame = format.decodeFrame(bytes, offset);
    if (!isFrame(frame)) {
      if (limit !== undefined || format.findFrame(bytes, offset) !== undefined)
        throw corrupt(path, offset, frame.reason);
      return { revision, lastFrame, end: offset, tail: { offset, reason: frame.reason } };
    }
    assertContinues(path, offset, frame, revision);
    visit(parseFrame(path, offset, frame), frame.to, offset);
    revision = frame.to;
    lastFrame = offset;
    offset = frame.end;
  }
  return { revision, lastFrame, end: offset };
}

function assertContinues(path: string, offset: number, frame: Frame, revision: number): void {
  const inOrder = frame.records.every((record, index) => record.revision === frame.from + index + 1);
  if (frame.from === revision && frame.to === revision + frame.records.length && inOrder) return;
  throw corrupt(path, offset, `it goes on from revision ${frame.from}, but the log is at revision ${revision}`);
}
