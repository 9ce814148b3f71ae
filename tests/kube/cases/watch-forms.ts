import { expect } from 'vitest';
import { asTable, mergePatch, type WatchEvent } from '../api.ts';
import { topic } from '../case.ts';
import { at, listAt, nameOf, textAt, versionOf } from '../json.ts';
import { defineThings } from '../resource.ts';

const count = (n: number) => (events: readonly WatchEvent[]) => events.length >= n;
const asPartial = { accept: 'application/json;as=PartialObjectMetadata;v=v1;g=meta.k8s.io,application/json' };
const asPartialList = { accept: 'application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io,application/json' };
const streaming = { accept: 'application/json;stream=watch' };
const origin = { origin: 'http://localhost' };
const initial = 'watch=true&sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true';

export const watchFormCases = topic('forms of lists and watches', {
  'metadata alone: one, many, and watched': async (api) => {
    const path = api.core('configmaps');
    await api.quiet('POST', path, { metadata: { name: 'one', labels: { a: 'b' } }, data: { big: 'text' } });
    expect((await api.call('GET', `${path}/one`, undefined, asPartial)).body).toMatchObject({
      kind: 'PartialObjectMetadata',
    });
    expect((await api.call('GET', path, undefined, asPartialList)).body).toMatchObject({
      kind: 'PartialObjectMetadataList',
    });
    await api.call('GET', `${path}?limit=1`, undefined, asPartialList);
    expect((await api.call('GET', `${path}/one`, undefined, asPartialList)).code).toBe(406);
    expect((await api.call('GET', path, undefined, asPartial)).code).toBe(406);
    const events = await api.watch(`${path}?${initial}`, count(2), undefined, asPartial);
    expect(events.map(({ object }) => textAt(object, 'kind'))).toEqual([
      'PartialObjectMetadata',
      'PartialObjectMetadata',
    ]);
  },

  'metadata alone of what is changed and deleted': async (api) => {
    const path = api.core('configmaps');
    await api.call('POST', path, { metadata: { name: 'one' } }, asPartial);
    await api.call('PUT', `${path}/one`, { metadata: { name: 'one' }, data: { a: '1' } }, asPartial);
    await api.call('PATCH', `${path}/one`, { data: { a: '2' } }, { ...mergePatch, ...asPartial });
    await api.call('DELETE', `${path}/one`, undefined, asPartial);
  },

  'a table, watched': async (api) => {
    const path = api.core('configmaps');
    await api.quiet('POST', path, { metadata: { name: 'one' }, data: { a: '1' } });
    for (const include of ['', '&includeObject=None', '&includeObject=Object', '&includeObject=Metadata']) {
      const from = versionOf((await api.quiet('GET', path)).body);
      const events = await api.watchQuietly(
        `${path}?watch=true&resourceVersion=${from}${include}`,
        count(2),
        async () => {
          await api.quiet('PUT', `${path}/one`, { metadata: { name: 'one' }, data: { a: `2${include}` } });
          await api.quiet('PUT', `${path}/one`, { metadata: { name: 'one' }, data: { a: `3${include}` } });
        },
        asTable,
      );
      for (const { type, object } of events) {
        api.note(`event${include}`, {
          type,
          kind: object.kind,
          metadata: object.metadata,
          columns: Array.isArray(object.columnDefinitions)
            ? object.columnDefinitions.map((column) => at(column, 'name'))
            : object.columnDefinitions,
          cells: listAt(object, 'rows', 0, 'cells').slice(0, 2),
          object: at(object, 'rows', 0, 'object'),
        });
      }
      expect(events).toHaveLength(2);
    }
    expect((await api.brief('GET', `${path}?includeObject=Everything`, undefined, asTable)).code).toBe(400);
  },

  'bookmarks in every form': async (api) => {
    for (const headers of [{}, streaming, asTable, asPartial]) {
      const events = await api.watchQuietly(
        `${api.core('configmaps')}?${initial}`,
        (seen) => seen.some(({ type }) => type === 'BOOKMARK'),
        undefined,
        headers,
      );
      api.note(
        'bookmark',
        events.map(({ object: { columnDefinitions: _columns, ...object } }) => object),
      );
    }
    const { path } = await defineThings(api);
    for (const other of [api.core('pods'), api.core('services'), api.core('secrets'), '/api/v1/nodes', path]) {
      const events = await api.watchQuietly(`${other}?${initial}`, (seen) =>
        seen.some(({ type }) => type === 'BOOKMARK'),
      );
      api.note(
        'bookmark',
        events.filter(({ type }) => type === 'BOOKMARK'),
      );
    }
  },

  'an object by its path is not watched': async (api) => {
    const path = api.core('configmaps');
    const from = versionOf((await api.quiet('GET', path)).body);
    // Is no watch: whoever wants one of a single object selects it by its name.
    expect((await api.call('GET', `${path}/two?watch=true&resourceVersion=${from}`)).code).toBe(404);
    await api.quiet('POST', path, { metadata: { name: 'two' } });
    expect(nameOf((await api.call('GET', `${path}/two?watch=true&timeoutSeconds=1`)).body)).toBe('two');
  },

  'watches by the paths of old': async (api) => {
    const path = api.core('configmaps');
    await api.quiet('POST', path, { metadata: { name: 'one' } });
    await api.quiet('POST', path, { metadata: { name: 'two' } });
    const old = `/api/v1/watch/namespaces/${api.namespace}/configmaps`;
    expect(await api.watch(old, count(2))).toHaveLength(2);
    expect(await api.watch(`${old}/two`, count(1))).toMatchObject([{ object: { metadata: { name: 'two' } } }]);
    const everywhere = `/api/v1/watch/configmaps?fieldSelector=metadata.namespace%3D${api.namespace}`;
    expect(await api.watch(everywhere, count(2))).toHaveLength(2);
    expect((await api.brief('POST', old, {})).code).toBe(405);
    expect((await api.brief('GET', `/api/v1/watch/nonsense`)).code).toBe(404);
  },

  'over a WebSocket': async (api) => {
    const path = api.core('configmaps');
    const from = versionOf((await api.quiet('GET', path)).body);
    const query = `${path}?watch=true&resourceVersion=${from}`;
    const make = async () => {
      await api.quiet('POST', path, { metadata: { name: 'one' }, data: { a: 'ü' } });
      await api.quiet('DELETE', `${path}/one`);
    };
    const seen = await api.socket(query, (frames) => frames.length >= 2, make, origin);
    expect(seen.frames.map(({ text }) => textAt(JSON.parse(text), 'type'))).toEqual(['ADDED', 'DELETED']);
    await api.socket(`${query}&timeoutSeconds=1`, () => false, undefined, origin);
    await api.socket(query, (frames) => frames.length >= 1, undefined, {
      ...origin,
      'sec-websocket-protocol': 'base64.binary.k8s.io',
    });
    await api.socket(`${path}?watch=true&resourceVersion=abc`, () => false, undefined, origin);
    await api.socket(`${path}`, () => false, undefined, origin);
    await api.socket(`/api/v1/nonsense?watch=true`, () => false, undefined, origin);
  },
});
