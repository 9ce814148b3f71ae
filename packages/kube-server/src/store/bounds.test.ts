import { silentLogger } from '@polarstack/base';
import { describe, expect, it } from 'vitest';
import { createMemoryStore } from './memory-store.ts';
import type { ObjectStore } from './object-store.ts';
import { openObjectStore } from './open-object-store.ts';
import { createFakeDisk, type FakeDisk } from './testing/fake-disk.ts';
import { seededRandom } from './testing/random.ts';

const put = (store: ObjectStore, key: string, value: unknown) =>
  store.transact(key, () => ({ type: 'put', object: { metadata: {}, value } }));
const openOn = (disk: FakeDisk, snapshotBytes: number) =>
  openObjectStore({
    dir: '/state',
    logger: silentLogger,
    files: disk.files,
    lock: async () => ({ release: async () => {} }),
    snapshotBytes,
  });
const sizeOf = (disk: FakeDisk) => [...disk.contents().values()].reduce((sum, { length }) => sum + length, 0);

describe('what a store may grow to', () => {
  it('the log is bounded by snapshots, however often the same objects are written', async () => {
    const disk = createFakeDisk(seededRandom(1));
    const store = await openOn(disk, 20_000);
    let largest = 0;
    for (let round = 0; round < 2000; round++) {
      await put(store, `/k/${round % 10}`, 'x'.repeat(400));
      largest = Math.max(largest, sizeOf(disk));
    }
    // Two generations of a snapshot and a log each, and what is written while the newest snapshot is.
    expect(largest).toBeLessThan(150_000);
    await store.close();
  });

  it('the number of logs is bounded too, however often the store is opened', async () => {
    const disk = createFakeDisk(seededRandom(1));
    for (let opening = 0; opening < 120; opening++) {
      const store = await openOn(disk, 1_000_000);
      // The snapshot is written in the background: an opening that ends at once gives it up, the next tries again.
      for (let turn = 0; turn < 50; turn++) await new Promise(setImmediate);
      await store.close();
    }
    expect(disk.contents().size).toBeLessThan(80);
  });

  it('history is bounded by number and by bytes, and says from where it is complete', async () => {
    const byNumber = createMemoryStore({ historyLimit: { events: 10, bytes: 1_000_000 } });
    for (let count = 0; count < 3000; count++) await put(byNumber, `/k/${count % 3}`, count);
    expect(byNumber.oldestRevision).toBe(2990);
    const seen: number[] = [];
    byNumber.subscribe('', 2990, ({ revision }) => seen.push(revision));
    expect(seen).toEqual(Array.from({ length: 10 }, (_, index) => 2991 + index));
    expect(() => byNumber.subscribe('', 2989, () => {})).toThrow(expect.objectContaining({ code: 'Gone' }));

    const byBytes = createMemoryStore({ historyLimit: { events: 1000, bytes: 5000 } });
    for (let count = 0; count < 100; count++) await put(byBytes, '/k', 'x'.repeat(900));
    expect(byBytes.oldestRevision).toBe(95);
  });

  it('an object that no frame can hold is refused with a code, and changes nothing', async () => {
    const store = createMemoryStore();
    await expect(put(store, '/k', 'x'.repeat(33 * 1024 * 1024))).rejects.toMatchObject({ code: 'StateObjectTooLarge' });
    await put(store, '/k', 'small');
    expect(store.revision).toBe(1);
  });

  it('keys that have no UTF-8 form, or none at all, are refused', async () => {
    const store = createMemoryStore();
    for (const key of ['', '\ud800', 'x'.repeat(20_000)]) await expect(put(store, key, 1)).rejects.toThrow(/not a key/);
  });

  it('a transaction inside the decision of another is refused', async () => {
    const store = createMemoryStore();
    let inner: Promise<unknown> | undefined;
    await store.transact('/a', () => {
      inner = put(store, '/a', 1);
      inner.catch(() => undefined);
      return { type: 'keep' };
    });
    await expect(inner).rejects.toThrow(/inside the decision/);
  });
});
