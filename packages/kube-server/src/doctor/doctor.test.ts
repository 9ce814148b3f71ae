import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { isStackError, silentLogger } from '@polarstack/base';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { ObjectStore } from '../store/object-store.ts';
import { openObjectStore } from '../store/open-object-store.ts';
import { createFakeDisk, type FakeDisk } from '../store/testing/fake-disk.ts';
import { seededRandom } from '../store/testing/random.ts';
import { inspect } from './inspect.ts';
import { repair } from './repair.ts';
import { swapIn } from './swap-in.ts';

let folder: string;
let dir: string;
let copy: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'store-doctor-'));
  dir = join(folder, 'api');
  copy = join(folder, 'copy');
});
afterEach(() => rm(folder, { recursive: true }));

const open = (options: { snapshotBytes?: number } = {}) => openObjectStore({ dir, logger: silentLogger, ...options });
const put = (store: ObjectStore, key: string, value: unknown) =>
  store.transact(key, () => ({ type: 'put', object: { apiVersion: 'v1', kind: 'Thing', metadata: {}, value } }));
const remove = (store: ObjectStore, key: string) =>
  store.transact(key, (current) => ({
    type: 'delete',
    object: current as object as Readonly<Record<string, unknown>>,
  }));
const valuesOf = (store: ObjectStore) =>
  Object.fromEntries(store.list('').map(({ key, object }) => [key, object.value]));

async function contents(of: string): Promise<Record<string, string>> {
  const names = (await readdir(of)).sort();
  return Object.fromEntries(
    await Promise.all(names.map(async (name) => [name, (await readFile(join(of, name))).toString('hex')])),
  );
}

/** Damages the one byte where `text` stands in a file. */
async function damage(name: string, text: string, which: 'first' | 'last' = 'first'): Promise<number> {
  const path = join(dir, name);
  const bytes = await readFile(path);
  const at = which === 'first' ? bytes.indexOf(text) : bytes.lastIndexOf(text);
  expect(at).toBeGreaterThan(0);
  bytes.writeUInt8(bytes.readUInt8(at) ^ 0x01, at);
  await writeFile(path, bytes);
  return at;
}

/** A closed store with one log, whose writes were a batch each. */
async function small(): Promise<void> {
  const store = await open();
  for (const [key, value] of [
    ['/a', 'one'],
    ['/b', 'two'],
    ['/a', 'three'],
    ['/c', 'four'],
  ] as const)
    await put(store, key, value);
  await remove(store, '/b');
  await store.close();
}

describe('inspect', () => {
  it('says that there is no store yet', async () => {
    expect(await inspect(dir)).toEqual({ dir, exists: false, bytes: 0, files: [], problems: [] });
  });

  it('tells revision, objects, sizes and format, and who has the store open', async () => {
    const store = await open();
    await put(store, '/a', 1);
    const running = await inspect(dir);
    expect(running).toMatchObject({
      revision: 1,
      objects: 1,
      formatVersion: 1,
      holder: { pid: process.pid },
      problems: [],
    });
    expect(running.bytes).toBeGreaterThan(100);
    await store.close();
    expect(await inspect(dir)).not.toHaveProperty('holder');
  });

  it('names damage with file, offset, code and remedy, and a torn end as a notice', async () => {
    await small();
    const before = await contents(dir);
    await writeFile(join(dir, 'log-0000000001'), 'torn', { flag: 'a' });
    expect(await inspect(dir)).toMatchObject({ objects: 2, problems: [{ severity: 'notice', message: /4 bytes/ }] });
    await writeFile(join(dir, 'log-0000000001'), Buffer.from(before['log-0000000001'] as string, 'hex'));
    const at = await damage('log-0000000001', 'two');
    const { problems, ...rest } = await inspect(dir);
    expect(rest).not.toHaveProperty('revision');
    expect(problems).toEqual([
      {
        severity: 'damage',
        code: 'StateLogCorrupt',
        file: join(dir, 'log-0000000001'),
        offset: expect.any(Number),
        message: expect.stringMatching(/checksum/),
        remedy: expect.stringMatching(/doctor --repair/),
      },
    ]);
    expect(problems[0]?.offset).toBeLessThan(at);
    expect(Object.keys(await contents(dir))).toEqual(Object.keys(before));
  });

  it('reports a folder it may not read instead of failing', async () => {
    await writeFile(dir, 'a file');
    expect((await inspect(dir)).problems).toMatchObject([{ severity: 'damage', code: 'StateFolderUnusable' }]);
  });
});

describe('repair', () => {
  it('saves everything but the damaged record, says what is lost, and leaves the original as it was', async () => {
    await small();
    await damage('log-0000000001', 'three');
    const before = await contents(dir);
    const report = await repair(dir, { to: copy });
    expect(await contents(dir)).toEqual(before);
    expect(report).toMatchObject({
      complete: false,
      objects: 2,
      baseMissing: false,
      lostRevisions: [{ first: 3, last: 3 }],
      damages: [{ file: 'log-0000000001', recovered: 0 }],
    });
    const store = await openObjectStore({ dir: copy, logger: silentLogger });
    expect(valuesOf(store)).toEqual({ '/a': 'one', '/c': 'four' });
    expect(store.revision, 'S3').toBeGreaterThan(1_000_000);
    expect(() => store.subscribe('', 5, () => {})).toThrow(expect.objectContaining({ code: 'Gone' }));
    await store.close();
    expect(JSON.parse(await readFile(join(copy, 'repair-report.json'), 'utf8'))).toEqual(report);
  });

  it('C3: recovers the whole records of a damaged batch', async () => {
    const store = await open();
    await Promise.all(['/a', '/b', '/c'].map((key) => put(store, key, `value of ${key}`)));
    await put(store, '/d', 'behind');
    await store.close();
    await damage('log-0000000001', 'value of /b');
    const report = await repair(dir, { to: copy });
    expect(report).toMatchObject({ objects: 3, lostRevisions: [{ first: 2, last: 2 }], damages: [{ recovered: 2 }] });
  });

  it('rests on the newest whole snapshot, and calls complete what lost nothing', async () => {
    const store = await open({ snapshotBytes: 2000 });
    for (let round = 0; round < 60; round++) await put(store, `/k/${round % 5}`, `${round}${'x'.repeat(100)}`);
    const expected = valuesOf(store);
    await store.close();
    const snapshots = (await readdir(dir)).filter((name) => name.startsWith('snapshot-')).sort();
    expect(snapshots).toHaveLength(2);
    await damage(snapshots[1] as string, 'xxx');
    const report = await repair(dir, { to: copy });
    expect(report).toMatchObject({ complete: true, objects: 5, basis: snapshots[0], lostRevisions: [] });
    const repaired = await openObjectStore({ dir: copy, logger: silentLogger });
    expect(valuesOf(repaired)).toEqual(expected);
    await repaired.close();
  });

  it('saves what it can when no whole snapshot is left, and says that the base is missing', async () => {
    const store = await open({ snapshotBytes: 2000 });
    for (let round = 0; round < 60; round++) await put(store, `/k/${round % 5}`, `${round}${'x'.repeat(100)}`);
    await store.close();
    const names = await readdir(dir);
    for (const name of names.filter((one) => one.startsWith('snapshot-'))) await damage(name, 'xxx', 'last');
    await expect(open()).rejects.toMatchObject({ code: 'StateLogCorrupt' });
    const report = await repair(dir, { to: copy });
    expect(report).toMatchObject({ complete: false, baseMissing: true });
    expect(report.objects).toBeGreaterThanOrEqual(4);
  });

  it('finds frames again behind an unreadable file header', async () => {
    await small();
    const bytes = await readFile(join(dir, 'log-0000000001'));
    await writeFile(join(dir, 'log-0000000001'), bytes.fill(0, 0, 40));
    expect(await repair(dir, { to: copy })).toMatchObject({ objects: 2, lostRevisions: [] });
  });

  it('refuses while the store is open, into a folder that is not empty or lies inside, and where there is nothing', async () => {
    const store = await open();
    await expect(repair(dir, { to: copy })).rejects.toMatchObject({ code: 'StateLocked' });
    await store.close();
    await expect(repair(dir, { to: join(dir, 'copy') })).rejects.toMatchObject({ code: 'StateFolderUnusable' });
    await expect(repair(dir, { to: folder })).rejects.toMatchObject({ code: 'StateFolderUnusable' });
    await expect(repair(join(folder, 'none'), { to: copy })).rejects.toMatchObject({ code: 'StateFolderUnusable' });
  });
});

describe('swapping a repaired copy in', () => {
  it('keeps the old files, and the store starts with what was repaired', async () => {
    await small();
    await damage('log-0000000001', 'two');
    await repair(dir, { to: copy });
    const before = await contents(dir);
    const { kept } = await swapIn(dir, copy);
    expect(kept).toBe(join(dir, 'replaced-1'));
    expect((await contents(kept))['log-0000000001']).toBe(before['log-0000000001']);
    const store = await open();
    expect(valuesOf(store)).toEqual({ '/a': 'three', '/c': 'four' });
    await store.close();
    expect((await inspect(dir)).problems).toMatchObject([{ severity: 'notice', message: /replaced/ }]);
  });

  it('refuses a copy of what the store was before it changed again', async () => {
    await small();
    await repair(dir, { to: copy });
    const store = await open();
    await put(store, '/new', 1);
    await store.close();
    await expect(swapIn(dir, copy)).rejects.toMatchObject({ code: 'StateFolderUnusable', message: /has changed/ });
  });

  it('W1, W2: interrupted anywhere, it starts as old, as new, or not at all, and can be finished', async () => {
    const lock = async () => ({ release: async () => {} });
    const options = (on: FakeDisk) => ({ files: on.files, lock });
    const start = (on: FakeDisk) => openObjectStore({ dir: '/api', logger: silentLogger, ...options(on) });
    let disk = createFakeDisk(seededRandom(1));
    // Three openings make three logs; a snapshot and damage behind it make a repair that loses something.
    for (let opening = 0; opening < 3; opening++) {
      const store = await openObjectStore({ dir: '/api', logger: silentLogger, snapshotBytes: 900, ...options(disk) });
      for (let round = 0; round < 6; round++) await put(store, `/k/${round}`, `${opening}${'x'.repeat(80)}`);
      await store.close();
    }
    disk = disk.afterPowerLoss(() => 0.3);
    const fine = disk.afterKill();
    const whole = await start(fine);
    const old = valuesOf(whole);
    await whole.close();
    const last = [...disk.contents().keys()]
      .filter((path) => path.startsWith('/api/log-'))
      .sort()
      .at(-1) as string;
    disk.damage(last, (bytes) => bytes.fill(0, bytes.indexOf('xxxx'), bytes.indexOf('xxxx') + 4));
    await repair('/api', { to: '/copy', ...options(disk) });
    const outcomes = new Set<string>();
    for (let point = 1; ; point++) {
      const interrupted = disk.afterKill();
      interrupted.crashAt(interrupted.operations + point);
      const done = await Promise.race([swapIn('/api', '/copy', options(interrupted)), interrupted.whenCrashed]);
      const [killed, unpowered] = [interrupted.afterKill(), interrupted.afterPowerLoss(seededRandom(point))];
      for (const left of [killed, unpowered]) {
        const tried = left.afterKill();
        const started = await start(tried).catch((error: unknown) => error);
        if (isStackError(started)) outcomes.add(started.code);
        else {
          expect(valuesOf(started as ObjectStore)).not.toEqual(old);
          outcomes.add('new');
        }
        if (!done) {
          // With the same copy; with a new one; or the last step, of which nothing depends, is what was missing.
          const again = left.afterKill();
          await swapIn('/api', '/copy', options(left)).catch((error: unknown) =>
            outcomes.add((error as Error).message),
          );
          const half = [...again.contents().keys()].some((path) => /replaced-1\.\w+/.test(path));
          if (half)
            expect((await inspect('/api', options(again))).problems).toMatchObject([{ message: /interrupted/ }]);
          const report = await repair('/api', { to: '/copy-2', ...options(again) });
          expect(report.objects).toBe(Object.keys(old).length);
          await swapIn('/api', '/copy-2', options(again));
          const twice = await start(again);
          expect(Object.keys(valuesOf(twice))).toEqual(Object.keys(old));
        }
        const finished = await start(left);
        expect(Object.keys(valuesOf(finished))).toEqual(Object.keys(old));
        expect(finished.revision).toBeGreaterThan(1_000_000);
        await finished.close();
      }
      if (done) break;
    }
    expect([...outcomes].sort()).toEqual([
      '/copy is not a repaired copy',
      'StateFolderUnusable',
      'StateLogCorrupt',
      'new',
    ]);
  });
});
