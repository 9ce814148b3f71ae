import {
  appendFileSync,
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Logger, silentLogger } from '@polarstack/base';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openAuditFile } from './audit-file.ts';

let folder: string;
let path: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'polarstack-audit-'));
  path = join(folder, 'audit.log');
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const linesOf = (file: string): readonly string[] => readFileSync(file, 'utf8').split('\n').slice(0, -1);

describe('the file of the audit log', () => {
  it('has every line in order after close, for its owner alone (A2, A4, A5)', async () => {
    writeFileSync(path, 'old\n', { mode: 0o644 });
    chmodSync(path, 0o644);
    const file = openAuditFile({ path, logger: silentLogger });
    for (let i = 0; i < 5_000; i++) file.write(`line ${i}`);
    await file.close();
    file.write('too late');
    expect(linesOf(path)).toEqual(['old', ...Array.from({ length: 5_000 }, (_, i) => `line ${i}`)]);
    expect(statSync(path).mode & 0o777).toBe(0o600);
    expect([file.written, file.lost]).toEqual([5_000, 1]);
  });

  it('is put aside when it is full, and the oldest goes (A3)', async () => {
    const file = openAuditFile({ path, logger: silentLogger, maxBytes: 1_000, files: 3 });
    for (let i = 0; i < 500; i++) {
      file.write(`line ${i} ${'x'.repeat(50)}`);
      if (i % 5 === 0) await new Promise((resolve) => setImmediate(resolve));
    }
    await file.close();
    expect(existsSync(`${path}.3`)).toBe(false);
    const kept = [`${path}.2`, `${path}.1`, path].flatMap(linesOf).map((line) => Number(line.split(' ')[1]));
    expect(kept.at(-1)).toBe(499);
    expect(kept).toEqual(kept.map((_, i) => (kept[0] ?? 0) + i));
    for (const one of [`${path}.2`, `${path}.1`, path]) expect(statSync(one).mode & 0o777).toBe(0o600);
  });

  it('keeps no more in memory than it may (A3)', async () => {
    const file = openAuditFile({ path, logger: silentLogger, maxWaitingBytes: 1_000 });
    for (let i = 0; i < 100; i++) file.write('x'.repeat(99));
    await file.close();
    expect(file.written + file.lost).toBe(100);
    expect(file.lost).toBeGreaterThanOrEqual(80);
  });

  it('ends half a line of a crash before it goes on (A1)', async () => {
    writeFileSync(path, '{"half":');
    const file = openAuditFile({ path, logger: silentLogger });
    file.write('whole');
    await file.close();
    expect(linesOf(path)).toEqual(['{"half":', 'whole']);
  });

  it('follows no link, tells of a failure once, and goes on when it can', async () => {
    const told: string[] = [];
    const logger: Logger = {
      ...silentLogger,
      error: (_fields, message) => void told.push(message),
      info: (_fields, message) => void told.push(message),
    };
    appendFileSync(join(folder, 'other'), 'untouched');
    symlinkSync('other', path);
    const file = openAuditFile({ path, logger });
    const turns = async (done: () => boolean): Promise<void> => {
      while (!done()) await new Promise((resolve) => setImmediate(resolve));
    };
    for (let i = 1; i <= 3; i++) {
      file.write('lost');
      await turns(() => file.lost === i);
    }
    expect(told).toEqual(['the audit log cannot be written; requests go on without it']);
    expect(readFileSync(join(folder, 'other'), 'utf8')).toBe('untouched');
    rmSync(path);
    file.write('kept');
    await turns(() => file.written === 1);
    await file.close();
    expect(told).toHaveLength(2);
    expect(linesOf(path)).toEqual(['kept']);
  });

  it('whose folder is gone loses lines and nothing else', async () => {
    const file = openAuditFile({ path: join(folder, 'none', 'audit.log'), logger: silentLogger });
    file.write('lost');
    await file.close();
    expect([file.written, file.lost]).toEqual([0, 1]);
    mkdirSync(join(folder, 'none'));
  });
});
