import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { arrayAt, isObject, type JsonObject, objectAt, stringAt, valueAt } from '../json.ts';
import { type Answer, startTestServer, type TestServer } from '../testing/test-server.ts';

const APPLY = { 'content-type': 'application/apply-patch+yaml' };
const MERGE = { 'content-type': 'application/merge-patch+json' };
const JSON_PATCH = { 'content-type': 'application/json-patch+json' };
const maps = '/api/v1/namespaces/default/configmaps';
const ships = '/apis/lab.example.com/v1/namespaces/default/ships';

/** A custom resource with one field of each shape. */
const crd = {
  metadata: { name: 'ships.lab.example.com' },
  spec: {
    group: 'lab.example.com',
    scope: 'Namespaced',
    names: { plural: 'ships', kind: 'Ship' },
    versions: [
      {
        name: 'v1',
        served: true,
        storage: true,
        subresources: { status: {}, scale: { specReplicasPath: '.spec.crew', statusReplicasPath: '.status.crew' } },
        schema: {
          openAPIV3Schema: {
            type: 'object',
            properties: {
              spec: {
                type: 'object',
                properties: {
                  crew: { type: 'integer' },
                  port: { type: 'string', default: 'kiel' },
                  sails: { type: 'array', items: { type: 'string' }, 'x-kubernetes-list-type': 'set' },
                  tags: { type: 'array', items: { type: 'string' } },
                  free: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true },
                  masts: {
                    type: 'array',
                    'x-kubernetes-list-type': 'map',
                    'x-kubernetes-list-map-keys': ['id', 'kind'],
                    items: {
                      type: 'object',
                      required: ['id'],
                      properties: {
                        id: { type: 'string' },
                        kind: { type: 'string', default: 'k' },
                        height: { type: 'integer' },
                        width: { type: 'integer' },
                      },
                    },
                  },
                },
              },
              status: { type: 'object', properties: { crew: { type: 'integer' } } },
            },
          },
        },
      },
    ],
  },
};

let server: TestServer;
beforeAll(async () => {
  server = await startTestServer();
  await server.admin.call('POST', '/apis/apiextensions.k8s.io/v1/customresourcedefinitions', crd);
  await vi.waitFor(async () => expect((await server.admin.call('GET', ships)).code).toBe(200), 30_000);
});
afterAll(() => server.stop());

const map = (name: string, data: unknown, metadata: JsonObject = {}): JsonObject => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { name, ...metadata },
  data,
});
const ship = (name: string, spec: unknown): JsonObject => ({
  apiVersion: 'lab.example.com/v1',
  kind: 'Ship',
  metadata: { name },
  spec,
});

const apply = (path: string, manager: string, config: unknown, more = ''): Promise<Answer> =>
  server.admin.call('PATCH', `${path}?fieldManager=${manager}${more}`, config, APPLY);
const applyMap = (manager: string, config: JsonObject, more = ''): Promise<Answer> =>
  apply(`${maps}/${stringAt(config, 'metadata', 'name')}`, manager, config, more);
const applyShip = (manager: string, config: JsonObject, more = ''): Promise<Answer> =>
  apply(`${ships}/${stringAt(config, 'metadata', 'name')}`, manager, config, more);

/** `manager operation[/subresource]` to what it owns. */
function owners(answer: Answer): JsonObject {
  const entries = arrayAt(answer.body, 'metadata', 'managedFields').filter(isObject);
  return Object.fromEntries(
    entries.map(({ manager, operation, subresource, fieldsV1 }) => [
      `${String(manager)} ${String(operation)}${typeof subresource === 'string' ? `/${subresource}` : ''}`,
      fieldsV1,
    ]),
  );
}
const version = (answer: Answer): unknown => valueAt(answer.body, 'metadata', 'resourceVersion');

describe('apply', () => {
  it('makes an object, and the same again changes nothing', async () => {
    const made = await applyMap('one', map('made', { a: '1' }, { labels: { l: '1' } }));
    expect(made.code).toBe(201);
    expect(owners(made)).toEqual({
      'one Apply': { 'f:data': { 'f:a': {} }, 'f:metadata': { 'f:labels': { 'f:l': {} } } },
    });
    const again = await applyMap('one', map('made', { a: '1' }, { labels: { l: '1' } }));
    expect(again.code).toBe(200);
    expect(again.body).toEqual(made.body);
  });

  it('keeps versions and times when nothing changes, whatever the clock says (O5)', async () => {
    let now = new Date('2026-01-01T00:00:00Z');
    const clock = { now: () => now, monotonic: () => 0, sleep: () => Promise.resolve() };
    const late = await startTestServer({ server: { clock } });
    try {
      const write = (config: JsonObject) => late.admin.call('PATCH', `${maps}/m?fieldManager=one`, config, APPLY);
      const made = await write(map('m', { a: '1' }));
      now = new Date('2026-01-02T00:00:00Z');
      expect((await write(map('m', { a: '1' }))).body).toEqual(made.body);
      const put = { ...made.body, metadata: { ...objectAt(made.body, 'metadata'), managedFields: undefined } };
      expect((await late.admin.call('PUT', `${maps}/m`, put)).body).toEqual(made.body);
      const changed = await write(map('m', { a: '2' }));
      expect(valueAt(arrayAt(changed.body, 'metadata', 'managedFields')[0], 'time')).toBe('2026-01-02T00:00:00Z');
    } finally {
      await late.stop();
    }
  });

  it('shares fields of equal value, and refuses to change those of others (O3)', async () => {
    await applyMap('one', map('shared', { a: '1', b: '1' }));
    const shared = await applyMap('two', map('shared', { a: '1', c: '1' }));
    expect(owners(shared)).toEqual({
      'one Apply': { 'f:data': { 'f:a': {}, 'f:b': {} } },
      'two Apply': { 'f:data': { 'f:a': {}, 'f:c': {} } },
    });
    const one = await applyMap('two', map('shared', { a: '2' }));
    expect(one.body).toMatchObject({
      code: 409,
      reason: 'Conflict',
      message: 'Apply failed with 1 conflict: conflict with "one": .data.a',
      details: { causes: [{ reason: 'FieldManagerConflict', message: 'conflict with "one"', field: '.data.a' }] },
    });
    await server.admin.call('PATCH', `${maps}/shared?fieldManager=three`, { data: { d: '1' } }, MERGE);
    const many = await applyMap('two', map('shared', { a: '2', b: '2', d: '2' }));
    expect(many.body.message).toBe(
      'Apply failed with 3 conflicts: conflicts with "one":\n- .data.a\n- .data.b\nconflicts with "three" using v1:\n- .data.d',
    );
    const forced = await applyMap('two', map('shared', { a: '2' }), '&force=true');
    expect(forced.body.data).toEqual({ a: '2', b: '1', d: '1' });
    expect(owners(forced)).toEqual({
      'one Apply': { 'f:data': { 'f:b': {} } },
      'two Apply': { 'f:data': { 'f:a': {} } },
      'three Update': { 'f:data': { 'f:d': {} } },
    });
  });

  it('takes away what its manager applies no more and nobody else owns (O4)', async () => {
    await applyMap('one', map('pruned', { a: '1', b: '1' }, { finalizers: ['x/y'], labels: { l: '1' } }));
    await applyMap('two', map('pruned', { a: '1' }));
    const less = await applyMap('one', map('pruned', {}));
    expect(less.body.data).toEqual({ a: '1' });
    expect(objectAt(less.body, 'metadata')).not.toHaveProperty('finalizers');
    expect(objectAt(less.body, 'metadata')).not.toHaveProperty('labels');
    const none = await applyMap('two', map('pruned', {}));
    expect(objectAt(none.body, 'data') ?? {}).toEqual({});
  });

  it('with dryRun writes nothing', async () => {
    expect((await applyMap('one', map('dry', { a: '1' }), '&dryRun=All')).code).toBe(201);
    expect((await server.admin.call('GET', `${maps}/dry`)).code).toBe(404);
    const made = await applyMap('one', map('dry', { a: '1' }));
    const tried = await applyMap('one', map('dry', { a: '2' }), '&dryRun=All');
    expect(tried.body.data).toEqual({ a: '2' });
    expect((await server.admin.call('GET', `${maps}/dry`)).body).toEqual(made.body);
  });

  it('of many managers at once loses nobody’s fields', async () => {
    const names = Array.from({ length: 12 }, (_, i) => `m${i}`);
    const answers = await Promise.all(names.map((name) => applyMap(name, map('raced', { [name]: '1' }))));
    expect(answers.map(({ code }) => code).sort((a, b) => a - b)).toEqual([...names.slice(1).map(() => 200), 201]);
    const found = await server.admin.call('GET', `${maps}/raced`);
    expect(Object.keys(objectAt(found.body, 'data') ?? {}).sort()).toEqual([...names].sort());
    expect(Object.keys(owners(found))).toHaveLength(12);
  });
});

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

describe('requests', () => {
  const path = `${maps}/refused`;
  const refused = async (url: string, body: unknown, headers: Readonly<Record<string, string>> = APPLY) => {
    const { code, body: status } = await server.admin.call('PATCH', url, body, headers);
    return `${code} ${String(status.message)}`;
  };

  it('that say too little or too much are refused in the words of Kubernetes', async () => {
    const options = 'PatchOptions.meta.k8s.io "" is invalid:';
    const config = map('refused', {});
    expect(await refused(path, config)).toBe(
      `422 ${options} fieldManager: Required value: is required for apply patch`,
    );
    expect(await refused(`${path}?force=true`, {}, MERGE)).toBe(
      `422 ${options} force: Forbidden: may not be specified for non-apply patch`,
    );
    expect(await refused(`${path}?fieldManager=${'x'.repeat(129)}`, config)).toBe(
      `422 ${options} fieldManager: Too long: may not be more than 128 bytes`,
    );
    const by = `${path}?fieldManager=one`;
    expect(await refused(by, { metadata: {} })).toBe('400 invalid object type: /, Kind=');
    expect(await refused(by, { ...config, kind: 'Secret' })).toBe('400 invalid object type: /v1, Kind=Secret');
    expect(await refused(by, map('refused', {}, { managedFields: [{}] }))).toBe(
      '400 metadata.managedFields must be nil',
    );
    expect(await refused(by, { ...config, bogus: 1 })).toBe(
      '500 failed to create typed patch object (/refused; /v1, Kind=ConfigMap): .bogus: field not declared in schema',
    );
    const twice = { masts: [{ id: 'a' }, { id: 'a', kind: 'k' }], crew: 'x' };
    expect(await refused(`${ships}/refused?fieldManager=one`, ship('refused', twice))).toBe(
      '500 failed to create typed patch object (/refused; lab.example.com/v1, Kind=Ship): errors:\n  .spec.masts: duplicate entries for key [id="a",kind="k"]\n  .spec.crew: expected numeric (int or float), got string',
    );
    await applyMap('one', map('refused', {}));
    expect(await refused(by, map('other', {}))).toBe(
      '400 the name of the object (other) does not match the name on the URL (refused)',
    );
    expect(await refused(by, map('refused', {}, { resourceVersion: '1' }))).toMatch(
      /^409 Operation cannot be fulfilled/,
    );
    expect(await refused(`${ships}/none/status?fieldManager=one`, ship('none', {}))).toBe(
      '404 ships.lab.example.com "none" not found',
    );
  });

  it('may be YAML', async () => {
    const text =
      '# a comment\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: yaml}\ndata:\n  when: 2026-01-01\n  "on": "yes"\n';
    const made = await apply(`${maps}/yaml`, 'one', text);
    expect(made.body.data).toEqual({ when: '2026-01-01', on: 'yes' });
    const by = `${maps}/yaml?fieldManager=one`;
    expect(await refused(by, '[')).toMatch(/^400 error decoding YAML: /);
    expect(await refused(by, '- 1')).toMatch(/^400 error decoding YAML: .* cannot unmarshal array/);
    const doubled = 'apiVersion: v1\nkind: ConfigMap\nmetadata: {name: yaml}\ndata:\n  a: "1"\n  a: "2"\n';
    expect(await refused(`${by}&fieldValidation=Strict`, doubled)).toContain('key "a" already set in map');
    expect((await apply(`${maps}/yaml`, 'one', doubled)).body.data).toEqual({ a: '2' });
  });

  it('that are fuzzed never fail but with a Status', async () => {
    const bodies = [
      '{',
      '{"apiVersion":"v1","kind":"ConfigMap","metadata":7}',
      'null',
      '"x"',
      '&a [*a]',
      '__proto__: 1',
    ];
    const configs = [map('f', 1), map('f', [1]), map('f', { a: {} }), map('f', {}, { labels: [1] as never })];
    for (const body of [...bodies, ...configs]) {
      const answer = await apply(`${maps}/f`, 'one', body);
      expect(answer.body.kind).toBe('Status');
      expect([400, 422, 500]).toContain(answer.code);
      expect(String(answer.body.message)).not.toContain('Internal error');
    }
    expect(version(await applyMap('one', map('f', {})))).toBeDefined();
  });
});
