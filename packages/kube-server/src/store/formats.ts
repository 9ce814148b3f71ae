import {
  type BadFrame,
  decodeFrame,
  decodeRecords,
  type Frame,
  findFrame,
  frameHeaderSize,
  type RawRecord,
} from './codec.ts';
import { formatVersion } from './file-header.ts';

/** How the frames of one format version are read. Writing is always done in the newest. */
export interface Format {
  readonly decodeFrame: (bytes: Buffer, offset: number) => Frame | BadFrame;
  /** The offset of the next valid frame behind `offset`, if there is one. */
  readonly findFrame: (bytes: Buffer, offset: number) => number | undefined;
  /** The records that are whole in a damaged frame, whose bytes reach at most to `end`. */
  readonly salvage: (bytes: Buffer, offset: number, end: number) => readonly RawRecord[];
}

/**
 * Every version this program reads. A new version adds an entry and keeps the old ones: a store with older files is
 * read with theirs, and then a snapshot in the newest format takes their place before the first write.
 */
export type Formats = ReadonlyMap<number, Format>;

export const knownFormats: Formats = new Map([
  [
    formatVersion,
    {
      decodeFrame,
      findFrame,
      salvage: (bytes, offset, end) => decodeRecords(bytes, offset + frameHeaderSize, end).records,
    },
  ],
]);
