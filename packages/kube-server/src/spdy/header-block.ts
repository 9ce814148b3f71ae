import { constants, createDeflate, createInflate } from 'node:zlib';
import { headerDictionary } from './dictionary.ts';

export type Headers = Readonly<Record<string, string>>;

/** Compression of headers: one state for each direction of a connection, so blocks must pass in order. */
export interface HeaderCodec {
  /** Rejects what is no header block. */
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
  return {
    decode: async (block) => {
      unfolded = [];
      size = 0;
      await new Promise<void>((resolve, reject) => {
        inflate.once('error', reject);
        inflate.write(block, (error) => {
          inflate.off('error', reject);
          if (error) reject(error);
          else resolve();
        });
      });
      if (size > MAX_BYTES) throw new RangeError('headers are larger than this server takes');
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
