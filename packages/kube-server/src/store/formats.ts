import { type BadFrame, decodeFrame, type Frame, findFrame } from './codec.ts';
import { formatVersion } from './file-header.ts';

/** How the frames of one format version are read. Writing is always done in the newest. */
export interface Format {
  readonly decodeFrame: (bytes: Buffer, offset: number) => Frame | BadFrame;
  readonly findFrame: (bytes: Buffer, offset: number) => number | undefined;
}

/**
 * Every version this program reads. A new version adds an entry and keeps the old ones: a store with older files is
 * read with theirs, and then a snapshot in the newest format takes their place before the first write.
 */
export type Formats = ReadonlyMap<number, Format>;

export const knownFormats: Formats = new Map([[formatVersion, { decodeFrame, findFrame }]]);
