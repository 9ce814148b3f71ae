import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { arrayAt, type JsonObject, objectAt, valueAt } from '../json.ts';
import { type Answer, startTestServer, type TestServer } from '../testing/test-server.ts';
import { APPLY, applying, MERGE, map, maps, owners, ship, ships, startApplyServer } from './testing/apply-scene.ts';

let server: TestServer;
beforeAll(async () => {
  server = await startApplyServer();
});
afterAll(() => server.stop());

const { apply, applyMap } = applying(() => server);
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

  it('gives no time to who applies what is there, and leaves the time of who applies less of it (O5)', async () => {
    let now = new Date('2026-01-01T00:00:00Z');
    const clock = { now: () => now, monotonic: () => 0, sleep: () => Promise.resolve() };
    const late = await startTestServer({ server: { clock } });
    const times = (answer: Answer): unknown =>
      Object.fromEntries(
        arrayAt(answer.body, 'metadata', 'managedFields').map((e) => [valueAt(e, 'manager'), valueAt(e, 'time')]),
      );
    try {
      const write = (name: string, data: JsonObject) =>
        late.admin.call('PATCH', `${maps}/m?fieldManager=${name}`, map('m', data), APPLY);
      await write('one', { a: '1', b: '1' });
      now = new Date('2026-01-02T00:00:00Z');
      expect(times(await write('two', { a: '1', b: '1' }))).toEqual({ one: '2026-01-01T00:00:00Z', two: undefined });
      expect(times(await write('one', { a: '1' }))).toEqual({ one: '2026-01-01T00:00:00Z', two: undefined });
      const grown = await write('two', { a: '1', b: '1', c: '1' });
      expect(times(grown)).toEqual({ one: '2026-01-01T00:00:00Z', two: '2026-01-02T00:00:00Z' });
    } finally {
      await late.stop();
    }
  });

  it('knows what is special about the owners of workloads', async () => {
    const apps = '/apis/apps/v1/namespaces/default';
    const labels = { app: 'web' };
    const template = { metadata: { labels }, spec: { containers: [{ name: 'main', image: 'x' }] } };
    const spec = { selector: { matchLabels: labels }, template };
    const first = (answer: Answer): unknown => arrayAt(answer.body, 'metadata', 'managedFields')[0];

    const daemons = await server.admin.call('POST', `${apps}/daemonsets`, { metadata: { name: 'owned' }, spec });
    expect(valueAt(first(daemons), 'fieldsV1', 'f:metadata')).toEqual({
      'f:annotations': { '.': {}, 'f:deprecated.daemonset.template.generation': {} },
    });
    expect(valueAt(daemons.body, 'metadata', 'annotations')).toEqual({
      'deprecated.daemonset.template.generation': '1',
    });

    const revision = { metadata: { name: 'owned' }, revision: 1, data: { a: { b: 1 } } };
    const made = await server.admin.call('POST', `${apps}/controllerrevisions`, revision);
    expect(valueAt(first(made), 'fieldsV1', 'f:data')).toEqual({});

    await server.admin.call('POST', `${apps}/deployments`, { metadata: { name: 'owned' }, spec });
    await server.admin.call('PATCH', `${apps}/deployments/owned/scale`, { spec: { replicas: 4 } }, MERGE);
    const scaler = first(await server.admin.call('GET', `${apps}/deployments/owned`));
    expect(scaler).toMatchObject({ subresource: 'scale', fieldsV1: { 'f:spec': { 'f:replicas': {} } } });
    expect(scaler).not.toHaveProperty('time');
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
