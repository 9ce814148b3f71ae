import fc from 'fast-check';
import { expect, test } from 'vitest';
import { lines } from './json-lines.ts';

async function* chunksOf(bytes: Uint8Array, cuts: readonly number[]): AsyncGenerator<Uint8Array> {
  const places = [...new Set(cuts.map((cut) => cut % (bytes.length + 1)))].sort((a, b) => a - b);
  let start = 0;
  for (const place of [...places, bytes.length]) {
    yield bytes.subarray(start, place);
    start = place;
  }
}

test('lines come whole, wherever the bytes are cut', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(fc.string({ unit: 'grapheme' })), fc.array(fc.nat()), async (texts, cuts) => {
      const wanted = texts.map((text) => JSON.stringify(text));
      const bytes = Buffer.from(wanted.map((line) => `${line}\n`).join(''));
      const got: string[] = [];
      for await (const line of lines(chunksOf(bytes, cuts), () => {})) got.push(line);
      expect(got).toEqual(wanted);
    }),
  );
});

test('empty lines and an unfinished last line are no events', async () => {
  const got: string[] = [];
  for await (const line of lines(chunksOf(Buffer.from('\n1\r\n\n2\n3'), []), () => {})) got.push(line.trim());
  expect(got).toEqual(['1', '2']);
});
