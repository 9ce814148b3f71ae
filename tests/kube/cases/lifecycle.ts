import { expect } from 'vitest';
import { mergePatch } from '../api.ts';
import { topic } from '../case.ts';
import { textAt } from '../json.ts';

export const lifecycleCases = topic('life and death', {
  'a finalizer holds an object': async (api) => {
    const path = api.core('configmaps');
    await api.quiet('POST', path, { metadata: { name: 'held', finalizers: ['example.com/hold'] } });
    const deleted = await api.call('DELETE', `${path}/held`);
    expect(deleted.body).toMatchObject({ kind: 'ConfigMap', metadata: { deletionGracePeriodSeconds: 0 } });
    expect((await api.call('DELETE', `${path}/held`)).code).toBe(200);
    const more = { metadata: { finalizers: ['example.com/hold', 'example.com/more'] } };
    expect((await api.call('PATCH', `${path}/held`, more, mergePatch)).body).toMatchObject({ code: 422 });
    const data = await api.call('PATCH', `${path}/held`, { data: { still: 'writable' } }, mergePatch);
    expect(data.code).toBe(200);
    const freed = await api.call('PATCH', `${path}/held`, { metadata: { finalizers: null } }, mergePatch);
    expect(freed.code).toBe(200);
    expect((await api.call('GET', `${path}/held`)).code).toBe(404);
  },

  'finalizers have names of their own': async (api) => {
    const path = api.core('configmaps');
    for (const finalizer of ['plain', 'UPPER/x y', '']) {
      expect((await api.call('POST', path, { metadata: { name: 'x', finalizers: [finalizer] } })).code).toBe(422);
    }
  },

  'dependents go in the background': async (api) => {
    const path = api.core('configmaps');
    const owner = (await api.quiet('POST', path, { metadata: { name: 'owner' } })).body;
    await api.quiet('POST', path, { metadata: { name: 'child', ownerReferences: [reference(owner)] } });
    expect((await api.call('DELETE', `${path}/owner`, { propagationPolicy: 'Background' })).code).toBe(200);
    await api.until(`${path}/child`, ({ code }) => code === 404);
  },

  'in the foreground the owner goes last': async (api) => {
    const path = api.core('configmaps');
    const owner = (await api.quiet('POST', path, { metadata: { name: 'owner' } })).body;
    const ownerReferences = [{ ...reference(owner), blockOwnerDeletion: true }];
    const finalizers = ['example.com/hold'];
    await api.quiet('POST', path, { metadata: { name: 'child', ownerReferences, finalizers } });
    const asked = await api.call('DELETE', `${path}/owner`, { propagationPolicy: 'Foreground' });
    expect(asked.body).toMatchObject({ metadata: { finalizers: ['foregroundDeletion'] } });
    await api.until(`${path}/child`, ({ body }) => textAt(body, 'metadata', 'deletionTimestamp') !== '');
    expect((await api.quiet('GET', `${path}/owner`)).code).toBe(200);
    await api.quiet('PUT', `${path}/child`, { metadata: { name: 'child' } });
    await api.until(`${path}/owner`, ({ code }) => code === 404);
  },

  'orphans stay': async (api) => {
    const path = api.core('configmaps');
    const owner = (await api.quiet('POST', path, { metadata: { name: 'owner' } })).body;
    await api.quiet('POST', path, { metadata: { name: 'child', ownerReferences: [reference(owner)] } });
    await api.call('DELETE', `${path}/owner`, { propagationPolicy: 'Orphan' });
    await api.until(`${path}/owner`, ({ code }) => code === 404);
    const child = await api.quiet('GET', `${path}/child`);
    expect(child.body).not.toMatchObject({ metadata: { ownerReferences: expect.anything() } });
  },

  'an owner that never was': async (api) => {
    const path = api.core('configmaps');
    const ownerReferences = [
      { apiVersion: 'v1', kind: 'ConfigMap', name: 'ghost', uid: '11111111-2222-3333-4444-555555555555' },
    ];
    await api.quiet('POST', path, { metadata: { name: 'child', ownerReferences } });
    await api.until(`${path}/child`, ({ code }) => code === 404);
    for (const broken of [{ name: 'x' }, { apiVersion: 'v1', kind: 'ConfigMap', name: '', uid: '' }]) {
      expect((await api.call('POST', path, { metadata: { name: 'x', ownerReferences: [broken] } })).code).toBe(422);
    }
  },

  'deletion options are checked': async (api) => {
    const path = api.core('configmaps');
    await api.quiet('POST', path, { metadata: { name: 'one' } });
    expect((await api.brief('DELETE', `${path}/one`, { propagationPolicy: 'Sideways' })).code).toBe(422);
    const both = { propagationPolicy: 'Orphan', orphanDependents: true };
    expect((await api.brief('DELETE', `${path}/one`, both)).code).toBe(422);
  },

  'a namespace takes along what is in it': async (api) => {
    const name = `${api.namespace}-inner`;
    const path = `/api/v1/namespaces/${name}`;
    expect((await api.call('POST', '/api/v1/namespaces', { metadata: { name } })).body).toMatchObject({
      spec: { finalizers: ['kubernetes'] },
      status: { phase: 'Active' },
    });
    await api.quiet('POST', `${path}/configmaps`, { metadata: { name: 'held', finalizers: ['example.com/hold'] } });
    expect((await api.call('DELETE', path)).body).toMatchObject({ status: { phase: 'Terminating' } });
    const refused = await api.call('POST', `${path}/configmaps`, { metadata: { name: 'late' } });
    expect(refused.body).toMatchObject({ code: 403, reason: 'Forbidden' });
    await api.quiet('PUT', `${path}/configmaps/held`, { metadata: { name: 'held' } });
    await api.until(path, ({ code }) => code === 404);
  },

  'namespaces that stay': async (api) => {
    for (const name of ['default', 'kube-system', 'kube-public']) {
      expect((await api.call('DELETE', `/api/v1/namespaces/${name}`)).body).toMatchObject({ code: 403 });
    }
  },
});

function reference(owner: unknown) {
  return {
    apiVersion: 'v1',
    kind: 'ConfigMap',
    name: textAt(owner, 'metadata', 'name'),
    uid: textAt(owner, 'metadata', 'uid'),
  };
}
