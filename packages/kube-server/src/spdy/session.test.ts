import { PassThrough } from 'node:stream';
import { constants, createDeflate } from 'node:zlib';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { headerDictionary } from './dictionary.ts';
import { dataFrame, type Frame, pingFrame, readFrame } from './frames.ts';
import { createHeaderCodec } from './header-block.ts';
import { type SpdyStream, serveSpdy } from './session.ts';

/** A client that speaks by hand; the server answers every stream by ending it. */
function talk(onOpen: (stream: SpdyStream) => void = (stream) => void stream.end()) {
  const input = new PassThrough();
  const frames: Frame[] = [];
  const seen: string[] = [];
  const served = serveSpdy(
    {
      input: input as AsyncIterable<Buffer>,
      send: (bytes) => {
        const next = readFrame(bytes);
        if (next) frames.push(next.frame);
        return Promise.resolve();
      },
    },
    (stream) => {
      seen.push(`open ${stream.id} ${JSON.stringify(stream.headers)}`);
      onOpen(stream);
      return {
        data: (data) => Promise.resolve(void seen.push(`data ${stream.id} ${data.toString()}`)),
        ended: () => void seen.push(`ended ${stream.id}`),
        reset: () => void seen.push(`reset ${stream.id}`),
      };
    },
  );
  return { input, frames, seen, served };
}

function synStream(id: number, block: Buffer): Buffer {
  const bytes = Buffer.alloc(18);
  bytes.writeUInt32BE(0x80030001, 0);
  bytes.writeUIntBE(10 + block.length, 5, 3);
  bytes.writeUInt32BE(id, 8);
  return Buffer.concat([bytes, block]);
}

describe('a SPDY connection', () => {
  it('has the dictionary of the specification', () => {
    let [a, b] = [1, 0];
    for (const byte of headerDictionary) {
      a = (a + byte) % 65_521;
      b = (b + a) % 65_521;
    }
    expect([headerDictionary.length, a, b]).toEqual([1423, 0xa7c2, 0xe3c6]);
  });

  it('opens streams, carries data in any pieces, answers pings (S1)', async () => {
    const { input, frames, seen, served } = talk();
    const client = createHeaderCodec();
    const bytes = Buffer.concat([
      synStream(1, await client.encode({ streamType: 'error', port: '80' })),
      synStream(3, await client.encode({ streamType: 'data', port: '80' })),
      dataFrame(3, Buffer.from('hello')),
      pingFrame(7),
      dataFrame(3, Buffer.alloc(0), true),
    ]);
    for (const byte of bytes) input.write(Buffer.from([byte]));
    input.end();
    await served;
    client.close();
    expect(seen.slice(0, 4)).toEqual([
      'open 1 {"streamtype":"error","port":"80"}',
      'open 3 {"streamtype":"data","port":"80"}',
      'data 3 hello',
      'ended 3',
    ]);
    expect(seen.slice(4)).toEqual(['reset 1']); // S4: the client did not end it; 3 was over
    expect(frames.filter(({ type }) => type === 'ping')).toHaveLength(1);
  });

  it('confirms a stream before it says anything on it (S3)', async () => {
    const { input, frames, served } = talk((stream) => void stream.write(Buffer.from('early')));
    const client = createHeaderCodec();
    input.end(synStream(1, await client.encode({})));
    await served;
    client.close();
    await expect.poll(() => frames.map(({ type }) => type)).toEqual(['headers', 'data']);
  });

  it('forgets streams that are over: there is no end to their number', async () => {
    const { input, frames, served } = talk();
    const client = createHeaderCodec();
    for (let id = 1; id < 6_000; id += 2) {
      input.write(synStream(id, await client.encode({ streamType: 'error' })));
      input.write(dataFrame(id, Buffer.alloc(0), true));
    }
    input.end();
    await served;
    client.close();
    expect(frames.filter(({ type }) => type === 'reset')).toEqual([]);
  });

  it('refuses headers that unfold to too much', async () => {
    const { input, served } = talk();
    const deflate = createDeflate({ dictionary: headerDictionary });
    deflate.write(Buffer.alloc(10_000_000));
    await new Promise<void>((resolve) => deflate.flush(constants.Z_SYNC_FLUSH, resolve));
    input.end(synStream(1, deflate.read() as Buffer));
    await expect(served).rejects.toThrow('larger than this server takes');
  });

  it('ends on garbage, whatever it is', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.uint8Array({ maxLength: 200 }), { maxLength: 10 }), async (chunks) => {
        const { input, served } = talk();
        for (const chunk of chunks) input.write(Buffer.from(chunk));
        input.end();
        await served.catch((error: unknown) => expect(error).toBeInstanceOf(Error));
      }),
      { numRuns: 200 },
    );
  });
});
