import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { arrayAt, type JsonObject, objectAt, stringAt, valueAt } from './json.ts';
import { startTestServer, type TestServer } from './testing/test-server.ts';

let server: TestServer;
beforeAll(async () => {
  server = await startTestServer();
});
afterAll(async () => {
  await server.stop();
});

const configMaps = '/api/v1/namespaces/default/configmaps';
const configMap = (name: string, data: object = {}): object => ({ metadata: { name }, data });
const merge = { 'content-type': 'application/merge-patch+json' };
const strategic = { 'content-type': 'application/strategic-merge-patch+json' };
const jsonPatch = { 'content-type': 'application/json-patch+json' };

describe('objects', () => {
  it('are created with uid, version and time, and read back', async () => {
    const { admin } = server;
    const made = await admin.call('POST', configMaps, configMap('first', { a: '1' }));
    expect(made.code).toBe(201);
    expect(made.body).toMatchObject({
      kind: 'ConfigMap',
      apiVersion: 'v1',
      metadata: { name: 'first', namespace: 'default' },
    });
    expect(stringAt(made.body, 'metadata', 'uid')).toMatch(/^[0-9a-f-]{36}$/);
    expect((await admin.call('GET', `${configMaps}/first`)).body).toEqual(made.body);
    const listed = await admin.call('GET', configMaps);
    expect(arrayAt(listed.body, 'items').map((item) => valueAt(item, 'metadata', 'name'))).toContain('first');
    expect(listed.body.kind).toBe('ConfigMapList');
  });

  it('are created once', async () => {
    const { admin } = server;
    await admin.call('POST', configMaps, configMap('once'));
    const again = await admin.call('POST', configMaps, configMap('once'));
    expect(again.code).toBe(409);
    expect(again.body).toMatchObject({
      kind: 'Status',
      status: 'Failure',
      reason: 'AlreadyExists',
      message: 'configmaps "once" already exists',
      details: { name: 'once', kind: 'configmaps' },
      code: 409,
    });
  });

  it('get a name from generateName', async () => {
    const made = await server.admin.call('POST', configMaps, { metadata: { generateName: 'made-' } });
    expect(stringAt(made.body, 'metadata', 'name')).toMatch(/^made-[a-z0-9]{5}$/);
  });

  it('are not found with the words of Kubernetes', async () => {
    const missing = await server.admin.call('GET', `${configMaps}/nothing`);
    expect(missing.code).toBe(404);
    expect(missing.body).toMatchObject({ reason: 'NotFound', message: 'configmaps "nothing" not found' });
    expect((await server.admin.call('GET', '/api/v1/nonsense')).body.message).toBe(
      'the server could not find the requested resource',
    );
  });

  it('are replaced only from their newest version', async () => {
    const { admin } = server;
    const made = (await admin.call('POST', configMaps, configMap('raced', { a: '1' }))).body;
    const second = await admin.call('PUT', `${configMaps}/raced`, { ...made, data: { a: '2' } });
    expect(second.code).toBe(200);
    const stale = await admin.call('PUT', `${configMaps}/raced`, { ...made, data: { a: '3' } });
    expect(stale.code).toBe(409);
    expect(stale.body.message).toBe(
      'Operation cannot be fulfilled on configmaps "raced": the object has been modified; please apply your changes to the latest version and try again',
    );
  });

  it('keep their version when nothing changes (U4)', async () => {
    const { admin } = server;
    const made = (await admin.call('POST', configMaps, configMap('same', { a: '1' }))).body;
    const again = await admin.call('PUT', `${configMaps}/same`, made);
    expect(valueAt(again.body, 'metadata', 'resourceVersion')).toBe(valueAt(made, 'metadata', 'resourceVersion'));
  });

  it('are not stored by a dry run', async () => {
    const { admin } = server;
    expect((await admin.call('POST', `${configMaps}?dryRun=All`, configMap('dry'))).code).toBe(201);
    expect((await admin.call('GET', `${configMaps}/dry`)).code).toBe(404);
    await admin.call('POST', configMaps, configMap('wet', { a: '1' }));
    const patched = await admin.call('PATCH', `${configMaps}/wet?dryRun=All`, { data: { a: '2' } }, merge);
    expect(objectAt(patched.body, 'data')).toEqual({ a: '2' });
    expect((await admin.call('DELETE', `${configMaps}/wet?dryRun=All`)).code).toBe(200);
    expect(objectAt((await admin.call('GET', `${configMaps}/wet`)).body, 'data')).toEqual({ a: '1' });
  });

  it('are deleted, alone and by selector', async () => {
    const { admin } = server;
    for (const name of ['del-a', 'del-b', 'del-c']) {
      await admin.call('POST', configMaps, { metadata: { name, labels: { del: name === 'del-c' ? 'no' : 'yes' } } });
    }
    const gone = await admin.call('DELETE', `${configMaps}/del-a`);
    expect(gone.body).toMatchObject({ status: 'Success', details: { name: 'del-a', kind: 'configmaps' } });
    await admin.call('DELETE', `${configMaps}?labelSelector=del%3Dyes`);
    const left = await admin.call('GET', `${configMaps}?labelSelector=del`);
    expect(arrayAt(left.body, 'items').map((i) => valueAt(i, 'metadata', 'name'))).toEqual(['del-c']);
  });

  it('need a namespace that exists', async () => {
    const answer = await server.admin.call('POST', '/api/v1/namespaces/nowhere/configmaps', configMap('x'));
    expect(answer.body).toMatchObject({ code: 404, message: 'namespaces "nowhere" not found' });
  });
});

describe('patches', () => {
  it('come in three kinds', async () => {
    const { admin } = server;
    await admin.call('POST', configMaps, configMap('patched', { a: '1', b: '2' }));
    const path = `${configMaps}/patched`;
    await admin.call('PATCH', path, { data: { a: null, c: '3' } }, merge);
    await admin.call('PATCH', path, [{ op: 'replace', path: '/data/b', value: 'two' }], jsonPatch);
    const last = await admin.call('PATCH', path, { metadata: { labels: { x: 'y' } } }, strategic);
    expect(last.body).toMatchObject({ data: { b: 'two', c: '3' }, metadata: { labels: { x: 'y' } } });
    expect(objectAt(last.body, 'data')).not.toHaveProperty('a');
  });

  it('with a stale version conflict', async () => {
    const { admin } = server;
    await admin.call('POST', configMaps, configMap('patch-raced'));
    const answer = await admin.call(
      'PATCH',
      `${configMaps}/patch-raced`,
      { metadata: { resourceVersion: '1' }, data: {} },
      merge,
    );
    expect(answer.body.reason).toBe('Conflict');
  });

  it('of unknown kinds answer 415', async () => {
    const { admin } = server;
    const cbor = { 'content-type': 'application/apply-patch+cbor' };
    const answer = await admin.call('PATCH', `${configMaps}/patched?fieldManager=x`, {}, cbor);
    expect(answer.code).toBe(415);
  });
});

describe('custom resources', () => {
  const crd = (extra: JsonObject = {}): object => ({
    metadata: { name: 'widgets.test.example.com' },
    spec: {
      group: 'test.example.com',
      scope: 'Namespaced',
      names: { plural: 'widgets', kind: 'Widget', shortNames: ['wd'] },
      versions: [
        {
          name: 'v1',
          served: true,
          storage: true,
          subresources: { status: {}, scale: { specReplicasPath: '.spec.size', statusReplicasPath: '.status.size' } },
          additionalPrinterColumns: [{ name: 'Size', type: 'integer', jsonPath: '.spec.size' }],
          schema: {
            openAPIV3Schema: {
              type: 'object',
              properties: {
                spec: {
                  type: 'object',
                  required: ['size'],
                  'x-kubernetes-validations': [
                    { rule: '!has(oldSelf.colour) || self.colour == oldSelf.colour', message: 'colour is immutable' },
                    { rule: 'self.size != 13', message: 'unlucky' },
                  ],
                  properties: {
                    size: { type: 'integer', minimum: 1 },
                    colour: { type: 'string', enum: ['red', 'blue'] },
                    mode: { type: 'string', default: 'auto' },
                    free: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true },
                  },
                },
                status: { type: 'object', properties: { size: { type: 'integer' } } },
              },
            },
          },
          ...extra,
        },
      ],
    },
  });
  const crds = '/apis/apiextensions.k8s.io/v1/customresourcedefinitions';
  const widgets = '/apis/test.example.com/v1/namespaces/default/widgets';
  const widget = (name: string, spec: object, rest: object = {}): object => ({
    apiVersion: 'test.example.com/v1',
    kind: 'Widget',
    metadata: { name },
    spec,
    ...rest,
  });

  beforeAll(async () => {
    const made = await server.admin.call('POST', crds, crd());
    expect(made.code, made.text).toBe(201);
  });

  it('are served at once, and the definition says so', async () => {
    const found = await server.admin.call('GET', `${crds}/widgets.test.example.com`);
    expect(arrayAt(found.body, 'status', 'conditions')).toMatchObject([
      { type: 'NamesAccepted', status: 'True' },
      { type: 'Established', status: 'True' },
    ]);
    expect((await server.admin.call('GET', widgets)).code).toBe(200);
  });

  it('get defaults, lose unknown fields and status, keep what is free', async () => {
    const made = await server.admin.call(
      'POST',
      widgets,
      widget('one', { size: 2, bogus: 1, free: { any: [1] } }, { status: { size: 9 } }),
    );
    expect(made.body.spec).toEqual({ size: 2, mode: 'auto', free: { any: [1] } });
    expect(made.body.status).toBeUndefined();
    expect(made.headers.warning).toContain('unknown field');
  });

  it('refuse unknown and duplicate fields under Strict', async () => {
    const answer = await server.admin.call(
      'POST',
      `${widgets}?fieldValidation=Strict`,
      widget('strict', { size: 2, bogus: 1 }),
    );
    expect(answer.body).toMatchObject({
      code: 400,
      message:
        'Widget in version "v1" cannot be handled as a Widget: strict decoding error: unknown field "spec.bogus"',
    });
    const twice = '{"metadata":{"name":"twice"},"spec":{"size":1,"size":2}}';
    const second = await server.admin.call('POST', `${widgets}?fieldValidation=Strict`, twice);
    expect(second.body.message).toContain('duplicate field "spec.size"');
  });

  it('are validated in the words of Kubernetes', async () => {
    const refused = async (spec: object): Promise<unknown> =>
      (await server.admin.call('POST', widgets, widget('bad', spec))).body.message;
    const start = 'Widget.test.example.com "bad" is invalid: ';
    const blocked = (problem: string): string =>
      `${start}[${problem}, <nil>: Invalid value: null: some validation rules were not checked because the object was invalid; correct the existing errors to complete validation]`;
    expect(await refused({ size: 0 })).toBe(
      `${start}spec.size: Invalid value: 0: spec.size in body should be greater than or equal to 1`,
    );
    expect(await refused({})).toBe(blocked('spec.size: Required value'));
    expect(await refused({ size: 'x' })).toBe(
      blocked(
        'spec.size: Invalid value: "string": spec.size in body must be of type integer: "string", .spec.size: Invalid value: 0: .spec.size accessor error: x is of the type string, expected int64',
      ),
    );
    expect(await refused({ size: 1, colour: 'green' })).toBe(
      blocked('spec.colour: Unsupported value: "green": supported values: "red", "blue"'),
    );
    expect(await refused({ size: 0, colour: 'green' })).toContain('[spec.size: Invalid value: 0');
    expect(await refused({ size: 13 })).toBe(`${start}spec: Invalid value: "object": unlucky`);
  });

  it('judge transitions by the state before', async () => {
    await server.admin.call('POST', widgets, widget('moved', { size: 1, colour: 'red' }));
    const refused = await server.admin.call('PATCH', `${widgets}/moved`, { spec: { colour: 'blue' } }, merge);
    expect(refused.body).toMatchObject({
      code: 422,
      reason: 'Invalid',
      details: { causes: [{ reason: 'FieldValueInvalid', field: 'spec' }] },
    });
    expect(refused.body.message).toContain('colour is immutable');
  });

  it('keep status and spec apart and count generations', async () => {
    const { admin } = server;
    await admin.call('POST', widgets, widget('apart', { size: 1 }));
    const main = await admin.call('PATCH', `${widgets}/apart`, { spec: { size: 2 }, status: { size: 7 } }, merge);
    expect(main.body).toMatchObject({ spec: { size: 2 }, metadata: { generation: 2 } });
    expect(main.body.status).toBeUndefined();
    const status = await admin.call(
      'PATCH',
      `${widgets}/apart/status`,
      { spec: { size: 3 }, status: { size: 7 } },
      merge,
    );
    expect(status.body).toMatchObject({ spec: { size: 2 }, status: { size: 7 }, metadata: { generation: 2 } });
    const label = await admin.call('PATCH', `${widgets}/apart`, { metadata: { labels: { a: 'b' } } }, merge);
    expect(valueAt(label.body, 'metadata', 'generation')).toBe(2);
  });

  it('refuse strategic patches and blind replacements', async () => {
    expect((await server.admin.call('PATCH', `${widgets}/one`, {}, strategic)).code).toBe(415);
    const blind = await server.admin.call('PUT', `${widgets}/one`, widget('one', { size: 5 }));
    expect(blind.body.message).toContain('metadata.resourceVersion: Invalid value: 0: must be specified for an update');
  });

  it('wait for their finalizers', async () => {
    const { admin } = server;
    const held = {
      ...(widget('held', { size: 1 }) as JsonObject),
      metadata: { name: 'held', finalizers: ['test.example.com/hold'] },
    };
    await admin.call('POST', widgets, held);
    const marked = await admin.call('DELETE', `${widgets}/held`);
    expect(stringAt(marked.body, 'metadata', 'deletionTimestamp')).toBeDefined();
    const added = await admin.call(
      'PATCH',
      `${widgets}/held`,
      { metadata: { finalizers: ['test.example.com/hold', 'x.example.com/y'] } },
      merge,
    );
    expect(added.body.message).toContain('no new finalizers can be added if the object is being deleted');
    await admin.call('PATCH', `${widgets}/held`, { metadata: { finalizers: null } }, merge);
    expect((await admin.call('GET', `${widgets}/held`)).code).toBe(404);
  });
});

describe('identity', () => {
  it('is the certificate; without one nobody is served (K1)', async () => {
    const anonymous = server.client();
    const answer = await anonymous.call('GET', '/version');
    expect(answer.body).toMatchObject({ kind: 'Status', code: 401, reason: 'Unauthorized' });
    const stranger = await startTestServer();
    try {
      const foreign = server.client(await stranger.issue('polarstack-admin', ['system:masters']));
      expect((await foreign.call('GET', configMaps)).code).toBe(401);
    } finally {
      await stranger.stop();
    }
  });

  it('of others than administrators and components gives what roles give', async () => {
    const user = server.client(await server.issue('eve', ['guests']));
    const refused = await user.call('GET', configMaps);
    expect(refused.body).toMatchObject({
      code: 403,
      reason: 'Forbidden',
      message:
        'configmaps is forbidden: User "eve" cannot list resource "configmaps" in API group "" in the namespace "default"',
    });
    expect((await user.call('GET', '/version')).code).toBe(200);
    const rbac = '/apis/rbac.authorization.k8s.io/v1';
    const bound = await server.admin.call('POST', `${rbac}/clusterrolebindings`, {
      metadata: { name: 'guests-view' },
      roleRef: { kind: 'ClusterRole', name: 'view' },
      subjects: [{ kind: 'Group', name: 'guests' }],
    });
    expect(bound.code, bound.text).toBe(201);
    expect((await user.call('GET', configMaps)).code).toBe(200);
    expect((await user.call('POST', configMaps, configMap('eves'))).code).toBe(403);
    const component = server.client(await server.issue('polarstack-operator', ['polarstack:components']));
    expect((await component.call('POST', configMaps, configMap('components'))).code).toBe(201);
  });

  it("of the proxy opens services alone, also where an old one names the components' group", async () => {
    for (const groups of [['polarstack:proxy'], ['polarstack:components']]) {
      const proxy = server.client(await server.issue('polarstack-proxy', groups));
      for (const path of [
        '/api/v1/secrets',
        configMaps,
        '/api/v1/nodes',
        '/apis/mpd.polardb.aliyun.com/v1/mpdclusters',
      ]) {
        expect((await proxy.call('GET', path)).code, `${groups[0]} ${path}`).toBe(403);
      }
      const services = groups[0] === 'polarstack:proxy' ? 200 : 403;
      expect((await proxy.call('GET', '/api/v1/services')).code).toBe(services);
      expect((await proxy.call('GET', '/apis/discovery.k8s.io/v1/endpointslices')).code).toBe(services);
      expect((await proxy.call('POST', '/api/v1/namespaces/default/services', {})).code).toBe(403);
    }
  });
});
