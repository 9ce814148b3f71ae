import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { arrayAt, type JsonObject, stringAt, valueAt } from '../json.ts';
import { startTestServer, type TestServer } from '../testing/test-server.ts';
import { labelSelector } from './label-selector.ts';
import { fieldSelector } from './selectors.ts';

let server: TestServer;
beforeAll(async () => {
  server = await startTestServer();
});
afterAll(async () => {
  await server.stop();
});

const merge = { 'content-type': 'application/merge-patch+json' };
const namesOf = (body: JsonObject): readonly unknown[] =>
  arrayAt(body, 'items').map((item) => valueAt(item, 'metadata', 'name'));

describe('label selectors', () => {
  const holds = (text: string, labels: object): boolean | undefined => labelSelector(text)?.({ metadata: { labels } });

  it('compare, look into sets and for existence', () => {
    expect(holds('a=1,b!=2', { a: '1' })).toBe(true);
    expect(holds('a==1', { a: '2' })).toBe(false);
    expect(holds('a in (1, 2),b notin (3)', { a: '2' })).toBe(true);
    expect(holds('a in (1)', {})).toBe(false);
    expect(holds('a notin (1)', {})).toBe(true);
    expect(holds('a,!b', { a: '' })).toBe(true);
    expect(holds('example.com/a', { 'example.com/a': 'x' })).toBe(true);
    expect(holds('n>5', { n: '6' })).toBe(true);
    expect(holds('n<5', {})).toBe(false);
    expect(labelSelector('')).toBeUndefined();
    expect(holds('constructor', {})).toBe(false);
  });

  it('that are none are refused', () => {
    for (const text of ['a in 1', 'a b', '=x', 'a=b=c', 'a in (x', '!'])
      expect(() => labelSelector(text), text).toThrow(/found '.*expected/);
  });
});

describe('field selectors', () => {
  it('know the fields of their kind and refuse others', async () => {
    const pods = '/api/v1/namespaces/default/pods';
    for (const [name, nodeName] of [
      ['here', 'node-1'],
      ['there', 'node-2'],
    ]) {
      await server.admin.call('POST', pods, {
        metadata: { name },
        spec: { nodeName, containers: [{ name: 'c', image: 'host' }] },
      });
    }
    expect(namesOf((await server.admin.call('GET', `${pods}?fieldSelector=spec.nodeName%3Dnode-1`)).body)).toEqual([
      'here',
    ]);
    expect(
      namesOf(
        (await server.admin.call('GET', `${pods}?fieldSelector=metadata.name!%3Dhere,status.phase%3DPending`)).body,
      ),
    ).toEqual(['there']);
    const refused = await server.admin.call('GET', `${pods}?fieldSelector=spec.bogus%3Dx`);
    expect(refused.body).toMatchObject({ code: 400, message: 'field label not supported: spec.bogus' });
    expect(fieldSelector('spec.unschedulable=false', ['spec.unschedulable'])?.({ spec: {} })).toBe(true);
    expect(fieldSelector('source=x', ['source'])?.({ source: { component: 'x' } })).toBe(true);
  });
});

describe('built-in kinds', () => {
  it('Services get an address, keep it and give it back', async () => {
    const services = '/api/v1/namespaces/default/services';
    const service = (name: string, spec: object = {}): object => ({
      metadata: { name },
      spec: { ports: [{ port: 5432, name: 'postgres' }], ...spec },
    });
    const first = await server.admin.call('POST', services, service('one'));
    const address = stringAt(first.body, 'spec', 'clusterIP');
    expect(first.body).toMatchObject({
      spec: {
        type: 'ClusterIP',
        clusterIPs: [address],
        ports: [{ targetPort: 5432, protocol: 'TCP' }],
        sessionAffinity: 'None',
      },
      status: { loadBalancer: {} },
    });
    const many = await Promise.all(
      Array.from({ length: 20 }, (_, i) => server.admin.call('POST', services, service(`many-${i}`))),
    );
    const all = new Set([address, ...many.map((m) => stringAt(m.body, 'spec', 'clusterIP'))]);
    expect(all.size).toBe(21);
    const taken = await server.admin.call('POST', services, service('taken', { clusterIP: address }));
    expect(taken.body.message).toContain('provided IP is already allocated');
    expect((await server.admin.call('POST', services, service('headless', { clusterIP: 'None' }))).body).toMatchObject({
      spec: { clusterIP: 'None' },
    });
    const moved = await server.admin.call('PATCH', `${services}/one`, { spec: { clusterIP: '127.0.20.99' } }, merge);
    expect(moved.body.message).toContain('may not change once set');
    const { clusterIP: _c, clusterIPs: _cs, ...spec } = first.body.spec as JsonObject;
    const replaced = await server.admin.call('PUT', `${services}/one`, { metadata: { name: 'one' }, spec });
    expect(stringAt(replaced.body, 'spec', 'clusterIP')).toBe(address);
  });

  it('Secrets take plain text and keep their type', async () => {
    const secrets = '/api/v1/namespaces/default/secrets';
    const made = await server.admin.call('POST', secrets, { metadata: { name: 's' }, stringData: { a: 'plain' } });
    expect(made.body).toMatchObject({ type: 'Opaque', data: { a: 'cGxhaW4=' } });
    expect(made.body).not.toHaveProperty('stringData');
    const typed = await server.admin.call('PATCH', `${secrets}/s`, { type: 'x' }, merge);
    expect(typed.body.message).toContain('type: Invalid value: "x": field is immutable');
    const raw = await server.admin.call('POST', secrets, { metadata: { name: 'raw' }, data: { a: 'not base64!' } });
    expect(raw.code).toBe(400);
    expect(namesOf((await server.admin.call('GET', `${secrets}?fieldSelector=type%3DOpaque`)).body)).toEqual(['s']);
  });

  it('Nodes keep the status that they are made with, and change it apart', async () => {
    const nodes = '/api/v1/nodes';
    await server.admin.call('POST', nodes, { metadata: { name: 'n' }, status: { images: [{ names: ['host'] }] } });
    const patched = await server.admin.call(
      'PATCH',
      `${nodes}/n/status`,
      { spec: { unschedulable: true }, status: { phase: 'Running' } },
      merge,
    );
    expect(patched.body).toMatchObject({ status: { images: [{ names: ['host'] }], phase: 'Running' } });
    expect(valueAt(patched.body, 'spec', 'unschedulable')).toBeUndefined();
    const main = await server.admin.call(
      'PATCH',
      `${nodes}/n`,
      { spec: { unschedulable: true }, status: { phase: 'x' } },
      merge,
    );
    expect(main.body).toMatchObject({ spec: { unschedulable: true }, status: { phase: 'Running' } });
  });

  it('PVCs are fixed but for their size', async () => {
    const claims = '/api/v1/namespaces/default/persistentvolumeclaims';
    const spec = { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '1Gi' } } };
    expect((await server.admin.call('POST', claims, { metadata: { name: 'c' }, spec })).body).toMatchObject({
      status: { phase: 'Pending' },
      spec: { volumeMode: 'Filesystem' },
    });
    expect(
      (
        await server.admin.call(
          'PATCH',
          `${claims}/c`,
          { spec: { resources: { requests: { storage: '2Gi' } } } },
          merge,
        )
      ).code,
    ).toBe(200);
    expect((await server.admin.call('PATCH', `${claims}/c`, { spec: { volumeName: 'v' } }, merge)).code).toBe(200);
    expect(
      (await server.admin.call('PATCH', `${claims}/c`, { spec: { volumeName: 'w' } }, merge)).body.message,
    ).toContain('spec is immutable after creation');
    const bad = await server.admin.call('POST', claims, { metadata: { name: 'bad' }, spec: {} });
    expect(bad.body.message).toContain('spec.accessModes: Required value');
  });

  it('Leases want exact times and a version', async () => {
    const leases = '/apis/coordination.k8s.io/v1/namespaces/default/leases';
    const lease = (renewTime: string): object => ({
      metadata: { name: 'l' },
      spec: { renewTime, holderIdentity: 'me', leaseDurationSeconds: 10 },
    });
    expect((await server.admin.call('POST', leases, lease('2026-01-01T00:00:00.000Z'))).code).toBe(400);
    expect((await server.admin.call('POST', leases, lease('2026-01-01T00:00:00.000000Z'))).code).toBe(201);
    expect(
      (await server.admin.call('PUT', `${leases}/l`, lease('2026-01-01T00:00:01.000000Z'))).body.message,
    ).toContain('must be specified for an update');
  });

  it('Events are one thing in two views', async () => {
    const core = '/api/v1/namespaces/default/events';
    const view = '/apis/events.k8s.io/v1/namespaces/default/events';
    const made = await server.admin.call('POST', view, {
      metadata: { name: 'e' },
      regarding: { kind: 'Pod', name: 'p', namespace: 'default' },
      reason: 'R',
      note: 'text',
      type: 'Normal',
      eventTime: '2026-01-01T00:00:00.000000Z',
      reportingController: 'c',
      reportingInstance: 'i',
      action: 'A',
    });
    expect(made.code, made.text).toBe(201);
    expect((await server.admin.call('GET', `${core}/e`)).body).toMatchObject({
      apiVersion: 'v1',
      message: 'text',
      involvedObject: { name: 'p' },
      reportingComponent: 'c',
    });
    await server.admin.call('PATCH', `${core}/e`, { message: 'changed', count: 2 }, merge);
    expect((await server.admin.call('GET', `${view}/e`)).body).toMatchObject({
      apiVersion: 'events.k8s.io/v1',
      note: 'changed',
      deprecatedCount: 2,
    });
    expect(
      namesOf((await server.admin.call('GET', `${core}?fieldSelector=involvedObject.name%3Dp,reason%3DR`)).body),
    ).toEqual(['e']);
    const foreign = await server.admin.call('POST', core, {
      metadata: { name: 'f' },
      involvedObject: { kind: 'Pod', namespace: 'kube-system', name: 'x' },
    });
    expect(foreign.body.message).toContain('does not match event.namespace');
  });

  it('labels, annotations and owners are checked', async () => {
    const bad = await server.admin.call('POST', '/api/v1/namespaces/default/configmaps', {
      metadata: {
        name: 'bad',
        labels: { 'a b': 'x', ok: '-' },
        annotations: { 'a/b/c': '' },
        ownerReferences: [{ apiVersion: '', kind: 'x', name: 'y', uid: 'z' }],
      },
    });
    const fields = arrayAt(bad.body, 'details', 'causes').map((cause) => valueAt(cause, 'field'));
    expect(fields).toEqual([
      'metadata.labels',
      'metadata.labels',
      'metadata.annotations',
      'metadata.ownerReferences.apiVersion',
    ]);
  });
});

describe('definitions', () => {
  const crds = '/apis/apiextensions.k8s.io/v1/customresourcedefinitions';
  const crd = (plural: string, kind: string, schema: object, extra: object = {}): JsonObject => ({
    metadata: { name: `${plural}.ops.example.com` },
    spec: {
      group: 'ops.example.com',
      scope: 'Cluster',
      names: { plural, kind, ...extra },
      versions: [
        { name: 'v1', served: true, storage: true, schema: { openAPIV3Schema: { type: 'object', ...schema } } },
      ],
    },
  });

  it('that are wrong are refused with every reason', async () => {
    const wrong = crd('Bad', 'Bad', { properties: { a: { type: 'array' } } });
    const answer = await server.admin.call('POST', crds, { ...wrong, metadata: { name: 'other.ops.example.com' } });
    const fields = arrayAt(answer.body, 'details', 'causes').map((cause) => valueAt(cause, 'field'));
    expect(fields).toEqual([
      'metadata.name',
      'spec.names.plural',
      'spec.validation.openAPIV3Schema.properties[a].items',
    ]);
    const column = crd('columns', 'Column', {});
    for (const version of arrayAt(column, 'spec', 'versions')) {
      Object.assign(version as JsonObject, {
        additionalPrinterColumns: [{ name: 'A', type: 'string', jsonPath: '.a[?(' }],
      });
    }
    expect((await server.admin.call('POST', `${crds}?dryRun=All`, column)).code).toBe(201);
    const bogus = crd('bogus', 'Bogus', { properties: { a: { type: 'object', bogus: 1, items: { strange: 2 } } } });
    const strict = await server.admin.call('POST', `${crds}?fieldValidation=Strict`, bogus);
    expect(strict.body.message).toContain('unknown field "spec.versions[0].schema.openAPIV3Schema.properties.a.bogus"');
    expect(strict.body.message).toContain('properties.a.items.strange"');
  });

  it('that would need a webhook to convert their objects are refused, and say what to do', async () => {
    const versions = ['v1', 'v2'].map((name) => ({
      name,
      served: true,
      storage: name === 'v1',
      schema: { openAPIV3Schema: { type: 'object' } },
    }));
    const webhook = { conversionReviewVersions: ['v1'], clientConfig: { url: 'https://converter.example.com/x' } };
    const conversion = { strategy: 'Webhook', webhook };
    const hooked = crd('hooks', 'Hook', {});
    const spec = hooked.spec as JsonObject;
    const refusal = {
      code: 422,
      reason: 'Invalid',
      message: expect.stringContaining('use strategy None with versions that share their fields'),
      details: { causes: [{ reason: 'FieldValueForbidden', field: 'spec.conversion.strategy' }] },
    };
    Object.assign(spec, { conversion, versions });
    expect((await server.admin.call('POST', crds, hooked)).body).toMatchObject(refusal);
    Object.assign(spec, { versions: versions.slice(0, 1) });
    expect((await server.admin.call('POST', crds, hooked)).code).toBe(201);
    const more = await server.admin.call('PATCH', `${crds}/hooks.ops.example.com`, { spec: { versions } }, merge);
    expect(more.body).toMatchObject(refusal);
    const plain = { spec: { conversion: { strategy: 'None', webhook: null }, versions } };
    expect((await server.admin.call('PATCH', `${crds}/hooks.ops.example.com`, plain, merge)).code).toBe(200);
    const back = await server.admin.call('PATCH', `${crds}/hooks.ops.example.com`, { spec: { conversion } }, merge);
    expect(back.body).toMatchObject(refusal);
  });

  it('that want the names of another are kept and not served', async () => {
    await server.admin.call('POST', crds, crd('firsts', 'First', {}, { shortNames: ['f'] }));
    await server.admin.call('POST', crds, crd('seconds', 'Second', {}, { shortNames: ['f'] }));
    const second = await server.admin.call('GET', `${crds}/seconds.ops.example.com`);
    expect(arrayAt(second.body, 'status', 'conditions')).toMatchObject([
      { type: 'NamesAccepted', status: 'False', message: '"f" is already in use' },
      { type: 'Established', status: 'False' },
    ]);
    expect((await server.admin.call('GET', '/apis/ops.example.com/v1/seconds')).code).toBe(404);
  });

  it('that become stricter do not lock up what there is', async () => {
    const schema = (maximum: number): object => ({
      properties: { spec: { type: 'object', properties: { n: { type: 'integer', maximum }, m: { type: 'integer' } } } },
    });
    await server.admin.call('POST', crds, crd('tights', 'Tight', schema(100)));
    const tights = '/apis/ops.example.com/v1/tights';
    await server.admin.call('POST', tights, { metadata: { name: 't' }, spec: { n: 50 } });
    const versions = [
      { name: 'v1', served: true, storage: true, schema: { openAPIV3Schema: { type: 'object', ...schema(10) } } },
    ];
    expect(
      (await server.admin.call('PATCH', `${crds}/tights.ops.example.com`, { spec: { versions } }, merge)).code,
    ).toBe(200);
    expect((await server.admin.call('PATCH', `${tights}/t`, { spec: { m: 1 } }, merge)).code).toBe(200);
    expect((await server.admin.call('PATCH', `${tights}/t`, { spec: { n: 49 } }, merge)).code).toBe(422);
    expect((await server.admin.call('POST', tights, { metadata: { name: 'u' }, spec: { n: 50 } })).code).toBe(422);
  });

  it('serve several versions of the same objects', async () => {
    const two = crd('duals', 'Dual', {});
    const open = { type: 'object', 'x-kubernetes-preserve-unknown-fields': true };
    const version = (name: string, storage: boolean): object => ({
      name,
      served: true,
      storage,
      schema: { openAPIV3Schema: open },
    });
    (two.spec as JsonObject).versions = [version('v1', true), version('v1beta1', false)];
    await server.admin.call('POST', crds, two);
    const made = await server.admin.call('POST', '/apis/ops.example.com/v1beta1/duals', {
      metadata: { name: 'd' },
      spec: { any: { thing: [1] } },
    });
    expect(made.body.apiVersion).toBe('ops.example.com/v1beta1');
    const read = await server.admin.call('GET', '/apis/ops.example.com/v1/duals/d');
    expect(read.body).toMatchObject({ apiVersion: 'ops.example.com/v1', spec: { any: { thing: [1] } } });
    const wrong = await server.admin.call('POST', '/apis/ops.example.com/v1/duals', {
      apiVersion: 'ops.example.com/v2',
      metadata: { name: 'x' },
    });
    expect(wrong.body.message).toContain('does not match the expected API version (ops.example.com/v1)');
  });
});
