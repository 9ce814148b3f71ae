import { deflateSync } from 'node:zlib';
import fc from 'fast-check';
import { afterEach, describe, expect, it } from 'vitest';
import { headerDictionary } from './dictionary.ts';
import { createHeaderCodec, type HeaderCodec } from './header-block.ts';

const opened: HeaderCodec[] = [];
afterEach(() => {
  for (const codec of opened.splice(0)) codec.close();
});
function open(): HeaderCodec {
  const codec = createHeaderCodec();
  opened.push(codec);
  return codec;
}

/** A whole zlib stream, with its end. */
const whole = (bytes: Buffer): Buffer => deflateSync(bytes, { dictionary: headerDictionary });
const noHeaders = Buffer.alloc(4);

describe('blocks of headers', () => {
  it('are read as they were written, one after the other', async () => {
    const [sender, receiver] = [open(), open()];
    for (const headers of [{}, { streamtype: 'error', port: '1' }, { a: 'ü'.repeat(500) }]) {
      expect(await receiver.decode(await sender.encode(headers))).toEqual(headers);
    }
  });

  it('are refused after the end of the compression, with bytes behind it and later', async () => {
    for (const rest of [Buffer.alloc(0), Buffer.from('more'), whole(noHeaders), Buffer.alloc(100_000, 1)]) {
      const codec = open();
      // The block in which it ends may still be read; the point is that nobody waits for ever.
      await codec.decode(Buffer.concat([whole(noHeaders), rest])).catch(() => {});
      await expect(codec.decode(Buffer.from('later'))).rejects.toThrow();
      await expect(codec.decode(Buffer.alloc(0))).rejects.toThrow();
    }
  });

  it('that unfold to more than anybody needs are refused, and unfold no further', async () => {
    const codec = open();
    const bomb = whole(Buffer.alloc(200 * 1024 * 1024));
    expect(bomb.length).toBeLessThan(1024 * 1024);
    const before = process.memoryUsage().rss;
    await expect(codec.decode(bomb)).rejects.toThrow();
    expect(process.memoryUsage().rss - before).toBeLessThan(50 * 1024 * 1024);
    await expect(codec.decode(bomb)).rejects.toThrow();
  });

  it('say what they are, or are refused, whatever the bytes', async () => {
    const block = fc.oneof(
      fc.uint8Array({ maxLength: 80 }).map((bytes) => Buffer.from(bytes)),
      fc.uint8Array({ maxLength: 80 }).map((bytes) => whole(Buffer.from(bytes))),
      fc
        .tuple(fc.uint8Array({ maxLength: 80 }), fc.nat(40))
        .map(([bytes, cut]) => whole(Buffer.from(bytes)).subarray(0, cut)),
    );
    await fc.assert(
      fc.asyncProperty(fc.array(block, { maxLength: 4 }), async (blocks) => {
        const codec = createHeaderCodec();
        for (const one of blocks) await codec.decode(one).catch(() => {});
        codec.close();
      }),
      { numRuns: 300 },
    );
  });

  it('are refused when the codec is closed', async () => {
    const codec = open();
    codec.close();
    await expect(codec.decode(Buffer.from('late'))).rejects.toThrow();
  });
});
