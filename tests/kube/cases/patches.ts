import { expect } from 'vitest';
import { jsonPatch, mergePatch, strategicPatch } from '../api.ts';
import { topic } from '../case.ts';

const service = {
  metadata: { name: 'one' },
  spec: {
    selector: { app: 'x' },
    ports: [
      { name: 'a', port: 80 },
      { name: 'b', port: 81 },
    ],
  },
};

export const patchCases = topic('patches', {
  'a merge patch sets, nests and removes': async (api) => {
    const path = api.core('configmaps');
    await api.quiet('POST', path, { metadata: { name: 'one', labels: { x: 'y' } }, data: { a: '1', b: '2' } });
    const change = { metadata: { labels: { x: null, z: '1' } }, data: { a: null, c: '3' } };
    const patched = await api.call('PATCH', `${path}/one`, change, mergePatch);
    expect(patched.body).toMatchObject({ data: { b: '2', c: '3' }, metadata: { labels: { z: '1' } } });
    expect((await api.call('PATCH', `${path}/none`, change, mergePatch)).code).toBe(404);
    expect((await api.call('PATCH', `${path}/one`, '[]', mergePatch)).code).toBe(400);
    expect((await api.call('PATCH', `${path}/one`, { data: { a: 7 } }, mergePatch)).code).toBe(422);
  },

  'a JSON patch works in order, and its tests decide': async (api) => {
    const path = api.core('configmaps');
    await api.quiet('POST', path, { metadata: { name: 'one' }, data: { a: '1', b: '2' } });
    const patched = await api.call(
      'PATCH',
      `${path}/one`,
      [
        { op: 'test', path: '/data/a', value: '1' },
        { op: 'replace', path: '/data/a', value: 'one' },
        { op: 'move', from: '/data/b', path: '/data/c' },
        { op: 'copy', from: '/data/c', path: '/data/d' },
        { op: 'remove', path: '/data/c' },
        { op: 'add', path: '/metadata/labels', value: { 'a~b': 'x' } },
        { op: 'replace', path: '/metadata/labels/a~0b', value: 'y' },
      ],
      jsonPatch,
    );
    expect(patched.code).toBe(422);
    const works = await api.call(
      'PATCH',
      `${path}/one`,
      [
        { op: 'test', path: '/data/a', value: '1' },
        { op: 'move', from: '/data/b', path: '/data/c' },
        { op: 'copy', from: '/data/c', path: '/data/d' },
        { op: 'remove', path: '/data/c' },
        { op: 'add', path: '/metadata/labels', value: { 'example.com/a': 'x' } },
        { op: 'replace', path: '/metadata/labels/example.com~1a', value: 'y' },
      ],
      jsonPatch,
    );
    expect(works.body).toMatchObject({ data: { a: '1', d: '2' }, metadata: { labels: { 'example.com/a': 'y' } } });
    const failed = await api.call('PATCH', `${path}/one`, [{ op: 'test', path: '/data/a', value: '9' }], jsonPatch);
    expect(failed.body).toMatchObject({ code: 422, reason: 'Invalid' });
    const missing = await api.call('PATCH', `${path}/one`, [{ op: 'remove', path: '/data/zz' }], jsonPatch);
    expect(missing.body).toMatchObject({ code: 422, reason: 'Invalid' });
    expect((await api.brief('PATCH', `${path}/one`, '{}', jsonPatch)).code).toBe(400);
  },

  'a strategic patch merges lists by key': async (api) => {
    const path = api.core('services');
    await api.quiet('POST', path, service);
    const change = {
      spec: {
        ports: [
          { port: 81, name: 'bee' },
          { port: 82, name: 'c' },
        ],
      },
    };
    const patched = await api.call('PATCH', `${path}/one`, change, strategicPatch);
    expect(patched.code).toBe(200);
    const removed = {
      spec: { ports: [{ port: 80, $patch: 'delete' }], selector: { $patch: 'replace', only: 'this' } },
    };
    expect((await api.call('PATCH', `${path}/one`, removed, strategicPatch)).code).toBe(200);
  },

  'a strategic patch orders and deletes primitives': async (api) => {
    const path = api.core('configmaps');
    await api.quiet('POST', path, { metadata: { name: 'one', finalizers: ['a.io/x', 'b.io/y'] } });
    const drop = { metadata: { '$deleteFromPrimitiveList/finalizers': ['a.io/x'] } };
    const patched = await api.call('PATCH', `${path}/one`, drop, strategicPatch);
    expect(patched.body).toMatchObject({ metadata: { finalizers: ['b.io/y'] } });
    const all = await api.call('PATCH', `${path}/one`, { metadata: { finalizers: null } }, strategicPatch);
    expect(all.code).toBe(200);
  },

  'a patch of an unknown type is refused': async (api) => {
    const path = api.core('configmaps');
    await api.quiet('POST', path, { metadata: { name: 'one' } });
    const answer = await api.call('PATCH', `${path}/one`, {}, { 'content-type': 'application/json' });
    expect(answer.body).toMatchObject({ code: 415, reason: 'UnsupportedMediaType' });
  },

  'name, namespace and uid do not move': async (api) => {
    const path = api.core('configmaps');
    await api.quiet('POST', path, { metadata: { name: 'one' } });
    for (const metadata of [{ name: 'two' }, { namespace: 'x' }, { uid: '11111111-2222-3333-4444-555555555555' }]) {
      expect([400, 409, 422]).toContain((await api.call('PATCH', `${path}/one`, { metadata }, mergePatch)).code);
    }
  },
});
