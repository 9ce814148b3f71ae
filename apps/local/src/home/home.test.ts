import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { StackError } from '@polarstack/base';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { findCheckout, homeAt, resolveHome } from './home.ts';
import { claimFolder, openHome, readHomeRecord, writeHomeRecord } from './home-record.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'home-'));
  chmodSync(folder, 0o755);
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const now = new Date('2026-01-02T03:04:05Z');
const codeOf = (work: () => unknown): string => {
  try {
    work();
  } catch (error) {
    if (error instanceof StackError) return error.code;
    throw error;
  }
  return 'nothing';
};

describe('choice of the folder', () => {
  test('a named folder wins, then the checkout', () => {
    expect(resolveHome({ named: '/x/y', checkout: folder, isRoot: true }).home.root).toBe('/x/y');
    expect(resolveHome({ named: undefined, checkout: folder, isRoot: true }).home.root).toBe(
      join(folder, '.polarstack'),
    );
  });

  test('root with a checkout that others cannot enter gets a folder of its own, always the same', () => {
    chmodSync(folder, 0o700);
    const choose = (isRoot: boolean): string => resolveHome({ named: undefined, checkout: folder, isRoot }).home.root;
    expect(choose(true)).toMatch(/^\/var\/lib\/polarstack\/[0-9a-f]{12}$/);
    expect(choose(true)).toBe(choose(true));
    expect(choose(false)).toBe(join(folder, '.polarstack'));
  });

  test('finds the checkout above this file, and none above a temporary folder', () => {
    expect(existsSync(join(findCheckout() ?? '', 'package-lock.json'))).toBe(true);
    expect(findCheckout(folder)).toBeUndefined();
    expect(codeOf(() => resolveHome({ named: undefined, checkout: undefined, isRoot: false }))).toBe('HomeMissing');
  });
});

describe('home.json', () => {
  test('a new folder becomes a home, and opening it again changes nothing', () => {
    const home = homeAt(join(folder, 'a', 'b'));
    expect(openHome(home, now)).toMatchObject({ created: true, record: { format: 1, createdAt: now.toISOString() } });
    const before = readFileSync(home.record, 'utf8');
    expect(openHome(home, new Date()).created).toBe(false);
    expect(readFileSync(home.record, 'utf8')).toBe(before);
  });

  test('R1: a folder with something else in it is refused and stays as it was', () => {
    writeFileSync(join(folder, 'thesis.txt'), 'dear');
    expect(codeOf(() => claimFolder(homeAt(folder)))).toBe('HomeNotOurs');
    expect(codeOf(() => openHome(homeAt(folder), now))).toBe('HomeNotOurs');
    expect(readdirSync(folder)).toEqual(['thesis.txt']);
  });

  test('R1: a folder that another command is just making a home is none of somebody else', () => {
    // What lies there between the first step of `up` and the record: its lock, and the record that is being written.
    for (const name of ['command.lock', 'home.json.af3698c50c274bc8.tmp']) writeFileSync(join(folder, name), '');
    expect(codeOf(() => claimFolder(homeAt(folder)))).toBe('nothing');
    writeFileSync(join(folder, 'home'), '');
    expect(codeOf(() => claimFolder(homeAt(folder)))).toBe('HomeNotOurs');
  });

  test('R1: a file in its place is refused', () => {
    writeFileSync(join(folder, 'file'), '');
    expect(codeOf(() => claimFolder(homeAt(join(folder, 'file'))))).toBe('HomeNotOurs');
    expect(codeOf(() => claimFolder(homeAt(join(folder, 'file', 'below'))))).toBe('HomeNotOurs');
  });

  test('R2: a home of another user or of a newer format is refused', () => {
    const home = homeAt(folder);
    const { record } = openHome(home, now);
    writeHomeRecord(home, { ...record, uid: record.uid + 1 });
    expect(codeOf(() => openHome(home, now))).toBe('HomeNotOurs');
    writeFileSync(home.record, JSON.stringify({ ...record, format: 2 }));
    expect(codeOf(() => readHomeRecord(home))).toBe('HomeTooNew');
  });

  test.each(['', '{', '[]', '{"format":1}', '{"format":1,"id":"x","createdAt":"y","uid":0,"block":300}'])(
    'a damaged record (%s) is an error of its own',
    (text) => {
      const home = homeAt(folder);
      writeFileSync(home.record, text);
      expect(codeOf(() => readHomeRecord(home))).toBe('HomeDamaged');
    },
  );

  test('a folder that cannot be made or written is refused', () => {
    // Under /proc nobody may make a folder, not even root.
    expect(codeOf(() => claimFolder(homeAt('/proc/polarstack')))).toBe('HomeNotWritable');
    const closed = join(folder, 'closed');
    mkdirSync(closed, { mode: 0o555 });
    const expected = process.getuid?.() === 0 ? 'nothing' : 'HomeNotWritable';
    expect(codeOf(() => claimFolder(homeAt(closed)))).toBe(expected);
  });
});
