import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { arrayAt, isObject, objectAt, stringAt, valueAt } from '../json.ts';
import type { TestServer } from '../testing/test-server.ts';
import { applying, MERGE, map, maps, owners, ship, ships, startApplyServer } from './testing/apply-scene.ts';

const JSON_PATCH = { 'content-type': 'application/json-patch+json' };

let server: TestServer;
beforeAll(async () => {
  server = await startApplyServer();
});
afterAll(() => server.stop());

const { apply, applyMap, applyShip } = applying(() => server);

describe('lists and maps', () => {
  it('are owned as the schema says', async () => {
    const spec = {
      crew: 3,
      sails: ['fore', 'main'],
      tags: ['t'],
      free: { a: { b: 1, c: [1] } },
      masts: [{ id: 'a', height: 1 }],
    };
    const made = await applyShip('one', ship('listed', spec));
    expect(owners(made)['one Apply']).toEqual({
      'f:spec': {
        'f:crew': {},
        'f:free': { 'f:a': { '.': {}, 'f:b': {}, 'f:c': {} } },
        'f:masts': { 'k:{"id":"a","kind":"k"}': { '.': {}, 'f:height': {}, 'f:id': {} } },
        'f:sails': { 'v:"fore"': {}, 'v:"main"': {} },
        'f:tags': {},
      },
    });
    const more = await applyShip(
      'two',
      ship('listed', { sails: ['mizzen'], masts: [{ id: 'b' }, { id: 'a', width: 2 }] }),
    );
    expect(valueAt(more.body, 'spec', 'sails')).toEqual(['fore', 'main', 'mizzen']);
    expect(valueAt(more.body, 'spec', 'masts')).toEqual([
      { id: 'b', kind: 'k' },
      { id: 'a', kind: 'k', height: 1, width: 2 },
    ]);
    const clash = await applyShip('two', ship('listed', { tags: ['u'], masts: [{ id: 'a', height: 2 }] }));
    expect(clash.body.message).toBe(
      'Apply failed with 2 conflicts: conflicts with "one":\n- .spec.tags\n- .spec.masts[id="a",kind="k"].height',
    );
    const less = await applyShip('one', ship('listed', { crew: 3 }));
    expect(less.body.spec).toEqual({
      crew: 3,
      port: 'kiel',
      sails: ['mizzen'],
      masts: [
        { id: 'b', kind: 'k' },
        { id: 'a', kind: 'k', width: 2 },
      ],
    });
  });

  it('of pods have the keys of Kubernetes', async () => {
    const containers = [
      { name: 'c', image: 'i', ports: [{ containerPort: 80 }, { containerPort: 80, protocol: 'UDP' }] },
    ];
    const pod = {
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { name: 'p' },
      spec: { containers, nodeSelector: { a: 'b' } },
    };
    const made = await apply('/api/v1/namespaces/default/pods/p', 'one', pod);
    expect(owners(made)['one Apply']).toEqual({
      'f:spec': {
        'f:containers': {
          'k:{"name":"c"}': {
            '.': {},
            'f:image': {},
            'f:name': {},
            'f:ports': {
              'k:{"containerPort":80,"protocol":"TCP"}': { '.': {}, 'f:containerPort': {} },
              'k:{"containerPort":80,"protocol":"UDP"}': { '.': {}, 'f:containerPort': {}, 'f:protocol': {} },
            },
          },
        },
        'f:nodeSelector': {},
      },
    });
  });
});

describe('other writes', () => {
  it('own what they make and change, and nobody owns what they remove (O1)', async () => {
    const agent = { 'user-agent': 'kubectl/v1 (linux)' };
    const made = await server.admin.call('POST', maps, map('written', { a: '1' }, { labels: { l: '1' } }), agent);
    expect(owners(made)).toEqual({
      'kubectl Update': {
        'f:data': { '.': {}, 'f:a': {} },
        'f:metadata': { 'f:labels': { '.': {}, 'f:l': {} } },
      },
    });
    const patched = await server.admin.call(
      'PATCH',
      `${maps}/written?fieldManager=x`,
      { data: { a: '2', b: '1' } },
      MERGE,
    );
    expect(owners(patched)).toEqual({
      'kubectl Update': { 'f:data': {}, 'f:metadata': { 'f:labels': { '.': {}, 'f:l': {} } } },
      'x Update': { 'f:data': { 'f:a': {}, 'f:b': {} } },
    });
    const removed = await server.admin.call('PATCH', `${maps}/written`, [{ op: 'remove', path: '/data' }], JSON_PATCH);
    expect(owners(removed)).toEqual({ 'kubectl Update': { 'f:metadata': { 'f:labels': { '.': {}, 'f:l': {} } } } });
  });

  it('of status and scale are entries of their own', async () => {
    await applyShip('one', ship('scaled', { crew: 1 }));
    await server.admin.call('PATCH', `${ships}/scaled/status?fieldManager=st`, { status: { crew: 1 } }, MERGE);
    await server.admin.call('PATCH', `${ships}/scaled/scale?fieldManager=sc`, { spec: { replicas: 2 } }, MERGE);
    const found = await server.admin.call('GET', `${ships}/scaled`);
    expect(owners(found)).toEqual({
      'sc Update/scale': { 'f:spec': { 'f:crew': {} } },
      'st Update/status': { 'f:status': { '.': {}, 'f:crew': {} } },
    });
    const clash = await applyShip('one', ship('scaled', { crew: 1 }));
    expect(clash.body.message).toBe(
      'Apply failed with 1 conflict: conflict with "sc" with subresource "scale" using lab.example.com/v1: .spec.crew',
    );
    const scale = { apiVersion: 'autoscaling/v1', kind: 'Scale', metadata: { name: 'scaled' }, spec: { replicas: 3 } };
    const scaled = await apply(`${ships}/scaled/scale`, 'auto', scale, '&force=true');
    expect(scaled.body).toMatchObject({ kind: 'Scale', spec: { replicas: 3 } });
    const status = await apply(`${ships}/scaled/status`, 'auto', {
      ...ship('scaled', { crew: 9 }),
      status: { crew: 1 },
    });
    expect(status.body).toMatchObject({ spec: { crew: 3 }, status: { crew: 1 } });
    expect(owners(status)).toEqual({
      'auto Apply/scale': { 'f:spec': { 'f:crew': {} } },
      'auto Apply/status': { 'f:status': { 'f:crew': {} } },
      'st Update/status': { 'f:status': { '.': {}, 'f:crew': {} } },
    });
  });

  it('with managedFields reset, rename or leave them (T1, T2)', async () => {
    const patch = (managedFields: unknown) =>
      server.admin.call('PATCH', `${maps}/sent`, { metadata: { managedFields } }, MERGE);
    const made = await applyMap('one', map('sent', { a: '1' }));
    expect((await patch(null)).body).toEqual(made.body);
    expect((await patch([{ manager: 'one', operation: 'Nonsense' }])).body).toEqual(made.body);
    const [entry] = arrayAt(made.body, 'metadata', 'managedFields').filter(isObject);
    expect(Object.keys(owners(await patch([{ ...entry, manager: 'renamed' }])))).toEqual(['renamed Apply']);
    for (const reset of [[], [{}]]) {
      await applyMap('one', map('sent', { a: '1' }), '&force=true');
      const gone = await patch(reset);
      expect(objectAt(gone.body, 'metadata')).not.toHaveProperty('managedFields');
    }
    const untracked = await server.admin.call('PATCH', `${maps}/sent`, { data: { b: '1' } }, MERGE);
    expect(owners(untracked)).toEqual({});
    expect(owners(await applyMap('one', map('sent', { a: '1' })))).toEqual({
      'one Apply': { 'f:data': { 'f:a': {} } },
      'before-first-apply Update': { 'f:data': { '.': {}, 'f:a': {}, 'f:b': {} } },
    });
  });

  it('by more than ten managers are joined, oldest first', async () => {
    await applyMap('one', map('crowded', {}));
    for (let i = 0; i < 12; i++) {
      await server.admin.call('PATCH', `${maps}/crowded?fieldManager=u${i}`, { data: { [`k${i}`]: '1' } }, MERGE);
    }
    const found = owners(await server.admin.call('GET', `${maps}/crowded`));
    const updaters = Object.keys(found).filter((name) => name.endsWith('Update'));
    expect(updaters).toHaveLength(10);
    expect(updaters).toContain('ancient-changes Update');
    expect(Object.keys(JSON.parse(JSON.stringify(found['ancient-changes Update'])) as object)).toEqual(['f:data']);
  });

  it('of the server itself leave no owners of finalizers that are gone', async () => {
    const owner = await server.admin.call('POST', maps, map('owner', {}));
    const ownerReferences = [
      { apiVersion: 'v1', kind: 'ConfigMap', name: 'owner', uid: stringAt(owner.body, 'metadata', 'uid') },
    ];
    await applyMap('one', map('owned', { a: '1' }, { ownerReferences }));
    await server.admin.call('DELETE', `${maps}/owner?propagationPolicy=Orphan`);
    await expect
      .poll(async () => (await server.admin.call('GET', `${maps}/owner`)).code, { timeout: 30_000 })
      .toBe(404);
    expect(owners(await server.admin.call('GET', `${maps}/owned`))).toEqual({
      'one Apply': { 'f:data': { 'f:a': {} } },
    });
  });
});
