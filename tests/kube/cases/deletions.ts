import { expect } from 'vitest';
import { type Api, mergePatch } from '../api.ts';
import { topic } from '../case.ts';
import { namesOf, textAt, versionOf } from '../json.ts';
import { defineThings } from '../resource.ts';

const hold = ['example.com/hold'];
const pod = (name: string, metadata: object = {}) => ({
  metadata: { name, ...metadata },
  spec: { containers: [{ name: 'main', image: 'host' }] },
});

function reference(owner: unknown, blockOwnerDeletion?: boolean) {
  return {
    apiVersion: 'v1',
    kind: 'ConfigMap',
    name: textAt(owner, 'metadata', 'name'),
    uid: textAt(owner, 'metadata', 'uid'),
    ...(blockOwnerDeletion === undefined ? {} : { blockOwnerDeletion }),
  };
}

async function family(api: Api, child: object = {}, blocks?: boolean): Promise<string> {
  const path = api.core('configmaps');
  const owner = (await api.quiet('POST', path, { metadata: { name: 'owner' } })).body;
  await api.quiet('POST', path, {
    metadata: { name: 'child', ownerReferences: [reference(owner, blocks)], ...child },
  });
  return path;
}

const free = async (api: Api, path: string) =>
  await api.quiet('PUT', path, { metadata: { name: path.split('/').at(-1) } });

export const deletionCases = topic('deletions', {
  'answer with a status or with the object': async (api) => {
    const path = api.core('configmaps');
    await api.quiet('POST', path, { metadata: { name: 'plain' } });
    expect((await api.call('DELETE', `${path}/plain`)).body).toMatchObject({ kind: 'Status', status: 'Success' });
    await api.quiet('POST', path, { metadata: { name: 'held', finalizers: hold } });
    expect((await api.call('DELETE', `${path}/held`)).body).toMatchObject({ kind: 'ConfigMap' });
    await free(api, `${path}/held`);
    const { path: things, thing } = await defineThings(api);
    await api.quiet('POST', things, thing('plain'));
    expect((await api.call('DELETE', `${things}/plain`)).body).toMatchObject({ kind: 'Status' });
    await api.quiet('POST', things, thing('held', {}, { finalizers: hold }));
    expect((await api.call('DELETE', `${things}/held`)).body).toMatchObject({ kind: 'Thing' });
    await api.call('DELETE', `${things}/held`);
    const patched = await api.call('PATCH', `${things}/held`, { metadata: { finalizers: null } }, mergePatch);
    expect(patched.code).toBe(200);
    await api.call('DELETE', `${things}/none`);
  },

  'of what is being deleted already': async (api) => {
    const path = api.core('configmaps');
    await api.quiet('POST', path, { metadata: { name: 'held', finalizers: hold } });
    const first = await api.call('DELETE', `${path}/held`);
    const again = await api.call('DELETE', `${path}/held`);
    expect(versionOf(again.body)).toBe(versionOf(first.body));
    for (const options of [
      { propagationPolicy: 'Foreground' },
      { propagationPolicy: 'Orphan' },
      { propagationPolicy: 'Background' },
      { gracePeriodSeconds: 0 },
      { gracePeriodSeconds: 30 },
    ]) {
      await api.call('DELETE', `${path}/held`, options);
    }
    const uid = '11111111-2222-3333-4444-555555555555';
    expect((await api.call('DELETE', `${path}/held`, { preconditions: { uid } })).code).toBe(409);
    await free(api, `${path}/held`);
  },

  'with options in the query': async (api) => {
    const path = api.core('configmaps');
    for (const query of [
      'gracePeriodSeconds=0',
      'gracePeriodSeconds=-1',
      'gracePeriodSeconds=abc',
      'propagationPolicy=Foreground',
      'propagationPolicy=Nonsense',
      'orphanDependents=true',
      'orphanDependents=false',
      'orphanDependents=true&propagationPolicy=Orphan',
      'dryRun=All',
      'dryRun=Some',
      'dryRun=All&dryRun=All',
      'dryRun=',
      'fieldManager=me',
      'resourceVersion=1',
      'uid=11111111-2222-3333-4444-555555555555',
    ]) {
      await api.quiet('POST', path, { metadata: { name: 'one', finalizers: hold } });
      await api.call('DELETE', `${path}/one?${query}`);
      await free(api, `${path}/one`);
      await api.quiet('DELETE', `${path}/one`);
      await free(api, `${path}/one`);
    }
  },

  'with options in the body': async (api) => {
    const path = api.core('configmaps');
    for (const options of [
      { kind: 'DeleteOptions', apiVersion: 'v1' },
      { kind: 'DeleteOptions', apiVersion: 'meta.k8s.io/v1' },
      { gracePeriodSeconds: 5 },
      { gracePeriodSeconds: -1 },
      { propagationPolicy: 'Nonsense' },
      { orphanDependents: true, propagationPolicy: 'Orphan' },
      { orphanDependents: true },
      { orphanDependents: false },
      { dryRun: ['All'] },
      { dryRun: ['Some'] },
      { dryRun: ['All', 'All'] },
      { preconditions: {} },
      { preconditions: { uid: '' } },
      { preconditions: { resourceVersion: '1' } },
    ]) {
      await api.quiet('POST', path, { metadata: { name: 'one', finalizers: hold } });
      await api.call('DELETE', `${path}/one`, options);
      await free(api, `${path}/one`);
      await api.quiet('DELETE', `${path}/one`);
      await free(api, `${path}/one`);
    }
    await api.quiet('POST', path, { metadata: { name: 'one' } });
    for (const body of ['nonsense', '[]', '"x"', '{"kind":"Pod","apiVersion":"v1"}', '{"kind":"DeleteOptions"}']) {
      await api.brief('DELETE', `${path}/one`, body);
    }
    await api.brief('DELETE', `${path}/one`, '{}', { 'content-type': 'text/plain' });
  },

  'both in the query and in the body': async (api) => {
    const path = api.core('configmaps');
    await api.quiet('POST', path, { metadata: { name: 'one' } });
    await api.call('DELETE', `${path}/one?propagationPolicy=Foreground`, {
      propagationPolicy: 'Orphan',
      dryRun: ['All'],
    });
    await api.call('DELETE', `${path}/one?dryRun=All`, { kind: 'DeleteOptions', apiVersion: 'v1' });
    await api.call('GET', `${path}/one`);
  },

  'of pods without a node': async (api) => {
    const path = api.core('pods');
    for (const [name, options] of [
      ['plain', undefined],
      ['now', { gracePeriodSeconds: 0 }],
      ['soon', { gracePeriodSeconds: 3 }],
      ['minus', { gracePeriodSeconds: -1 }],
    ] as const) {
      await api.quiet('POST', path, pod(name));
      const answer = await api.brief('DELETE', `${path}/${name}`, options);
      expect(answer.code, name).toBe(200);
      api.note(`${name} answered`, answer.body.kind);
      expect((await api.brief('GET', `${path}/${name}`)).code).toBe(404);
    }
  },

  'of pods on a node': async (api) => {
    const path = api.core('pods');
    const node = `${api.namespace}-node`;
    await api.quiet('POST', '/api/v1/nodes', { metadata: { name: node } });
    const graces = async (name: string) => {
      const { metadata } = (await api.quiet('GET', `${path}/${name}`)).body as { metadata?: Record<string, unknown> };
      const at = Date.parse(String(metadata?.deletionTimestamp)) - Date.now();
      api.note('grace', [
        metadata?.deletionGracePeriodSeconds,
        Number.isNaN(at) ? undefined : Math.round(at / 5_000) * 5,
      ]);
    };
    await api.quiet('POST', path, { ...pod('one'), spec: { ...pod('one').spec, nodeName: node } });
    for (const options of [
      undefined,
      { gracePeriodSeconds: 60 },
      { gracePeriodSeconds: 10 },
      { gracePeriodSeconds: 20 },
    ]) {
      expect((await api.brief('DELETE', `${path}/one`, options)).code).toBe(200);
      await graces('one');
    }
    const last = await api.brief('DELETE', `${path}/one`, { gracePeriodSeconds: 0 });
    api.note('answered', last.body.kind);
    expect((await api.brief('GET', `${path}/one`)).code).toBe(404);
    await api.quiet('DELETE', `/api/v1/nodes/${node}`);
  },

  'in the foreground wait for those who block': async (api) => {
    const path = await family(api, { finalizers: hold }, true);
    const asked = await api.call('DELETE', `${path}/owner?propagationPolicy=Foreground`);
    expect(asked.body).toMatchObject({ metadata: { finalizers: ['foregroundDeletion'] } });
    await api.until(`${path}/child`, ({ body }) => textAt(body, 'metadata', 'deletionTimestamp') !== '');
    expect((await api.brief('GET', `${path}/owner`)).code).toBe(200);
    await api.quiet('PUT', `${path}/child`, { metadata: { name: 'child' } });
    await api.until(`${path}/owner`, ({ code }) => code === 404);
  },

  'in the foreground do not wait for others': async (api) => {
    const path = await family(api, { finalizers: hold }, false);
    await api.call('DELETE', `${path}/owner?propagationPolicy=Foreground`);
    await api.until(`${path}/owner`, ({ code }) => code === 404);
    await api.until(`${path}/child`, ({ body }) => textAt(body, 'metadata', 'deletionTimestamp') !== '');
    await api.quiet('PUT', `${path}/child`, { metadata: { name: 'child' } });
  },

  'of one of two owners leave the other': async (api) => {
    const path = api.core('configmaps');
    const one = (await api.quiet('POST', path, { metadata: { name: 'one' } })).body;
    const two = (await api.quiet('POST', path, { metadata: { name: 'two' } })).body;
    await api.quiet('POST', path, {
      metadata: { name: 'child', ownerReferences: [reference(one, true), reference(two, true)] },
    });
    await api.call('DELETE', `${path}/one?propagationPolicy=Foreground`);
    await api.until(`${path}/one`, ({ code }) => code === 404);
    await api.until(`${path}/child`, ({ body }) => JSON.stringify(body).split('"uid"').length === 3);
    await api.call('DELETE', `${path}/two?propagationPolicy=Background`);
    await api.until(`${path}/child`, ({ code }) => code === 404);
  },

  'in the background, and as orphans': async (api) => {
    const path = await family(api, { finalizers: hold });
    expect((await api.call('DELETE', `${path}/owner?propagationPolicy=Background`)).body).toMatchObject({
      kind: 'Status',
    });
    await api.until(`${path}/child`, ({ body }) => textAt(body, 'metadata', 'deletionTimestamp') !== '');
    await api.quiet('PUT', `${path}/child`, { metadata: { name: 'child' } });
    await api.until(`${path}/child`, ({ code }) => code === 404);
    await family(api);
    expect((await api.call('DELETE', `${path}/owner?propagationPolicy=Orphan`)).body).toMatchObject({
      metadata: { finalizers: ['orphan'] },
    });
    await api.until(`${path}/owner`, ({ code }) => code === 404);
    expect((await api.quiet('GET', `${path}/child`)).code).toBe(200);
  },

  'of collections': async (api) => {
    const path = api.core('configmaps');
    const fill = async () => {
      for (const name of ['a', 'b', 'c', 'd']) {
        await api.quiet('POST', path, { metadata: { name, labels: { on: name < 'c' ? 'yes' : 'no' } } });
      }
    };
    const left = async () => api.note('left', namesOf((await api.quiet('GET', path)).body));
    for (const query of [
      'labelSelector=on%3Dyes',
      'fieldSelector=metadata.name%3Dd',
      'labelSelector=on%3Dyes&fieldSelector=metadata.name!%3Da',
      'limit=1',
      'labelSelector=on%3Dno&limit=1',
      'dryRun=All',
      'dryRun=Some',
      'labelSelector=a%20in',
      'fieldSelector=spec.x%3Dy',
      'resourceVersion=0',
      'resourceVersion=abc',
      'propagationPolicy=Nonsense',
      '',
    ]) {
      await fill();
      await api.call('DELETE', `${path}?${query}`);
      await left();
    }
    expect(namesOf((await api.quiet('GET', path)).body)).toEqual([]);
  },

  'of collections with options in the body': async (api) => {
    const path = api.core('configmaps');
    for (const name of ['a', 'b']) await api.quiet('POST', path, { metadata: { name } });
    await api.call('DELETE', path, { dryRun: ['All'] });
    await api.call('DELETE', path, { propagationPolicy: 'Orphan' });
    await api.until(path, ({ body }) => namesOf(body).length === 0);
    await api.quiet('POST', path, { metadata: { name: 'held', finalizers: hold } });
    await api.call('DELETE', path, { propagationPolicy: 'Background' });
    await api.call('DELETE', path, { preconditions: { uid: '11111111-2222-3333-4444-555555555555' } });
    await free(api, `${path}/held`);
    const { path: things, thing } = await defineThings(api);
    await api.quiet('POST', things, thing('one'));
    await api.call('DELETE', things);
    const everywhere = things.replace(`namespaces/${api.namespace}/`, '');
    expect((await api.brief('DELETE', `${everywhere}?labelSelector=none%3Dof-these`)).code).toBe(404);
    expect((await api.brief('DELETE', '/api/v1/configmaps?labelSelector=none%3Dof-these')).code).toBe(405);
  },

  'free a finalizer by every way to write': async (api) => {
    const { path, thing } = await defineThings(api);
    for (const name of ['put', 'patch', 'apply']) {
      await api.quiet('POST', path, thing(name, {}, { finalizers: hold }));
      await api.quiet('DELETE', `${path}/${name}`);
    }
    const put = (await api.quiet('GET', `${path}/put`)).body;
    await api.call('PUT', `${path}/put`, { ...put, metadata: { ...(put.metadata as object), finalizers: [] } });
    await api.call('PATCH', `${path}/patch?dryRun=All`, { metadata: { finalizers: [] } }, mergePatch);
    await api.call('PATCH', `${path}/patch`, { metadata: { finalizers: [] } }, mergePatch);
    for (const name of ['put', 'patch']) expect((await api.brief('GET', `${path}/${name}`)).code).toBe(404);
    await api.call('PATCH', `${path}/apply`, { metadata: { finalizers: null } }, mergePatch);
  },
});
