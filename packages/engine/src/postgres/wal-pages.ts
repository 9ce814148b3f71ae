/** Pages of the WAL files in a folder, as they are on disk; nothing is taken on trust but their names. */
import { type FileHandle, open, readdir } from 'node:fs/promises';
import { join } from 'node:path';

export interface WalFolder {
  readonly folder: string;
  readonly timeline: number;
  readonly segmentBytes: number;
  readonly pageBytes: number;
}

export interface WalPage {
  /** Position of its first byte; positions are bytes since the beginning of all WAL. */
  readonly start: number;
  readonly bytes: Buffer;
  /** Where its records begin. */
  readonly headerBytes: number;
  /** How much of a record that began on an earlier page is still to come from here on; undefined where none goes on. */
  readonly continues: number | undefined;
  /** A record that broke off before is given up here. */
  readonly givesUp: boolean;
}

export interface WalPages {
  /** Where the files of the timeline begin, in order. */
  segments(): Promise<readonly number[]>;
  /** The page that begins at `start`; undefined where it was not written (yet). Throws where it cannot be read. */
  at(start: number): Promise<WalPage | undefined>;
  close(): Promise<void>;
}

const SHORT_HEADER = 24;
const LONG_HEADER = 40;
const CONTINUES = 0x0001;
const IS_LONG = 0x0002;
const GIVES_UP = 0x0008;
/** The high byte of the number that marks a page's format; the low one grows with the majors. */
const MAGIC = 0xd1;
/** Records are read in order: more pages at once than one. */
const CHUNK_BYTES = 128 * 1024;

/** How many bytes of headers the page at `start` begins with. */
export const pageHeaderBytes = (start: number, segmentBytes: number): number =>
  start % segmentBytes === 0 ? LONG_HEADER : SHORT_HEADER;

export function openWalPages({ folder, timeline, segmentBytes, pageBytes }: WalFolder): WalPages {
  const perHigh = 2 ** 32 / segmentBytes;
  const hex = (value: number): string => value.toString(16).toUpperCase().padStart(8, '0');
  let file: { readonly number: number; readonly handle: FileHandle | undefined } | undefined;
  let chunk: { readonly start: number; readonly bytes: Buffer } | undefined;

  const close = async (): Promise<void> => {
    const { handle } = file ?? {};
    file = undefined;
    await handle?.close();
  };

  const handleOf = async (number: number): Promise<FileHandle | undefined> => {
    if (file?.number !== number) {
      await close();
      const name = `${hex(timeline)}${hex(Math.floor(number / perHigh))}${hex(number % perHigh)}`;
      const handle = await open(join(folder, name), 'r').catch((error: NodeJS.ErrnoException) => {
        if (error.code === 'ENOENT') return undefined;
        throw error;
      });
      file = { number, handle };
    }
    return file.handle;
  };

  const bytesAt = async (start: number): Promise<Buffer | undefined> => {
    if (chunk === undefined || start < chunk.start || start + pageBytes > chunk.start + chunk.bytes.length) {
      const offset = start % segmentBytes;
      const handle = await handleOf(Math.floor(start / segmentBytes));
      if (handle === undefined) return undefined;
      const bytes = Buffer.alloc(Math.min(CHUNK_BYTES, segmentBytes - offset));
      const { bytesRead } = await handle.read(bytes, 0, bytes.length, offset);
      if (bytesRead < pageBytes) return undefined;
      chunk = { start, bytes: bytes.subarray(0, bytesRead) };
    }
    return chunk.bytes.subarray(start - chunk.start, start - chunk.start + pageBytes);
  };

  return {
    segments: async () =>
      (await readdir(folder))
        .filter((name) => /^[0-9A-F]{24}$/.test(name) && name.startsWith(hex(timeline)))
        .map((name) => Number.parseInt(name.slice(8, 16), 16) * perHigh + Number.parseInt(name.slice(16), 16))
        .sort((a, b) => a - b)
        .map((number) => number * segmentBytes),
    at: async (start) => {
      const bytes = await bytesAt(start);
      if (bytes === undefined) return undefined;
      const [magic, info] = [bytes.readUInt16LE(0), bytes.readUInt16LE(2)];
      const headerBytes = pageHeaderBytes(start, segmentBytes);
      const isOurs =
        magic >> 8 === MAGIC &&
        // The first file of a timeline begins with a copy of what the one before wrote.
        bytes.readUInt32LE(4) <= timeline &&
        // A file that is used again still has the pages of its earlier life.
        bytes.readBigUInt64LE(8) === BigInt(start) &&
        ((info & IS_LONG) !== 0) === (headerBytes === LONG_HEADER);
      if (!isOurs) return undefined;
      return {
        start,
        bytes,
        headerBytes,
        continues: info & CONTINUES ? bytes.readUInt32LE(16) : undefined,
        givesUp: (info & GIVES_UP) !== 0,
      };
    },
    close,
  };
}
