import { appendFile, mkdtemp, open, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type LogReadOptions, readLog } from './log-reader.ts';
import { rotatedLog, rotateLog } from './log-rotation.ts';

let folder: string;
let path: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'log-'));
  path = join(folder, '0.log');
});
afterEach(async () => {
  await rm(folder, { recursive: true, force: true });
});

const signal = new AbortController().signal;
async function read(options: Partial<LogReadOptions> = {}): Promise<string> {
  const chunks: Uint8Array[] = [];
  const all = { path, follow: false, isOver: () => true, ...options };
  for await (const chunk of readLog(all, signal)) chunks.push(chunk);
  return Buffer.concat(chunks).toString();
}

describe('readLog', () => {
  it('tails as many lines as there are, also of an unfinished last one', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.string({ unit: fc.constantFrom('a', 'b'), maxLength: 5 }), { maxLength: 20 }),
        fc.boolean(),
        fc.nat(25),
        async (lines, finished, tailLines) => {
          const text = lines.join('\n') + (finished && lines.length > 0 ? '\n' : '');
          await writeFile(path, text);
          const pieces = text.match(/[^\n]*\n|[^\n]+$/g) ?? [];
          expect(await read({ tailLines })).toBe(tailLines === 0 ? '' : pieces.slice(-tailLines).join(''));
        },
      ),
      { numRuns: 60 },
    );
  });

  it('tails over more than one chunk, and limits', async () => {
    const long = `${'x'.repeat(100_000)}\n`;
    await writeFile(path, `first\n${long}last\n`);
    expect(await read({ tailLines: 2 })).toBe(`${long}last\n`);
    expect(await read({ limitBytes: 7 })).toBe('first\nx');
  });

  it('follows what is appended, over a rotation, to the end', async () => {
    await writeFile(path, '');
    let over = false;
    const all = read({ follow: true, isOver: () => over });
    let expected = '';
    for (let i = 0; i < 200; i++) {
      const line = `line ${i}\n`;
      await appendFile(path, line);
      expected += line;
      if (i === 99) expect(await rotateLog(path, 10)).toBe(true);
      await new Promise((resolve) => setTimeout(resolve, 1));
    }
    over = true;
    expect(await all).toBe(expected);
  });

  it('is not found where there is none, and does not follow links', async () => {
    await expect(read()).rejects.toMatchObject({ code: 'NotFound' });
    await symlink('/etc/hostname', path);
    await expect(read()).rejects.toThrow();
  });
});

describe('rotateLog', () => {
  it('moves the old content aside; a writer that has the file open goes on at its new beginning', async () => {
    const writer = await open(path, 'a');
    await writer.write('old old old\n');
    expect(await rotateLog(path, 100)).toBe(false);
    expect(await rotateLog(path, 5)).toBe(true);
    await writer.write('new\n');
    await writer.close();
    expect(await readFile(path, 'utf8')).toBe('new\n');
    expect(await readFile(rotatedLog(path), 'utf8')).toBe('old old old\n');
  });
});
