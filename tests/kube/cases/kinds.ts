import { expect } from 'vitest';
import { applyPatch, mergePatch, strategicPatch } from '../api.ts';
import { topic } from '../case.ts';

export const kindCases = topic('built-in kinds', {
  'unknown and doubled fields are warned of, refused or ignored': async (api) => {
    const path = api.core('configmaps');
    const object = { metadata: { name: 'one', nonsense: 1 }, data: { a: '1' }, extra: true };
    const strict = await api.call('POST', `${path}?fieldValidation=Strict`, object);
    expect(strict.body).toMatchObject({ code: 400, reason: 'BadRequest' });
    const warned = await api.call('POST', path, object);
    expect(warned.warnings).toHaveLength(2);
    const double = '{"metadata":{"name":"two"},"data":{"a":"1","a":"2"},"data":{"b":"1"}}';
    expect((await api.call('POST', `${path}?fieldValidation=Strict`, double)).code).toBe(400);
    expect((await api.call('POST', `${path}?fieldValidation=Ignore`, double)).warnings).toEqual([]);
    expect((await api.call('POST', `${path}?fieldValidation=Perhaps`, double)).code).toBe(422);
  },

  'a secret keeps its type, takes plain text, and may be frozen': async (api) => {
    const path = api.core('secrets');
    const made = await api.call('POST', path, { metadata: { name: 'one' }, stringData: { a: 'plain' } });
    expect(made.body).toMatchObject({ type: 'Opaque', data: { a: 'cGxhaW4=' } });
    const typed = await api.call('PATCH', `${path}/one`, { type: 'example.com/x' }, mergePatch);
    expect(typed.body).toMatchObject({ code: 422, reason: 'Invalid' });
    await api.call('PATCH', `${path}/one`, { immutable: true }, mergePatch);
    expect((await api.call('PATCH', `${path}/one`, { data: { a: 'eA==' } }, mergePatch)).code).toBe(422);
    expect((await api.call('PATCH', `${path}/one`, { immutable: false }, mergePatch)).code).toBe(422);
    expect((await api.call('POST', path, { metadata: { name: 'two' }, data: { a: '***' } })).code).toBe(400);
    const tls = await api.call('POST', path, { metadata: { name: 'three' }, type: 'kubernetes.io/tls' });
    expect(tls.body).toMatchObject({ code: 422 });
  },

  'a ConfigMap may be frozen; its keys are names': async (api) => {
    const path = api.core('configmaps');
    await api.call('POST', path, { metadata: { name: 'one' }, data: { a: '1' }, immutable: true });
    expect((await api.call('PATCH', `${path}/one`, { data: { a: '2' } }, mergePatch)).code).toBe(422);
    expect((await api.call('PATCH', `${path}/one`, { metadata: { labels: { x: 'y' } } }, mergePatch)).code).toBe(200);
    expect((await api.call('POST', path, { metadata: { name: 'two' }, data: { 'a b': '1' } })).code).toBe(422);
    const both = { metadata: { name: 'three' }, data: { a: '1' }, binaryData: { a: 'eA==' } };
    expect((await api.call('POST', path, both)).code).toBe(422);
  },

  'a pod keeps what it was made with; nothing sent as null is owned otherwise than in Kubernetes': async (api) => {
    const path = api.core('pods');
    const metadata = { name: 'one', creationTimestamp: null };
    const condition = { type: 'Ready', status: 'False', lastProbeTime: null, lastTransitionTime: null };
    const spec = { containers: [{ name: 'main', image: 'host', env: null, resources: {} }], nodeSelector: null };
    await api.call('POST', path, { metadata, spec, status: {} });
    const changed = await api.call('PATCH', `${path}/one`, { spec: { restartPolicy: 'Never' } }, mergePatch);
    expect(changed.code).toBe(422);
    const found = (await api.quiet('GET', `${path}/one`)).body;
    const status = { phase: 'Running', conditions: [condition], podIP: null, startTime: null };
    await api.call('PUT', `${path}/one/status`, { ...found, status });
    await api.call(
      'PATCH',
      `${path}/one/status`,
      { status: { conditions: [{ ...condition, message: null }] } },
      strategicPatch,
    );
    const config = { apiVersion: 'v1', kind: 'Pod', metadata: { name: 'two' }, spec };
    await api.call('PATCH', `${path}/two?fieldManager=a`, JSON.stringify(config), applyPatch);
    const reported = { apiVersion: 'v1', kind: 'Pod', metadata: { name: 'two' }, status: { conditions: [condition] } };
    await api.call('PATCH', `${path}/two/status?fieldManager=b`, JSON.stringify(reported), applyPatch);
  },

  'labels and annotations are checked': async (api) => {
    const path = api.core('configmaps');
    for (const labels of [{ 'a b': 'c' }, { a: 'b c' }, { 'x/y/z': '1' }, { a: 'v'.repeat(64) }, { '': 'x' }]) {
      expect((await api.call('POST', path, { metadata: { name: 'x', labels } })).code).toBe(422);
    }
    const annotations = { big: 'x'.repeat(262_200) };
    expect((await api.brief('POST', path, { metadata: { name: 'x', annotations } })).code).toBe(422);
  },

  'a Lease keeps microseconds': async (api) => {
    const path = `/apis/coordination.k8s.io/v1/namespaces/${api.namespace}/leases`;
    const renewTime = '2024-05-06T07:08:09.123456Z';
    const spec = { holderIdentity: 'me', leaseDurationSeconds: 15, renewTime, leaseTransitions: 0 };
    const made = await api.call('POST', path, { metadata: { name: 'one' }, spec });
    expect(made.body).toMatchObject({ spec: { renewTime } });
    const bad = { metadata: { name: 'two' }, spec: { ...spec, leaseDurationSeconds: 0 } };
    expect((await api.call('POST', path, bad)).body).toMatchObject({ code: 422, reason: 'Invalid' });
    const text = { metadata: { name: 'two' }, spec: { renewTime: 'yesterday' } };
    expect((await api.brief('POST', path, text)).code).toBe(400);
    const stale = await api.call('PUT', `${path}/one`, { metadata: { name: 'one' }, spec });
    expect(stale.body).toMatchObject({ code: 422, reason: 'Invalid' });
  },

  'events are stored in both of their groups': async (api) => {
    const involvedObject = { kind: 'ConfigMap', namespace: api.namespace, name: 'x', uid: 'u' };
    const event = {
      metadata: { name: 'one' },
      involvedObject,
      reason: 'Tested',
      message: 'm',
      type: 'Normal',
      count: 1,
    };
    expect((await api.call('POST', api.core('events'), event)).code).toBe(201);
    const path = `/apis/events.k8s.io/v1/namespaces/${api.namespace}/events`;
    expect((await api.call('GET', `${path}/one`)).body).toMatchObject({ note: 'm', regarding: { name: 'x' } });
    const found = await api.call('GET', `${api.core('events')}?fieldSelector=involvedObject.name%3Dx,reason%3DTested`);
    expect(found.body).toMatchObject({ items: [{ reason: 'Tested' }] });
    const elsewhere = {
      ...event,
      metadata: { name: 'two' },
      involvedObject: { ...involvedObject, namespace: 'other' },
    };
    expect((await api.call('POST', api.core('events'), elsewhere)).body).toMatchObject({ code: 422 });
  },

  'a Service gets an address and keeps it': async (api) => {
    const path = api.core('services');
    const made = await api.call('POST', path, { metadata: { name: 'one' }, spec: { ports: [{ port: 80 }] } });
    expect(made.body).toMatchObject({ spec: { type: 'ClusterIP', sessionAffinity: 'None' } });
    const moved = await api.call('PATCH', `${path}/one`, { spec: { clusterIP: '10.96.0.250' } }, mergePatch);
    expect(moved.code).toBe(422);
    const headless = { metadata: { name: 'two' }, spec: { clusterIP: 'None', selector: { a: 'b' } } };
    expect((await api.call('POST', path, headless)).body).toMatchObject({ spec: { clusterIP: 'None' } });
    expect((await api.call('POST', path, { metadata: { name: 'three' }, spec: {} })).code).toBe(422);
    expect((await api.call('POST', path, { metadata: { name: '4four' }, spec: { ports: [{ port: 1 }] } })).code).toBe(
      422,
    );
  },
});
