import { join } from 'node:path';
import { StackError } from '@polarstack/base';
import { type Frame, isFrame, type RawRecord } from '../store/codec.ts';
import { decodeFileHeader, type Fields, formatVersion } from '../store/file-header.ts';
import { isEmptied, isHalfReplaced, stateFiles } from '../store/file-names.ts';
import type { Files } from '../store/files.ts';
import type { Format, Formats } from '../store/formats.ts';

/** Bytes of a file that make no sense. */
export interface Damage {
  readonly file: string;
  readonly offset: number;
  readonly bytes: number;
  readonly reason: string;
  /** Records among them that are whole all the same. */
  readonly salvaged: readonly RawRecord[];
}

export interface ScannedFrame extends Frame {
  readonly offset: number;
}

/** A file of the store, read as far as it can be read: damage does not end it. */
export interface ScannedFile {
  readonly kind: 'log' | 'snapshot';
  readonly name: string;
  readonly sequence: number;
  readonly bytes: Buffer;
  readonly version?: number;
  /** Absent where the header cannot be read. */
  readonly fields?: Fields;
  readonly frames: readonly ScannedFrame[];
  readonly damages: readonly Damage[];
}

/** Where the files of the store in `dir` lie: in `dir`, unless putting a repaired copy in place was interrupted. */
export async function sourceFolders(dir: string, files: Files): Promise<readonly string[]> {
  const half = (await files.list(dir)).find(isHalfReplaced);
  if (half === undefined) return [dir];
  // As long as not all old files are out of the way, no new one is in (W1 in swap-in.ts).
  return isEmptied(half) ? [join(dir, half)] : [join(dir, half), dir];
}

/** Reads every log and snapshot of the folders, snapshots first, in order. Throws `StateFormatTooNew`. */
export async function scanFolders(
  folders: readonly string[],
  files: Files,
  formats: Formats,
): Promise<readonly ScannedFile[]> {
  const scanned: ScannedFile[] = [];
  for (const dir of folders) {
    const { logs, snapshots } = stateFiles(await files.list(dir));
    for (const [kind, list] of [
      ['snapshot', snapshots],
      ['log', logs],
    ] as const) {
      for (const { name, sequence } of list) {
        scanned.push(scan(kind, name, sequence, await files.read(join(dir, name)), formats));
      }
    }
  }
  const order = ({ kind, sequence }: ScannedFile) => (kind === 'snapshot' ? 0 : 1e11) + sequence;
  return scanned.sort((a, b) => order(a) - order(b));
}

function scan(kind: 'log' | 'snapshot', name: string, sequence: number, bytes: Buffer, formats: Formats): ScannedFile {
  const header = decodeFileHeader(kind, bytes);
  if ('newer' in header) {
    throw new StackError('StateFormatTooNew', `${name} has format version ${header.version}`, {
      details: { file: name, version: header.version },
    });
  }
  const version = 'version' in header ? header.version : formatVersion;
  const format = formats.get(version) ?? (formats.get(formatVersion) as Format);
  if (!('problem' in header)) {
    return {
      kind,
      name,
      sequence,
      bytes,
      version,
      fields: header.fields,
      ...scanFrames(name, bytes, header.end, format),
    };
  }
  // Without a header nobody knows where the first frame begins; it is found by its marker.
  const start = format.findFrame(bytes, -1) ?? bytes.length;
  const lost: Damage = { file: name, offset: 0, bytes: start, reason: header.problem, salvaged: [] };
  const rest = scanFrames(name, bytes, start, format);
  return { kind, name, sequence, bytes, frames: rest.frames, damages: [lost, ...rest.damages] };
}

function scanFrames(name: string, bytes: Buffer, start: number, format: Format) {
  const frames: ScannedFrame[] = [];
  const damages: Damage[] = [];
  for (let offset = start; offset < bytes.length; ) {
    const frame = format.decodeFrame(bytes, offset);
    if (isFrame(frame)) {
      frames.push({ ...frame, offset });
      offset = frame.end;
      continue;
    }
    const end = format.findFrame(bytes, offset) ?? bytes.length;
    const salvaged = format.salvage(bytes, offset, end);
    damages.push({ file: name, offset, bytes: end - offset, reason: frame.reason, salvaged });
    offset = end;
  }
  return { frames, damages };
}
