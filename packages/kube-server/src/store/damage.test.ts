import { isStackError, type Logger, silentLogger, waitFor } from '@polarstack/base';
import { describe, expect, it } from 'vitest';
import { decodeFileHeader, encodeFileHeader, formatVersion } from './file-header.ts';
import { type Formats, knownFormats } from './formats.ts';
import type { ObjectStore } from './object-store.ts';
import { openObjectStore } from './open-object-store.ts';
import { createFakeDisk, type FakeDisk } from './testing/fake-disk.ts';
import { seededRandom } from './testing/random.ts';

const dir = '/state';
const disk = () => createFakeDisk(seededRandom(1));
const open = (on: FakeDisk, options: { logger?: Logger; snapshotBytes?: number; formats?: Formats } = {}) =>
  openObjectStore({
    dir,
    logger: silentLogger,
    files: on.files,
    lock: async () => ({ release: async () => {} }),
    ...options,
  });
const put = (store: ObjectStore, key: string, value = key) =>
  store.transact(key, () => ({ type: 'put', object: { apiVersion: 'v1', kind: 'Thing', metadata: {}, value } }));
const file = (on: FakeDisk, kind: 'log' | 'snapshot', which: number) =>
  [...on.contents().keys()]
    .filter((path) => path.startsWith(`${dir}/${kind}-`) && !path.endsWith('.tmp'))
    .sort()
    .at(which) as string;
const flip = (at: number) => (bytes: Buffer) => {
  const offset = at < 0 ? bytes.length + at : at;
  bytes.writeUInt8(bytes.readUInt8(offset) ^ 0x10, offset);
  return bytes;
};
const stateOf = (store: ObjectStore) => store.list('').map(({ key, object }) => [key, object]);

/** A closed store with several logs behind two snapshots. */
async function wellUsed(): Promise<{ on: FakeDisk; state: unknown; revision: number }> {
  const on = disk();
  for (let opening = 0; opening < 3; opening++) {
    const store = await open(on, { snapshotBytes: 1500 });
    for (let round = 0; round < 20; round++)
      await put(store, `/k/${round % 6}`, `${opening}.${round}.${'x'.repeat(100)}`);
    await store.close();
  }
  const store = await open(on);
  const [state, revision] = [stateOf(store), store.revision];
  await store.close();
  return { on, state, revision };
}

describe('damaged files', () => {
  it('S3, O3: a bad last batch that had been acknowledged gives its revisions to nobody else', async () => {
    const on = disk();
    const store = await open(on);
    for (const key of ['/a', '/b']) await put(store, key);
    on.damage(file(on, 'log', -1), flip(-3));
    const notices: string[] = [];
    const logger = { ...silentLogger, warn: (_: object, message: string) => void notices.push(message) };
    const again = await open(on, { logger });
    expect(stateOf(again)).toMatchObject([['/a', {}]]);
    expect(notices.join()).toMatch(/cut off/);
    expect(() => again.subscribe('', 2, () => {})).toThrow(expect.objectContaining({ code: 'Gone' }));
    expect(Number((await put(again, '/c'))?.metadata.resourceVersion)).toBeGreaterThan(2);
  });

  it('S3, O3: not even when the power goes at any operation of the opening that cuts it', async () => {
    const on = disk();
    const store = await open(on);
    for (const key of ['/a', '/b']) await put(store, key);
    on.damage(file(on, 'log', -1), flip(-3));
    for (let point = 1; ; point++) {
      const cut = on.afterKill();
      cut.crashAt(cut.operations + point);
      const opened = await Promise.race([open(cut), cut.whenCrashed]);
      for (const left of [cut.afterKill(), cut.afterPowerLoss(() => 0.999), cut.afterPowerLoss(() => 0.3)]) {
        const again = await open(left);
        expect(Number((await put(again, '/c'))?.metadata.resourceVersion)).toBeGreaterThan(2);
      }
      if (opened) break;
    }
  });

  it('C1: the same damage stops the start when the end of the log had been marked by closing', async () => {
    const on = disk();
    const store = await open(on);
    for (const key of ['/a', '/b']) await put(store, key);
    const offset = on.contents().get(file(on, 'log', -1))?.length as number;
    await store.close();
    on.damage(file(on, 'log', -1), flip(offset - 3));
    await expect(open(on)).rejects.toMatchObject({ code: 'StateLogCorrupt' });
  });

  it('stops the start at every single damaged byte but those of the end, naming file and offset', async () => {
    const on = disk();
    const store = await open(on);
    for (const key of ['/a', '/b', '/c']) await put(store, key);
    const path = file(on, 'log', -1);
    const bytes = on.contents().get(path) as Buffer;
    const last = bytes.lastIndexOf(Buffer.from([0xf5, 0xfb, 0xff, 0xc1]));
    for (let at = 0; at < bytes.length; at++) {
      on.damage(path, () => flip(at)(Buffer.from(bytes)));
      const result = await openObjectStore({
        dir,
        logger: silentLogger,
        files: on.afterKill().files,
        lock: async () => ({ release: async () => {} }),
      }).catch((error: unknown) => error);
      if (at >= last) expect(stateOf(result as ObjectStore)).toHaveLength(2);
      else if (!isStackError(result, 'StateLogCorrupt')) expect.fail(`damage at ${at} was not noticed`);
      else {
        expect(result.details.file).toBe(path);
        expect(result.details.offset).toBeLessThanOrEqual(at);
        expect(result.remedy).toMatch(/doctor --repair/);
      }
    }
  });

  it('N2: an unreadable snapshot is replaced by the one before it and the logs since, with the same state', async () => {
    const { on, state, revision } = await wellUsed();
    const newest = file(on, 'snapshot', -1);
    on.damage(newest, flip(-20));
    const store = await open(on);
    expect(stateOf(store)).toEqual(state);
    expect(store.revision).toBe(revision);
    await store.close();
  });

  it('stops with a code when no readable snapshot reaches back far enough', async () => {
    const { on } = await wellUsed();
    for (const which of [-1, -2]) on.damage(file(on, 'snapshot', which), flip(-20));
    await expect(open(on)).rejects.toMatchObject({
      code: 'StateLogCorrupt',
      details: { file: file(on, 'snapshot', -1) },
    });
  });

  it('stops with a code when a log in the middle, or the one behind the snapshot, is missing', async () => {
    const { on } = await wellUsed();
    const logs = [...on.contents().keys()].filter((path) => path.includes('/log-')).sort();
    const sequence = (path: string) => Number(path.slice(-10));
    const needed = logs.filter((path) => sequence(path) >= sequence(file(on, 'snapshot', -1)));
    expect(needed.length).toBeGreaterThan(1);
    for (const path of needed.slice(0, -1)) {
      const without = on.afterKill();
      await without.files.remove(path);
      await expect(open(without)).rejects.toMatchObject({ code: 'StateLogCorrupt' });
    }
  });

  it('does not mix up the files of two stores', async () => {
    const { on } = await wellUsed();
    const other = (await wellUsed()).on;
    const path = file(on, 'log', -1);
    on.damage(path, () => other.contents().get(path) as Buffer);
    await expect(open(on)).rejects.toThrow(/another store/);
  });

  it('any mutation of any file ends in the right state, an older snapshot, or a code: never in a crash', async () => {
    const { on, state } = await wellUsed();
    const random = seededRandom(20);
    const paths = [...on.contents().keys()].filter((path) => /(log|snapshot)-/.test(path));
    const below = (limit: number) => Math.floor(random() * limit);
    const mutations: ((bytes: Buffer) => Buffer)[] = [
      (bytes) => flip(below(bytes.length))(bytes),
      (bytes) => bytes.subarray(0, below(bytes.length)),
      (bytes) => Buffer.concat([bytes, bytes.subarray(below(bytes.length))]),
      (bytes) => bytes.fill(0, below(bytes.length)),
      (bytes) => bytes.fill(below(256), below(bytes.length), below(bytes.length)),
      (bytes) => Buffer.concat([bytes.subarray(below(bytes.length)), bytes.subarray(0, below(bytes.length))]),
      () => Buffer.from(Array.from({ length: below(300) }, () => below(256))),
    ];
    const codes = new Set<string>();
    for (let run = 0; run < 1500; run++) {
      const mutant = on.afterKill();
      const path = paths[below(paths.length)] as string;
      mutant.damage(path, mutations[below(mutations.length)] as (bytes: Buffer) => Buffer);
      const result = await open(mutant).catch((error: unknown) => error);
      if (isStackError(result)) codes.add(result.code);
      else if (path !== file(on, 'log', -1)) expect(stateOf(result as ObjectStore)).toEqual(state);
      else expect(result).not.toBeInstanceOf(Error);
    }
    expect([...codes]).toEqual(['StateLogCorrupt']);
  });
});

describe('format versions', () => {
  it('refuses a newer one with a code, whatever the rest of the file holds', async () => {
    const { on } = await wellUsed();
    const newer = encodeFileHeader({ kind: 'log', store: 'x', sequence: 1, follows: 0, base: 0 }, formatVersion + 1);
    for (const path of [file(on, 'log', -1)]) on.damage(path, () => Buffer.concat([newer, Buffer.from('unknown')]));
    await expect(open(on)).rejects.toMatchObject({
      code: 'StateFormatTooNew',
      details: { version: formatVersion + 1 },
    });
  });

  it('reads an older one with its own reader and rewrites it as a snapshot of the newest', async () => {
    const { on, state } = await wellUsed();
    // The older version differs in every frame: its bytes are inverted.
    const older = formatVersion - 1;
    const invert = (bytes: Buffer) => Buffer.from(bytes.map((byte) => byte ^ 0xff));
    const format = knownFormats.get(formatVersion);
    if (!format) throw new Error('the newest format is not known');
    const formats: Formats = new Map([
      ...knownFormats,
      [
        older,
        {
          decodeFrame: (bytes, offset) => format.decodeFrame(invert(bytes), offset),
          findFrame: (bytes, offset) => format.findFrame(invert(bytes), offset),
          salvage: (bytes, offset, end) => format.salvage(invert(bytes), offset, end),
        },
      ],
    ]);
    for (const [path, bytes] of on.contents()) {
      const kind = path.includes('/log-') ? 'log' : 'snapshot';
      const header = decodeFileHeader(kind, bytes);
      if (!('end' in header)) throw new Error(`${path} has no header`);
      const { fields, end } = header;
      on.damage(path, () => Buffer.concat([encodeFileHeader(fields, older), invert(bytes.subarray(end))]));
    }
    await expect(open(on)).rejects.toThrow(/never was a format version/);
    const store = await open(on, { formats });
    expect(stateOf(store)).toEqual(state);
    const version = (kind: 'log' | 'snapshot') =>
      on
        .contents()
        .get(file(on, kind, -1))
        ?.readUInt32BE(8);
    expect(version('log')).toBe(formatVersion);
    await waitFor('the snapshot', async () => version('snapshot') === formatVersion || undefined, {
      signal: new AbortController().signal,
      timeoutMs: 20_000,
      intervalMs: 1,
    });
    await store.close();
    const again = await open(on);
    expect(stateOf(again)).toEqual(state);
    await again.close();
  });
});
