import { expect } from 'vitest';
import { mergePatch, type WatchEvent } from '../api.ts';
import { topic } from '../case.ts';
import { nameOf, textAt, versionOf } from '../json.ts';

const count = (n: number) => (events: readonly WatchEvent[]) => events.length >= n;
const told = (events: readonly WatchEvent[]) => events.map(({ type, object }) => `${type} ${nameOf(object)}`);

export const watchCases = topic('watches', {
  'from a version: every change after it, in order': async (api) => {
    const path = api.core('configmaps');
    await api.quiet('POST', path, { metadata: { name: 'before' } });
    const from = versionOf((await api.quiet('GET', path)).body);
    await api.quiet('POST', path, { metadata: { name: 'one' }, data: { a: '1' } });
    const events = await api.watch(`${path}?watch=true&resourceVersion=${from}`, count(4), async () => {
      await api.quiet('PUT', `${path}/one`, { metadata: { name: 'one' }, data: { a: '2' } });
      await api.quiet('DELETE', `${path}/one`);
      await api.quiet('POST', path, { metadata: { name: 'two' } });
    });
    expect(told(events)).toEqual(['ADDED one', 'MODIFIED one', 'DELETED one', 'ADDED two']);
    const versions = events.map(({ object }) => Number(versionOf(object)));
    expect(versions).toEqual([...versions].sort((a, b) => a - b));
  },

  'from 0 and from nowhere: what is there first': async (api) => {
    const path = api.core('configmaps');
    for (const name of ['b', 'a']) await api.quiet('POST', path, { metadata: { name } });
    for (const from of ['&resourceVersion=0', '']) {
      const events = await api.watch(`${path}?watch=true${from}`, count(3), () =>
        api.quiet('POST', path, { metadata: { name: from === '' ? 'd' : 'c' } }),
      );
      const names = told(events);
      expect(names.slice(0, 2).sort()).toEqual(['ADDED a', 'ADDED b']);
    }
  },

  'ended by timeoutSeconds': async (api) => {
    const events = await api.watch(`${api.core('configmaps')}?watch=true&timeoutSeconds=1`, () => false);
    expect(events).toEqual([]);
  },

  'with selectors an object enters and leaves': async (api) => {
    const path = api.core('configmaps');
    const from = versionOf((await api.quiet('GET', path)).body);
    const label = (on: string) => ({ metadata: { name: 'one', labels: { on } } });
    const events = await api.watch(
      `${path}?watch=true&resourceVersion=${from}&labelSelector=on%3Dyes`,
      count(4),
      async () => {
        await api.quiet('POST', path, label('no'));
        await api.quiet('PUT', `${path}/one`, label('yes'));
        await api.quiet('PUT', `${path}/one`, label('no'));
        await api.quiet('PUT', `${path}/one`, label('yes'));
        await api.quiet('DELETE', `${path}/one`);
      },
    );
    expect(told(events)).toEqual(['ADDED one', 'DELETED one', 'ADDED one', 'DELETED one']);
  },

  'of one object by field selector': async (api) => {
    const path = api.core('configmaps');
    const from = versionOf((await api.quiet('GET', path)).body);
    const events = await api.watch(
      `${path}?watch=true&resourceVersion=${from}&fieldSelector=metadata.name%3Dtwo`,
      count(1),
      async () => {
        for (const name of ['one', 'two']) await api.quiet('POST', path, { metadata: { name } });
      },
    );
    expect(told(events)).toEqual(['ADDED two']);
  },

  'a version that is no version is refused': async (api) => {
    const answer = await api.call('GET', `${api.core('configmaps')}?watch=true&resourceVersion=abc`);
    expect(answer.code).toBe(500);
  },

  'bookmarks tell the version': async (api) => {
    const path = api.core('configmaps');
    const made = (await api.quiet('POST', path, { metadata: { name: 'one' } })).body;
    const events = await api.watch(
      `${path}?watch=true&resourceVersion=${versionOf(made)}&allowWatchBookmarks=true&timeoutSeconds=8`,
      (seen) => seen.some(({ type }) => type === 'BOOKMARK'),
    );
    const [bookmark] = events;
    expect(bookmark?.type).toBe('BOOKMARK');
    expect(Number(versionOf(bookmark?.object))).toBeGreaterThanOrEqual(Number(versionOf(made)));
    expect(textAt(bookmark?.object, 'kind')).toBe('ConfigMap');
  },

  'a deletion carries the last state': async (api) => {
    const path = api.core('configmaps');
    const made = (await api.quiet('POST', path, { metadata: { name: 'one', finalizers: ['x.io/y'] } })).body;
    const events = await api.watch(`${path}?watch=true&resourceVersion=${versionOf(made)}`, count(2), async () => {
      await api.quiet('DELETE', `${path}/one`);
      await api.call('PATCH', `${path}/one`, { metadata: { finalizers: null } }, mergePatch);
    });
    expect(told(events)).toEqual(['MODIFIED one', 'DELETED one']);
  },
});
