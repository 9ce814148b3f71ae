/** Frames of SPDY/3.1, as far as Kubernetes' clients use them. */

export type Frame =
  | { readonly type: 'data'; readonly stream: number; readonly isLast: boolean; readonly data: Buffer }
  | { readonly type: 'open'; readonly stream: number; readonly isLast: boolean; readonly block: Buffer }
  | { readonly type: 'reset'; readonly stream: number }
  | { readonly type: 'ping'; readonly id: number }
  | { readonly type: 'goaway' }
  /** Headers that come later are compressed too: they must pass the decoder even where nobody reads them. */
  | { readonly type: 'headers'; readonly stream: number; readonly isLast: boolean; readonly block: Buffer }
  /** Settings and windows: nothing here depends on them. */
  | { readonly type: 'other' };

const HEAD = 8;
const VERSION = 3;
const SYN_STREAM = 1;
const SYN_REPLY = 2;
const RST_STREAM = 3;
const PING = 6;
const GOAWAY = 7;
const HEADERS = 8;
const FIN = 1;
const STREAM_MASK = 0x7fffffff;

/** The first frame of `bytes` and its length; undefined when it is not all there. Throws on another protocol. */
export function readFrame(bytes: Buffer): { readonly frame: Frame; readonly length: number } | undefined {
  if (bytes.length < HEAD) return undefined;
  const size = bytes.readUIntBE(5, 3);
  if (bytes.length < HEAD + size) return undefined;
  return { frame: parse(bytes.subarray(0, HEAD), bytes.subarray(HEAD, HEAD + size)), length: HEAD + size };
}

function parse(head: Buffer, body: Buffer): Frame {
  const first = head.readUInt32BE(0);
  const isLast = ((head[4] ?? 0) & FIN) !== 0;
  if (first <= STREAM_MASK) return { type: 'data', stream: first, isLast, data: body };
  const version = (first >>> 16) & 0x7fff;
  if (version !== VERSION) throw new RangeError(`SPDY version ${version} is not spoken here`);
  const id = (): number => body.readUInt32BE(0) & STREAM_MASK;
  switch (first & 0xffff) {
    case SYN_STREAM:
      return { type: 'open', stream: id(), isLast, block: body.subarray(10) };
    case SYN_REPLY:
    case HEADERS:
      return { type: 'headers', stream: id(), isLast, block: body.subarray(4) };
    case RST_STREAM:
      return { type: 'reset', stream: id() };
    case PING:
      return { type: 'ping', id: body.readUInt32BE(0) };
    case GOAWAY:
      return { type: 'goaway' };
    default:
      return { type: 'other' };
  }
}

function control(type: number, flags: number, body: Buffer): Buffer {
  const head = Buffer.alloc(HEAD);
  head.writeUInt32BE((((0x8000 | VERSION) << 16) | type) >>> 0, 0);
  head.writeUInt8(flags, 4);
  head.writeUIntBE(body.length, 5, 3);
  return Buffer.concat([head, body]);
}

function numbers(...values: readonly number[]): Buffer {
  const bytes = Buffer.alloc(4 * values.length);
  for (const [i, value] of values.entries()) bytes.writeUInt32BE(value, 4 * i);
  return bytes;
}

export function dataFrame(stream: number, data: Buffer, isLast = false): Buffer {
  const head = Buffer.alloc(HEAD);
  head.writeUInt32BE(stream, 0);
  head.writeUInt8(isLast ? FIN : 0, 4);
  head.writeUIntBE(data.length, 5, 3);
  return Buffer.concat([head, data]);
}

export const replyFrame = (stream: number, block: Buffer): Buffer =>
  control(SYN_REPLY, 0, Buffer.concat([numbers(stream), block]));

/** Status 3: the stream is refused. */
export const refusalFrame = (stream: number): Buffer => control(RST_STREAM, 0, numbers(stream, 3));

export const pingFrame = (id: number): Buffer => control(PING, 0, numbers(id));
