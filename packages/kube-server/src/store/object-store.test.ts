import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { isStackError, silentLogger } from '@polarstack/base';
import { afterEach, describe, expect, it } from 'vitest';
import { createMemoryStore } from './memory-store.ts';
import type { ObjectStore, StoreEvent } from './object-store.ts';
import { openObjectStore } from './open-object-store.ts';

const folders: string[] = [];
const stores: ObjectStore[] = [];
afterEach(async () => {
  for (const store of stores.splice(0)) await store.close();
  for (const folder of folders.splice(0)) await rm(folder, { recursive: true });
});

const kinds = {
  'in memory': async () => createMemoryStore(),
  'on disk': async () => {
    const dir = await mkdtemp(join(tmpdir(), 'store-'));
    folders.push(dir);
    return openObjectStore({ dir, logger: silentLogger });
  },
};

const thing = (value: unknown) => ({ apiVersion: 'v1', kind: 'Thing', metadata: { name: 'x' }, value });
const put = (store: ObjectStore, key: string, value: unknown) =>
  store.transact(key, () => ({ type: 'put', object: thing(value) }));
const remove = (store: ObjectStore, key: string) =>
  store.transact(key, (current) => (current ? { type: 'delete', object: current } : { type: 'keep' }));

describe.each(Object.entries(kinds))('object store %s', (_, make) => {
  const opened = async () => {
    const store = await make();
    stores.push(store);
    return store;
  };

  it('stores with the revision of the write as resourceVersion, and lists in byte order', async () => {
    const store = await opened();
    for (const key of ['/b/2', '/b/10', '/a/1', '/c', '/b/1']) await put(store, key, key);
    expect(store.revision).toBe(5);
    expect(store.list('/b/').map(({ key }) => key)).toEqual(['/b/1', '/b/10', '/b/2']);
    expect(store.get('/b/10')).toMatchObject({ value: '/b/10', metadata: { name: 'x', resourceVersion: '2' } });
  });

  it('S1: shows nothing, and answers nothing that rests on it, before the write resolves', async () => {
    const store = await opened();
    const seen: string[] = [];
    store.subscribe('', 0, (event) => seen.push(event.type));
    const write = put(store, '/a', 1).then(() => seen.push('resolved'));
    expect(store.get('/a')).toBeUndefined();
    const kept = store.transact('/a', (current) => {
      expect(current).toMatchObject({ value: 1 });
      return { type: 'keep' };
    });
    const refused = store.transact('/a', () => {
      throw new Error('exists');
    });
    await Promise.all([
      write,
      kept.then(() => seen.push('kept')),
      expect(refused.finally(() => seen.push('refused'))).rejects.toThrow('exists'),
    ]);
    expect(seen).toEqual(['ADDED', 'resolved', 'kept', 'refused']);
  });

  it('S2: concurrent transactions each see the one before', async () => {
    const store = await opened();
    await Promise.all(
      Array.from({ length: 100 }, () =>
        store.transact('/n', (current) => ({ type: 'put', object: thing(((current?.value as number) ?? 0) + 1) })),
      ),
    );
    expect(store.get('/n')).toMatchObject({ value: 100 });
  });

  it('S4: tells each event once and in order, to listeners that come and go in the middle too', async () => {
    const store = await opened();
    const all: StoreEvent[] = [];
    const late: number[] = [];
    store.subscribe('/a/', 0, (event) => {
      all.push(event);
      if (event.revision === 3) store.subscribe('', 1, ({ revision }) => late.push(revision));
    });
    const other: number[] = [];
    const stop = store.subscribe('', 0, ({ revision }) => {
      other.push(revision);
      if (revision === 2) stop();
    });
    await Promise.all([put(store, '/a/1', 1), put(store, '/b/1', 1), put(store, '/a/1', 2), remove(store, '/a/1')]);
    expect(all.map(({ type, revision }) => [type, revision])).toEqual([
      ['ADDED', 1],
      ['MODIFIED', 3],
      ['DELETED', 4],
    ]);
    expect(all[2]).toMatchObject({ previous: { value: 2 }, object: { metadata: { resourceVersion: '4' } } });
    expect(late).toEqual([2, 3, 4]);
    expect(other).toEqual([1, 2]);
    expect(store.list('')).toHaveLength(1);
  });

  it('V3: hands out the same object everywhere, never a copy', async () => {
    const store = await opened();
    const events: StoreEvent[] = [];
    store.subscribe('', 0, (event) => events.push(event));
    const stored = await put(store, '/a', 1);
    expect(store.get('/a')).toBe(stored);
    expect(store.list('')[0]?.object).toBe(stored);
    expect(events[0]?.object).toBe(stored);
    await put(store, '/a', 2);
    expect(events[1]?.previous).toBe(stored);
  });

  it('keeps going when a listener throws', async () => {
    const store = await opened();
    store.subscribe('', 0, () => {
      throw new Error('broken listener');
    });
    const seen: number[] = [];
    store.subscribe('', 0, ({ revision }) => seen.push(revision));
    await put(store, '/a', 1);
    expect(seen).toEqual([1]);
  });

  it('refuses a watch from a revision it does not know, and everything after it is closed', async () => {
    const store = await opened();
    const gone = (from: number) => {
      try {
        store.subscribe('', from, () => {});
      } catch (error) {
        return isStackError(error, 'Gone');
      }
      return false;
    };
    expect(gone(1)).toBe(true);
    await store.close();
    await expect(put(store, '/a', 1)).rejects.toMatchObject({ code: 'StateClosed' });
  });
});
