import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { crc32c } from './crc32c.ts';
import { findWalEnd } from './wal-end.ts';
import { pageHeaderBytes } from './wal-pages.ts';

const PAGE = 8192;
const SEGMENT = 4 * PAGE;
const TIMELINE = 3;
/** In the middle of a segment, far enough that its number needs both halves. */
const BEGIN = 2 ** 32 * 5 - 2 * SEGMENT;
const signal = new AbortController().signal;

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'ps-wal-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const lsn = (position: number): string =>
  `${Math.floor(position / 2 ** 32).toString(16)}/${(position % 2 ** 32).toString(16)}`.toUpperCase();
const align = (position: number): number => Math.ceil(position / 8) * 8;

interface Written {
  readonly start: number;
  /** Behind its last byte. */
  readonly end: number;
}

/** WAL as the engine writes it, from the description of its format: into memory, from which files are made. */
function writer(pages: number) {
  const image = Buffer.alloc(pages * PAGE);
  const records: Written[] = [];
  let at = BEGIN;
  let givingUp = false;
  const header = (start: number, remaining: number): void => {
    const offset = start - BEGIN;
    const long = start % SEGMENT === 0;
    image.writeUInt16LE(0xd110, offset);
    image.writeUInt16LE((remaining > 0 ? 1 : 0) | (long ? 2 : 0) | (givingUp ? 8 : 0), offset + 2);
    image.writeUInt32LE(TIMELINE, offset + 4);
    image.writeBigUInt64LE(BigInt(start), offset + 8);
    image.writeUInt32LE(remaining, offset + 16);
    at = start + pageHeaderBytes(start, SEGMENT);
  };
  const roomFor = (length: number): boolean => at + length * 2 + PAGE < BEGIN + image.length;
  const append = (length: number, kind = 0): void => {
    const record = Buffer.alloc(length, 0xa5);
    if (at % PAGE === 0) header(at, 0);
    record.writeUInt32LE(length, 0);
    record.writeBigUInt64LE(BigInt(records.at(-1)?.start ?? 0), 8);
    record.writeUInt8(kind, 16);
    record.writeUInt8(kind === 0 ? 10 : 0, 17);
    record.writeUInt32LE(crc32c(record.subarray(0, 20), crc32c(record.subarray(24))), 20);
    const start = at;
    for (let done = 0; done < length; ) {
      if (at % PAGE === 0) header(at, length - done);
      const taken = Math.min(PAGE - (at % PAGE), length - done);
      record.copy(image, at - BEGIN, done, done + taken);
      done += taken;
      at += taken;
    }
    records.push({ start, end: at });
    at = align(at);
    givingUp = false;
  };
  return {
    image,
    records,
    append: (length: number) => {
      if (roomFor(length)) append(length);
    },
    switchFile: () => {
      if (!roomFor(SEGMENT)) return;
      append(24, 0x40);
      at = Math.ceil(at / SEGMENT) * SEGMENT;
    },
    /** The engine died at the page's begin, in the midst of the last record; the next life gives that up. */
    giveUpAt: (page: number) => {
      records.pop();
      image.fill(0, page - BEGIN);
      at = page;
      givingUp = true;
    },
  };
}

/** The image up to `cut`; behind it is what an earlier life of the files left, or nothing. */
async function endOf(image: Buffer, cut: number, checkpoint: string, recycled: boolean): Promise<string | undefined> {
  const disk = Buffer.alloc(image.length);
  if (recycled) {
    const earlier = writer(image.length / PAGE);
    for (let count = 0; count < 300; count++) earlier.append(100 + count);
    earlier.image.copy(disk);
    for (let start = 0; start < disk.length; start += PAGE)
      disk.writeBigUInt64LE(BigInt(BEGIN + start - 64 * SEGMENT), start + 8);
  }
  image.copy(disk, 0, 0, cut - BEGIN);
  const hex = (value: number): string => value.toString(16).toUpperCase().padStart(8, '0');
  for (let start = 0; start < disk.length; start += SEGMENT) {
    const number = (BEGIN + start) / SEGMENT;
    const perHigh = 2 ** 32 / SEGMENT;
    const name = `${hex(TIMELINE)}${hex(Math.floor(number / perHigh))}${hex(number % perHigh)}`;
    writeFileSync(join(folder, name), disk.subarray(start, start + SEGMENT));
  }
  const options = { folder, timeline: TIMELINE, segmentBytes: SEGMENT, pageBytes: PAGE };
  return await findWalEnd({ ...options, redo: checkpoint, checkpoint }, signal);
}

test('W1, W2: wherever writing broke off, the end is behind the last record of which nothing is missing', async () => {
  const length = fc.oneof(
    { weight: 6, arbitrary: fc.integer({ min: 24, max: 400 }) },
    { weight: 1, arbitrary: fc.integer({ min: PAGE - 100, max: 5 * PAGE }) },
    { weight: 1, arbitrary: fc.constant('switch' as const) },
  );
  await fc.assert(
    fc.asyncProperty(
      fc.array(length, { minLength: 1, maxLength: 200 }),
      fc.double({ min: 0, max: 1, noNaN: true }),
      fc.boolean(),
      async (lengths, where, recycled) => {
        const wal = writer(32);
        wal.append(120);
        for (const one of lengths) {
          if (one === 'switch') wal.switchFile();
          else wal.append(one);
        }
        const [first, last] = [wal.records[0], wal.records.at(-1)];
        if (!first || !last) throw new Error('nothing was written');
        const cut = Math.round(first.end + where * (last.end - first.end));
        const whole = wal.records.filter(({ end }) => end <= cut).at(-1);
        expect(await endOf(wal.image, cut, lsn(first.start), recycled)).toBe(lsn(align(whole?.end ?? 0)));
      },
    ),
    { numRuns: 150 },
  );
});

test('W2: what a later life gave up is not the end, nor is it counted', async () => {
  for (const after of [0, 1, 40]) {
    const wal = writer(16);
    wal.append(120);
    wal.append(3 * PAGE);
    wal.giveUpAt(BEGIN + 2 * PAGE);
    for (let count = 0; count < after; count++) wal.append(60 + count);
    const first = wal.records[0] as Written;
    const last = wal.records.at(-1) as Written;
    expect(await endOf(wal.image, BEGIN + wal.image.length, lsn(first.start), false)).toBe(lsn(align(last.end)));
  }
});

test('W1: a record with a wrong checksum ends the WAL; W3: no answer where the checkpoint itself is not reached', async () => {
  const wal = writer(16);
  for (let count = 0; count < 300; count++) wal.append(300);
  const at = (index: number): Written => wal.records[index] as Written;
  wal.image.writeUInt8(0, at(200).start - BEGIN + 200);
  const whole = BEGIN + wal.image.length;
  expect(await endOf(wal.image, whole, lsn(at(0).start), false)).toBe(lsn(align(at(199).end)));
  expect(await endOf(wal.image, whole, lsn(at(199).start), false)).toBe(lsn(align(at(199).end)));
  expect(await endOf(wal.image, whole, lsn(at(200).start), false)).toBeUndefined();
});

test('W3: no answer from an empty folder, from one of another timeline, or after an abort', async () => {
  const options = {
    folder,
    timeline: TIMELINE,
    segmentBytes: SEGMENT,
    pageBytes: PAGE,
    redo: '4/28',
    checkpoint: '4/28',
  };
  expect(await findWalEnd(options, signal)).toBeUndefined();
  const wal = writer(4);
  wal.append(100);
  await endOf(wal.image, BEGIN + PAGE, lsn(BEGIN), false);
  expect(await findWalEnd({ ...options, timeline: TIMELINE + 1 }, signal)).toBeUndefined();
  await expect(findWalEnd(options, AbortSignal.abort(new Error('late')))).rejects.toThrow('late');
  await expect(findWalEnd({ ...options, folder: join(folder, 'none') }, signal)).rejects.toThrow('ENOENT');
});

test('the checksum is the one of the standard', () => {
  expect(crc32c(Buffer.from('123456789'))).toBe(0xe3069283);
  expect(crc32c(Buffer.from('6789'), crc32c(Buffer.from('12345')))).toBe(0xe3069283);
});
