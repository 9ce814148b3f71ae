import { crc32 } from 'node:zlib';

/**
 * The bytes of a log: a file header, then frames; a frame is one batch, written and fsynced as a whole.
 *
 *     frame   marker u32 | crc u32 of the next 24 bytes | payload length u32 | records u32 | from u48 | to u48 | 0 u32
 *     record  crc u32 of the rest | length u32 | version u8 | op u8 | key length u16 | revision u48 | 0 u16 | key | object (JSON)
 *
 * All numbers are big-endian. `from` is the revision before the frame and `to` the one after it.
 *
 * - C1 A frame is written only after the frame before it was fsynced. So a bad frame with nothing valid behind it may
 *   be the torn end of a write that nobody was told of, while a bad frame with a valid one behind it was once whole
 *   and acknowledged: damage.
 * - C2 The marker holds bytes that no UTF-8 text holds, so that a frame is found again behind damaged bytes.
 * - C3 Every record has a checksum of its own: damage in a frame costs only the records it hit when it is repaired.
 */
export const frameHeaderSize = 32;
const recordHeaderSize = 20;
const recordVersion = 1;
const marker = Buffer.from([0xf5, 0xfb, 0xff, 0xc1]);
const ops = { put: 1, delete: 2 } as const;

/** The most revisions that one frame takes: what a lost frame may have used. */
export const maxFrameRecords = 4096;
/** The largest record of an object that is put: what etcd takes by default. */
export const maxObjectBytes = 1.5 * 1024 * 1024;
/** The most bytes of one record, and (unless it is a single record) of one frame. */
export const maxRecordBytes = 32 * 1024 * 1024;

/** A record whose checksum holds; its object is not parsed yet. */
export interface RawRecord {
  readonly op: 'put' | 'delete';
  readonly key: string;
  readonly revision: number;
  readonly json: string;
  /** Size of the whole record. */
  readonly bytes: number;
}

export interface Frame {
  readonly from: number;
  readonly to: number;
  readonly records: readonly RawRecord[];
  /** Offset behind the frame. */
  readonly end: number;
}

/** Why the bytes at an offset are not a frame. */
export interface BadFrame {
  readonly reason: string;
}

export function encodeRecord(op: 'put' | 'delete', key: string, revision: number, json: string): Buffer {
  const keyLength = Buffer.byteLength(key);
  const record = Buffer.allocUnsafe(recordHeaderSize + keyLength + Buffer.byteLength(json));
  record.writeUInt32BE(record.length, 4);
  record.writeUInt8(recordVersion, 8);
  record.writeUInt8(ops[op], 9);
  record.writeUInt16BE(keyLength, 10);
  record.writeUIntBE(revision, 12, 6);
  record.writeUInt16BE(0, 18);
  record.write(key, recordHeaderSize);
  record.write(json, recordHeaderSize + keyLength);
  record.writeUInt32BE(crc32(record.subarray(4)), 0);
  return record;
}

/** One batch as it goes to the disk. No records make an empty frame, which marks an end that was meant. */
export function encodeFrame(records: readonly Uint8Array[], from: number, to: number): Buffer {
  const header = Buffer.alloc(frameHeaderSize);
  const payload = records.reduce((sum, record) => sum + record.length, 0);
  marker.copy(header);
  header.writeUInt32BE(payload, 8);
  header.writeUInt32BE(records.length, 12);
  header.writeUIntBE(from, 16, 6);
  header.writeUIntBE(to, 22, 6);
  header.writeUInt32BE(crc32(header.subarray(8)), 4);
  return Buffer.concat([header, ...records], frameHeaderSize + payload);
}

function decodeRecord(bytes: Buffer, offset: number, end: number): RawRecord | string {
  if (end - offset < recordHeaderSize) return 'a record is cut short';
  const length = bytes.readUInt32BE(offset + 4);
  if (length < recordHeaderSize || length > end - offset) return `a record has the impossible length ${length}`;
  const record = bytes.subarray(offset, offset + length);
  if (crc32(record.subarray(4)) !== record.readUInt32BE(0)) return 'the checksum of a record does not match';
  if (record[8] !== recordVersion) return `a record has the unknown version ${record[8]}`;
  const keyLength = record.readUInt16BE(10);
  if (recordHeaderSize + keyLength > length) return `a record has the impossible key length ${keyLength}`;
  const op = record[9] === ops.put ? 'put' : record[9] === ops.delete ? 'delete' : undefined;
  if (!op) return `a record has the unknown operation ${record[9]}`;
  return {
    op,
    key: record.toString('utf8', recordHeaderSize, recordHeaderSize + keyLength),
    revision: record.readUIntBE(12, 6),
    json: record.toString('utf8', recordHeaderSize + keyLength),
    bytes: length,
  };
}

/**
 * The records between two offsets whose checksums hold, at most `limit` of them, and what is wrong with the first of
 * those whose do not.
 */
export function decodeRecords(
  bytes: Buffer,
  offset: number,
  end: number,
  limit: number = Number.POSITIVE_INFINITY,
): { readonly records: readonly RawRecord[]; readonly problem?: string } {
  const records: RawRecord[] = [];
  let problem: string | undefined;
  for (let at = offset; records.length < limit && at < end; ) {
    const record = decodeRecord(bytes, at, end);
    if (typeof record !== 'string') {
      records.push(record);
      at += record.bytes;
      continue;
    }
    problem ??= record;
    // The length of a damaged record may still be right; the next checksum tells.
    const length = end - at >= recordHeaderSize ? bytes.readUInt32BE(at + 4) : 0;
    if (length < recordHeaderSize || length > end - at) break;
    at += length;
  }
  return { records, ...(problem !== undefined && { problem }) };
}

/** Reads the frame at `offset`, which must be inside `bytes`. */
export function decodeFrame(bytes: Buffer, offset: number): Frame | BadFrame {
  if (bytes.length - offset < frameHeaderSize) return { reason: 'a frame header is cut short' };
  const header = bytes.subarray(offset, offset + frameHeaderSize);
  if (!header.subarray(0, 4).equals(marker)) return { reason: 'no frame begins here' };
  if (crc32(header.subarray(8)) !== header.readUInt32BE(4)) {
    return { reason: 'the checksum of a frame header does not match' };
  }
  const count = header.readUInt32BE(12);
  const end = offset + frameHeaderSize + header.readUInt32BE(8);
  if (end > bytes.length) return { reason: 'a frame is cut short' };
  const { records, problem } = decodeRecords(bytes, offset + frameHeaderSize, end, count);
  if (problem !== undefined) return { reason: problem };
  if (records.length !== count) return { reason: `a frame holds ${records.length} records instead of ${count}` };
  return { from: header.readUIntBE(16, 6), to: header.readUIntBE(22, 6), records, end };
}

export const isFrame = (frame: Frame | BadFrame): frame is Frame => !('reason' in frame);

/** The offset of the next valid frame behind `offset`, if there is one. */
export function findFrame(bytes: Buffer, offset: number): number | undefined {
  for (let at = bytes.indexOf(marker, offset + 1); at >= 0; at = bytes.indexOf(marker, at + 1)) {
    if (isFrame(decodeFrame(bytes, at))) return at;
  }
  return undefined;
}
