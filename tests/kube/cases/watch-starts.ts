import { expect } from 'vitest';
import type { WatchEvent } from '../api.ts';
import { topic } from '../case.ts';
import { nameOf, textAt, versionOf } from '../json.ts';
import { defineThings } from '../resource.ts';

const count = (n: number) => (events: readonly WatchEvent[]) => events.length >= n;
const told = (events: readonly WatchEvent[]) => events.map(({ type, object }) => `${type} ${nameOf(object)}`);
const isEnd = ({ object }: WatchEvent) =>
  textAt(object, 'metadata', 'annotations', 'k8s.io/initial-events-end') === 'true';

export const watchStartCases = topic('where watches start', {
  'a version that is forgotten is expired, as an event': async (api) => {
    // The real server remembers the past of what it knew when it was empty; a new resource begins later.
    const { path, thing } = await defineThings(api);
    await api.quiet('POST', path, thing('one'));
    await api.forget();
    // A server that starts again asks watchers to wait until it has looked around.
    const deadline = Date.now() + 30_000;
    const old = `${path}?watch=true&resourceVersion=1`;
    while ((await api.watchQuietly(old, count(1)))[0]?.object.code === 429) {
      if (Date.now() > deadline) throw new Error('the server did not begin to serve watches');
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
    const events = await api.watch(old, count(1));
    expect(events).toMatchObject([{ type: 'ERROR', object: { kind: 'Status', code: 410, reason: 'Expired' } }]);
  },

  'a version that is still to come': async (api) => {
    const path = api.core('configmaps');
    const from = Number(versionOf((await api.quiet('GET', path)).body)) + 1_000_000;
    const events = await api.watch(`${path}?watch=true&resourceVersion=${from}&timeoutSeconds=1`, count(1), () =>
      api.quiet('POST', path, { metadata: { name: 'one' } }),
    );
    expect(events).toEqual([]);
    const late = await api.watch(
      `${path}?watch=true&resourceVersion=${from}&allowWatchBookmarks=true&timeoutSeconds=5`,
      count(1),
    );
    expect(late).toEqual([]);
    const initial = `${path}?watch=true&sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true`;
    await api.watch(`${initial}&resourceVersion=${from}&timeoutSeconds=4`, count(1));
  },

  'initial events end with a bookmark': async (api) => {
    const path = api.core('configmaps');
    for (const name of ['b', 'a']) await api.quiet('POST', path, { metadata: { name } });
    const now = versionOf((await api.quiet('GET', path)).body);
    const initial = `${path}?watch=true&sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true`;
    for (const from of ['', '&resourceVersion=', '&resourceVersion=0', `&resourceVersion=${now}`]) {
      const events = await api.watch(`${initial}${from}`, (seen) => seen.some(isEnd));
      expect(told(events)).toEqual(['ADDED a', 'ADDED b', 'BOOKMARK ']);
    }
    const later = await api.watch(
      initial,
      (seen) => seen.some(({ object }) => nameOf(object) === 'c'),
      () => api.quiet('POST', path, { metadata: { name: 'c' } }),
    );
    expect(later.filter(isEnd)).toHaveLength(1);
    const without = await api.watch(
      `${path}?watch=true&sendInitialEvents=true&resourceVersionMatch=NotOlderThan&timeoutSeconds=1`,
      () => false,
    );
    expect(told(without)).toEqual(['ADDED a', 'ADDED b', 'ADDED c']);
  },

  'initial events of nothing, and of what a selector leaves': async (api) => {
    const path = api.core('configmaps');
    const initial = `${path}?watch=true&sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true`;
    expect(told(await api.watch(initial, (seen) => seen.some(isEnd)))).toEqual(['BOOKMARK ']);
    for (const [name, on] of [
      ['a', 'yes'],
      ['b', 'no'],
    ]) {
      await api.quiet('POST', path, { metadata: { name, labels: { on } } });
    }
    const some = await api.watch(`${initial}&labelSelector=on%3Dyes`, (seen) => seen.some(isEnd));
    expect(told(some)).toEqual(['ADDED a', 'BOOKMARK ']);
  },

  'no initial events, asked for': async (api) => {
    const path = api.core('configmaps');
    await api.quiet('POST', path, { metadata: { name: 'before' } });
    const now = versionOf((await api.quiet('GET', path)).body);
    const asked = `${path}?watch=true&sendInitialEvents=false&resourceVersionMatch=NotOlderThan`;
    for (const from of ['', '&resourceVersion=0', `&resourceVersion=${now}`]) {
      const events = await api.watch(`${asked}${from}&timeoutSeconds=2`, count(1), () =>
        api.quiet('POST', path, { metadata: { name: `after${from.length}` } }),
      );
      api.note(
        'types',
        events.map(({ type }) => type),
      );
    }
  },

  'combinations of options that mean nothing': async (api) => {
    const path = api.core('configmaps');
    const codes: string[] = [];
    for (const watch of ['', 'watch=true&']) {
      for (const options of [
        'resourceVersionMatch=Exact',
        'resourceVersionMatch=NotOlderThan',
        'resourceVersionMatch=NotOlderThan&resourceVersion=0',
        'resourceVersionMatch=NotOlderThan&resourceVersion=1',
        'resourceVersionMatch=Exact&resourceVersion=0',
        'resourceVersionMatch=Never&resourceVersion=1',
        'sendInitialEvents=true',
        'sendInitialEvents=false',
        'sendInitialEvents=true&resourceVersionMatch=Exact',
        'sendInitialEvents=true&resourceVersionMatch=Exact&resourceVersion=1',
        'sendInitialEvents=true&resourceVersionMatch=Never',
        'sendInitialEvents=maybe',
        'resourceVersionMatch=NotOlderThan&resourceVersion=abc',
        'sendInitialEvents=true&resourceVersionMatch=NotOlderThan&resourceVersion=abc',
        'resourceVersion=-1',
        'limit=5&resourceVersionMatch=NotOlderThan',
        'continue=x&resourceVersionMatch=Exact&resourceVersion=1',
        'watch=maybe',
        'timeoutSeconds=abc',
        'limit=abc',
        'labelSelector=a%20in',
        'fieldSelector=spec.x%3Dy',
        'fieldSelector=metadata.name%3Da%2Cmetadata.name%3Db',
      ]) {
        const query = `${path}?${watch}${options}${options.startsWith('timeout') ? '' : '&timeoutSeconds=1'}`;
        const answer = await api.call('GET', query);
        codes.push(`${watch}${options}: ${answer.code}`);
      }
    }
    expect(codes).toContain('sendInitialEvents=true: 422');
  },
});
