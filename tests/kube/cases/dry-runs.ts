import { expect } from 'vitest';
import { type Api, applyPatch, jsonPatch, mergePatch, strategicPatch } from '../api.ts';
import { topic } from '../case.ts';
import { textAt, versionOf } from '../json.ts';
import { defineThings } from '../resource.ts';

const dry = 'dryRun=All';

/** Nothing is stored: the object, its version and the number of objects stay. */
async function keeps(api: Api, path: string, doing: () => Promise<unknown>): Promise<void> {
  const before = (await api.quiet('GET', path)).body;
  await doing();
  const after = (await api.quiet('GET', path)).body;
  expect({ ...after, metadata: undefined }).toEqual({ ...before, metadata: undefined });
  if (before.kind !== 'ConfigMapList' && before.kind !== 'ThingList') expect(versionOf(after)).toBe(versionOf(before));
}

export const dryRunCases = topic('dry runs', {
  'of creations': async (api) => {
    const path = api.core('configmaps');
    await keeps(api, path, async () => {
      const made = await api.call('POST', `${path}?${dry}`, { metadata: { name: 'one' }, data: { a: '1' } });
      expect(made.code).toBe(201);
      expect(textAt(made.body, 'metadata', 'uid')).not.toBe('');
      expect((await api.call('POST', `${path}?${dry}`, { metadata: { name: 'Not A Name' } })).code).toBe(422);
      const generated = await api.quiet('POST', `${path}?${dry}`, { metadata: { generateName: 'x-' } });
      expect(textAt(generated.body, 'metadata', 'name')).toMatch(/^x-.{5}$/);
      await api.call('POST', `${path}?${dry}`, { metadata: {} });
    });
    await api.quiet('POST', path, { metadata: { name: 'taken' } });
    expect((await api.call('POST', `${path}?${dry}`, { metadata: { name: 'taken' } })).code).toBe(409);
    const elsewhere = '/api/v1/namespaces/nowhere-at-all/configmaps';
    await api.brief('POST', `${elsewhere}?${dry}`, { metadata: { name: 'one' } });
  },

  'of replacements and patches': async (api) => {
    const path = api.core('configmaps');
    const made = (await api.quiet('POST', path, { metadata: { name: 'one' }, data: { a: '1' } })).body;
    await keeps(api, `${path}/one`, async () => {
      const put = await api.call('PUT', `${path}/one?${dry}`, { metadata: { name: 'one' }, data: { a: '2' } });
      expect(put.body).toMatchObject({ data: { a: '2' } });
      expect(versionOf(put.body)).toBe(versionOf(made));
      await api.call('PUT', `${path}/one?${dry}`, { ...made, metadata: { name: 'one', resourceVersion: '1' } });
      await api.call('PUT', `${path}/none?${dry}`, { metadata: { name: 'none' } });
      for (const [patch, headers] of [
        [{ data: { b: '1' } }, mergePatch],
        [{ data: { b: '1' } }, strategicPatch],
        [[{ op: 'add', path: '/data/b', value: '1' }], jsonPatch],
      ] as const) {
        const patched = await api.call('PATCH', `${path}/one?${dry}`, patch, headers);
        expect(patched.body).toMatchObject({ data: { a: '1', b: '1' } });
      }
      await api.call('PATCH', `${path}/one?${dry}`, { data: { 'not a key': '' } }, mergePatch);
      await api.call('PATCH', `${path}/none?${dry}`, { data: {} }, mergePatch);
    });
  },

  'of applies': async (api) => {
    const path = api.core('configmaps');
    const config = (name: string, data: object) => ({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name }, data });
    const asked = `${dry}&fieldManager=me`;
    expect((await api.call('PATCH', `${path}/new?${asked}`, config('new', { a: '1' }), applyPatch)).code).toBe(201);
    expect((await api.call('GET', `${path}/new`)).code).toBe(404);
    await api.quiet('POST', `${path}?fieldManager=other`, config('one', { a: '1' }));
    await keeps(api, `${path}/one`, async () => {
      expect((await api.call('PATCH', `${path}/one?${asked}`, config('one', { a: '2' }), applyPatch)).code).toBe(409);
      const forced = await api.call('PATCH', `${path}/one?${asked}&force=true`, config('one', { a: '2' }), applyPatch);
      expect(forced.body).toMatchObject({ data: { a: '2' } });
    });
  },

  'of deletions': async (api) => {
    const path = api.core('configmaps');
    await api.quiet('POST', path, { metadata: { name: 'one' } });
    await api.quiet('POST', path, { metadata: { name: 'held', finalizers: ['a.io/b'] } });
    for (const name of ['one', 'held']) {
      await keeps(api, `${path}/${name}`, async () => {
        for (const options of [{}, { propagationPolicy: 'Foreground' }, { propagationPolicy: 'Orphan' }]) {
          await api.call('DELETE', `${path}/${name}`, { ...options, dryRun: ['All'] });
        }
        await api.call('DELETE', `${path}/${name}?${dry}`);
      });
    }
    await keeps(api, path, async () => {
      await api.call('DELETE', `${path}?${dry}`);
    });
    expect((await api.call('DELETE', `${path}/none?${dry}`)).code).toBe(404);
    await keeps(api, `/api/v1/namespaces/${api.namespace}`, async () => {
      await api.call('DELETE', `/api/v1/namespaces/${api.namespace}?${dry}`);
    });
    await api.quiet('PUT', `${path}/held`, { metadata: { name: 'held' } });
  },

  'of status and scale': async (api) => {
    const { path, thing } = await defineThings(api);
    await api.quiet('POST', path, thing('one', { replicas: 1 }));
    await keeps(api, `${path}/one`, async () => {
      const current = (await api.quiet('GET', `${path}/one`)).body;
      await api.call('PUT', `${path}/one/status?${dry}`, { ...current, status: { replicas: 3 } });
      await api.call('PATCH', `${path}/one/status?${dry}`, { status: { a: 'b' } }, mergePatch);
      const applied = { apiVersion: current.apiVersion, kind: 'Thing', status: { a: 'b' } };
      await api.call('PATCH', `${path}/one/status?${dry}&fieldManager=me`, applied, applyPatch);
      await api.call('PATCH', `${path}/one/scale?${dry}`, { spec: { replicas: 5 } }, mergePatch);
      const scale = (await api.quiet('GET', `${path}/one/scale`)).body;
      await api.call('PUT', `${path}/one/scale?${dry}`, { ...scale, spec: { replicas: 7 } });
      await api.call('PUT', `${path}/one/scale?${dry}`, { ...scale, spec: { replicas: -7 } });
    });
  },

  'of bindings and evictions': async (api) => {
    const path = api.core('pods');
    const spec = { containers: [{ name: 'main', image: 'host' }] };
    await api.quiet('POST', path, { metadata: { name: 'one' }, spec });
    await keeps(api, `${path}/one`, async () => {
      await api.call('POST', `${path}/one/binding?${dry}`, {
        metadata: { name: 'one' },
        target: { kind: 'Node', name: 'node-1' },
      });
      const eviction = { apiVersion: 'policy/v1', kind: 'Eviction', metadata: { name: 'one' } };
      await api.call('POST', `${path}/one/eviction?${dry}`, eviction);
      await api.call('POST', `${path}/one/eviction`, { ...eviction, deleteOptions: { dryRun: ['All'] } });
    });
  },

  'with values that mean nothing': async (api) => {
    const path = api.core('configmaps');
    await api.quiet('POST', path, { metadata: { name: 'one' } });
    const config = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'one' } };
    for (const value of [
      'dryRun=Some',
      'dryRun=all',
      'dryRun=true',
      'dryRun=',
      'dryRun=All&dryRun=Some',
      'dryRun=All,All',
    ]) {
      await api.call('POST', `${path}?${value}`, { metadata: { name: 'two' } });
      await api.quiet('DELETE', `${path}/two`);
      await api.call('PUT', `${path}/one?${value}`, config);
      await api.call('PATCH', `${path}/one?${value}`, {}, mergePatch);
      await api.call('PATCH', `${path}/one?${value}&fieldManager=me`, config, applyPatch);
      await api.call('DELETE', `${path}?labelSelector=a%3Db&${value}`);
    }
  },
});
