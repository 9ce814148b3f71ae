import { crc32 } from 'node:zlib';

/** The version of the format this program writes. Raise it when a reader of the old one would misread the new one. */
export const formatVersion = 1;

/**
 * What stands at the start of every file of a store.
 *
 * The first 20 bytes keep their meaning in every version, so that any program can tell whether it may read on:
 *
 *     magic 8 bytes | format version u32 | length of the fields u32 | crc u32 of the other header bytes | fields (JSON)
 */
export interface LogFields {
  readonly kind: 'log';
  /** Identity of the store: files of two stores are never mixed up. */
  readonly store: string;
  /** Position in the chain of logs, from 1 without gaps. */
  readonly sequence: number;
  /** The revision of the state that this log continues: what the logs before it end with. */
  readonly follows: number;
  /** The revision this log starts from; greater than `follows` where revisions were given up and must not come back. */
  readonly base: number;
  /** How many bytes of the log before this one count; what lies behind them was never acknowledged. */
  readonly previousLength?: number;
}

export interface SnapshotFields {
  readonly kind: 'snapshot';
  readonly store: string;
  /** The log that goes on from this state. */
  readonly sequence: number;
  readonly revision: number;
  /** Number of objects: a snapshot with fewer is not whole. */
  readonly entries: number;
}

export type Fields = LogFields | SnapshotFields;

const magic = { log: Buffer.from('PSTKLOG\n'), snapshot: Buffer.from('PSTKSNP\n') } as const;
const fixedSize = 20;

export function encodeFileHeader(fields: Fields, version: number = formatVersion): Buffer {
  const json = Buffer.from(JSON.stringify(fields));
  const header = Buffer.concat([magic[fields.kind], Buffer.alloc(fixedSize - 8), json]);
  header.writeUInt32BE(version, 8);
  header.writeUInt32BE(json.length, 12);
  header.writeUInt32BE(checksum(header), 16);
  return header;
}

const checksum = (header: Buffer): number => crc32(header.subarray(fixedSize), crc32(header.subarray(0, 16)));

export type DecodedHeader =
  | { readonly version: number; readonly fields: Fields; readonly end: number }
  /** Whole, but of a version whose fields this program does not know. */
  | { readonly version: number; readonly newer: true }
  | { readonly problem: string };

const numbers = (fields: object, ...names: readonly string[]): boolean =>
  names.every((name) => {
    const value = (fields as Record<string, unknown>)[name];
    return Number.isSafeInteger(value) && (value as number) >= 0;
  });

function parseFields(kind: 'log' | 'snapshot', json: string): Fields | undefined {
  const fields: unknown = JSON.parse(json);
  if (typeof fields !== 'object' || fields === null) return undefined;
  const { kind: said, store, previousLength } = fields as Record<string, unknown>;
  if (said !== kind || typeof store !== 'string') return undefined;
  if (kind === 'snapshot') return numbers(fields, 'sequence', 'revision', 'entries') ? (fields as Fields) : undefined;
  if (!numbers(fields, 'sequence', 'follows', 'base')) return undefined;
  return previousLength === undefined || numbers(fields, 'previousLength') ? (fields as Fields) : undefined;
}

export function decodeFileHeader(kind: 'log' | 'snapshot', bytes: Buffer): DecodedHeader {
  if (bytes.length < fixedSize) return { problem: 'the file header is cut short' };
  if (!bytes.subarray(0, 8).equals(magic[kind])) return { problem: `this is not a ${kind} of PolarDB Stack` };
  const version = bytes.readUInt32BE(8);
  const end = fixedSize + bytes.readUInt32BE(12);
  if (end > bytes.length) return { problem: 'the file header is cut short' };
  if (checksum(bytes.subarray(0, end)) !== bytes.readUInt32BE(16)) {
    return { problem: 'the checksum of the file header does not match' };
  }
  if (version > formatVersion) return { version, newer: true };
  try {
    const fields = parseFields(kind, bytes.toString('utf8', fixedSize, end));
    if (fields) return { version, fields, end };
  } catch {
    // Falls through: the checksum holds, so it was written wrong, and the answer is the same.
  }
  return { problem: 'the fields of the file header are not readable' };
}
