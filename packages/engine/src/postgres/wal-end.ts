/**
 * Where the WAL of a dead engine ends: the question whose answer decides whether a replica has everything.
 *
 * Read by the rules by which recovery reads it, straight from the files. `pg_waldump` would do, but not every installation has it,
 * it waits 5 s for a file that does not exist, and what it prints has words in it that a user may choose (the prefix of a logical
 * message): nothing that decides over commits may be read out of such lines.
 * Invariants:
 *  W1. A record counts where all of it is there: its checksum is right and it names the one before it.
 *  W2. The answer is never before the end of a record that counts and that recovery would reach: reading begins at a record that
 *      counts and goes on to the first that does not.
 *  W3. What cannot be read (an error of the disk, no record at all, an end before the checkpoint) gives no answer, never a guess.
 */
import { crc32c } from './crc32c.ts';
import { openWalPages, pageHeaderBytes, type WalFolder, type WalPage, type WalPages } from './wal-pages.ts';

export interface WalEndOptions extends WalFolder {
  /** Where recovery would begin: the redo position of the last checkpoint, as `X/Y`. */
  readonly redo: string;
  /** Where the record of that checkpoint begins. */
  readonly checkpoint: string;
}

interface WalRecord {
  readonly start: number;
  /** Behind its last byte, rounded up as the engine does. */
  readonly end: number;
  readonly isSwitch: boolean;
}

const RECORD_HEADER = 24;
const MAX_RECORD = 1020 * 1024 * 1024;
const ALIGNMENT = 8;
/** Of the record by which the engine leaves the rest of a file unused: resource manager 0, this kind. */
const SWITCH = 0x40;
const KIND = 0xf0;
/** How far before the last written page to look for a record's begin, one after the other: some are large. */
const STEPS_BACK = [64 * 1024, 1024 * 1024, 16 * 1024 * 1024];

const align = (position: number): number => Math.ceil(position / ALIGNMENT) * ALIGNMENT;

/** Positions as numbers are exact up to 8 pebibytes of WAL. */
function parseLsn(lsn: string): number {
  const [high = '', low = ''] = lsn.split('/');
  return Number.parseInt(high, 16) * 2 ** 32 + Number.parseInt(low, 16);
}

function formatLsn(position: number): string {
  const hex = (value: number): string => value.toString(16).toUpperCase();
  return `${hex(Math.floor(position / 2 ** 32))}/${hex(position % 2 ** 32)}`;
}

/** The end of WAL as `X/Y`; undefined where there is no answer (W3). Throws where a file cannot be read, or at the abort. */
export async function findWalEnd(options: WalEndOptions, signal: AbortSignal): Promise<string | undefined> {
  const pages = openWalPages(options);
  try {
    const redo = parseLsn(options.redo);
    const last = await lastWrittenPage(pages, options, signal);
    if (last === undefined) return undefined;
    const first = Math.max((await pages.segments())[0] ?? 0, pageOf(redo, options));
    for (const back of [...STEPS_BACK, Number.POSITIVE_INFINITY]) {
      const from = Math.max(first, pageOf(last - back, options));
      const end = await readToTheEnd(pages, options, from, signal);
      if (end !== undefined) return end <= parseLsn(options.checkpoint) ? undefined : formatLsn(end);
      if (from === first) return undefined;
    }
    return undefined;
  } finally {
    await pages.close();
  }
}

const pageOf = (position: number, { pageBytes }: WalFolder): number =>
  position === Number.NEGATIVE_INFINITY ? position : Math.floor(position / pageBytes) * pageBytes;

/** Pages are written in order, so the last one is found by halving. */
async function lastWrittenPage(
  pages: WalPages,
  { segmentBytes, pageBytes }: WalFolder,
  signal: AbortSignal,
): Promise<number | undefined> {
  for (const segment of [...(await pages.segments())].reverse()) {
    signal.throwIfAborted();
    if ((await pages.at(segment)) === undefined) continue;
    let [written, unwritten] = [0, segmentBytes / pageBytes];
    while (unwritten - written > 1) {
      const middle = Math.floor((written + unwritten) / 2);
      if (await pages.at(segment + middle * pageBytes)) written = middle;
      else unwritten = middle;
    }
    return segment + written * pageBytes;
  }
  return undefined;
}

/** The end of the last record that counts, of those that begin at or behind `from`; undefined where there is none. */
async function readToTheEnd(
  pages: WalPages,
  wal: WalFolder,
  from: number,
  signal: AbortSignal,
): Promise<number | undefined> {
  const pageAt = async (position: number): Promise<WalPage | undefined> => {
    signal.throwIfAborted();
    return await pages.at(pageOf(position, wal));
  };
  let last: WalRecord | undefined;
  let position = await firstRecord(pageAt, wal, from);
  while (position !== undefined) {
    const read = await readRecord(pageAt, wal, position, last?.start);
    if (read === undefined) break;
    if ('givenUpAt' in read) {
      position = read.givenUpAt;
      continue;
    }
    last = read;
    const next = last.isSwitch ? Math.ceil(last.end / wal.segmentBytes) * wal.segmentBytes : last.end;
    position = next % wal.pageBytes === 0 ? next + pageHeaderBytes(next, wal.segmentBytes) : next;
  }
  return last?.end;
}

type PageAt = (position: number) => Promise<WalPage | undefined>;

/** Where the first record begins that does not begin before the page at `from`. */
async function firstRecord(pageAt: PageAt, { pageBytes }: WalFolder, from: number): Promise<number | undefined> {
  for (let start = from; ; start += pageBytes) {
    const page = await pageAt(start);
    if (page === undefined) return undefined;
    const position = page.start + page.headerBytes + align(page.continues ?? 0);
    if (position < page.start + pageBytes) return position;
  }
}

/**
 * The record at `position`: undefined where none counts there, and where the next one begins in place of one that broke off when
 * the engine died and was given up by the next one.
 */
async function readRecord(
  pageAt: PageAt,
  { pageBytes }: WalFolder,
  position: number,
  previous: number | undefined,
): Promise<WalRecord | { readonly givenUpAt: number } | undefined> {
  let page = await pageAt(position);
  // A length is never cut: records begin at multiples of eight.
  const length = page?.bytes.readUInt32LE(position % pageBytes) ?? 0;
  if (page === undefined || length < RECORD_HEADER || length > MAX_RECORD) return undefined;
  const header = Buffer.alloc(RECORD_HEADER);
  let sum = 0;
  let at = position;
  for (let done = 0; ; ) {
    const offset = at - page.start;
    const taken = Math.min(pageBytes - offset, length - done);
    const piece = page.bytes.subarray(offset, offset + taken);
    const ofHeader = Math.max(0, Math.min(RECORD_HEADER - done, taken));
    piece.copy(header, done, 0, ofHeader);
    sum = crc32c(piece.subarray(ofHeader), sum);
    done += taken;
    at += taken;
    // Before the rest of something large is read that is none.
    if (done >= RECORD_HEADER && previous !== undefined && header.readBigUInt64LE(8) !== BigInt(previous))
      return undefined;
    if (done === length) break;
    const next = await pageAt(at);
    if (next?.givesUp === true) return { givenUpAt: next.start + next.headerBytes };
    if (next?.continues !== length - done) return undefined;
    page = next;
    at += page.headerBytes;
  }
  if (crc32c(header.subarray(0, 20), sum) !== header.readUInt32LE(20)) return undefined;
  const isSwitch = header.readUInt8(17) === 0 && (header.readUInt8(16) & KIND) === SWITCH;
  return { start: position, end: align(at), isSwitch };
}
