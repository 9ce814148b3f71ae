import { constants, createDeflate, createInflate, type Inflate } from 'node:zlib';
import { headerDictionary } from './dictionary.ts';

export type Headers = Readonly<Record<string, string>>;

/** Compression of headers: one state for each direction of a connection, so blocks must pass in order. */
export interface HeaderCodec {
  /** Rejects what is no header block; after that, and behind an end of the compression, everything. */
  decode(block: Buffer): Promise<Headers>;
  encode(headers: Headers): Promise<Buffer>;
  close(): void;
}

/** Bytes that the headers of one stream may unfold to. */
const MAX_BYTES = 64 * 1024;

export function createHeaderCodec(): HeaderCodec {
  const inflate = createInflate({ dictionary: headerDictionary });
  const deflate = createDeflate({ dictionary: headerDictionary });
  inflate.on('error', () => {}); // told to whoever decodes
  let unfolded: Buffer[] = [];
  let size = 0;
  inflate.on('data', (chunk: Buffer) => {
    unfolded.push(chunk);
    size += chunk.length;
    if (size > MAX_BYTES) inflate.destroy(); // unfolds no further
  });
  /** Resolves when a block is unfolded, or when no more will be: a stream that has ended says nothing to what is written. */
  const unfold = (block: Buffer): Promise<void> =>
    new Promise((resolve, reject) => {
      const over = (error?: Error | null): void => {
        for (const event of ['error', 'end', 'close']) inflate.off(event, over);
        if (error) reject(error);
        else resolve();
      };
      for (const event of ['error', 'end', 'close']) inflate.once(event, over);
      inflate.write(block, over);
    });
  return {
    decode: async (block) => {
      unfolded = [];
      size = 0;
      if (!isUsable(inflate)) throw new RangeError('the compression of headers has ended');
      await unfold(block);
      if (size > MAX_BYTES) throw new RangeError('headers are larger than this server takes');
      if (!isUsable(inflate)) throw new RangeError('the compression of headers has ended');
      return parse(Buffer.concat(unfolded));
    },
    encode: async (headers) => {
      await new Promise<void>((resolve, reject) => {
        deflate.write(serialise(headers), (error) => (error ? reject(error) : resolve()));
      });
      await new Promise<void>((resolve) => deflate.flush(constants.Z_SYNC_FLUSH, resolve));
      return (deflate.read() as Buffer | null) ?? Buffer.alloc(0);
    },
    close: () => {
      for (const stream of [inflate, deflate]) {
        stream.on('error', () => {}); // of no interest any more
        stream.destroy();
      }
    },
  };
}

const isUsable = ({ destroyed, closed, readableEnded }: Inflate): boolean => !destroyed && !closed && !readableEnded;

function parse(bytes: Buffer): Headers {
  let at = 0;
  const number = (): number => {
    at += 4;
    return bytes.readUInt32BE(at - 4);
  };
  const text = (): string => {
    const length = number();
    if (at + length > bytes.length) throw new RangeError('a header is longer than its block');
    at += length;
    return bytes.toString('utf8', at - length, at);
  };
  const headers: Record<string, string> = {};
  for (let left = number(); left > 0; left--) {
    const name = text().toLowerCase();
    headers[name] = text();
  }
  return headers;
}

function serialise(headers: Headers): Buffer {
  const number = (value: number): Buffer => {
    const bytes = Buffer.alloc(4);
    bytes.writeUInt32BE(value);
    return bytes;
  };
  const pairs = Object.entries(headers);
  const texts = pairs.flat().flatMap((text) => [number(Buffer.byteLength(text)), Buffer.from(text)]);
  return Buffer.concat([number(pairs.length), ...texts]);
}
