import { expect } from 'vitest';
import { type Answer, type Api, applyPatch, jsonPatch, mergePatch } from '../api.ts';
import { topic } from '../case.ts';
import { at, type JsonObject, listAt, textAt, versionOf } from '../json.ts';
import { defineThings } from '../resource.ts';

const hold = ['example.com/hold'];
const map = (name: string, data?: object, metadata: object = {}) => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { name, ...metadata },
  ...(data === undefined ? {} : { data }),
});

/** Applies, and notes who owns what after. */
async function apply(api: Api, path: string, config: JsonObject, manager = 'me', query = ''): Promise<Answer> {
  return await api.call('PATCH', `${path}?fieldManager=${manager}${query}`, config, applyPatch);
}

async function owners(api: Api, path: string): Promise<void> {
  const { body } = await api.quiet('GET', path);
  api.note('owners', {
    managedFields: listAt(body, 'metadata', 'managedFields'),
    spec: body.spec,
    data: body.data,
    labels: at(body, 'metadata', 'labels'),
  });
}

const service = (ports: readonly object[], more: object = {}) => ({
  apiVersion: 'v1',
  kind: 'Service',
  metadata: { name: 'one' },
  spec: { selector: { app: 'x' }, ports, ...more },
});

const listSchema = {
  type: 'object',
  properties: {
    replicas: { type: 'integer' },
    set: { type: 'array', items: { type: 'string' }, 'x-kubernetes-list-type': 'set' },
    atomic: { type: 'array', items: { type: 'string' } },
    keyed: {
      type: 'array',
      'x-kubernetes-list-type': 'map',
      'x-kubernetes-list-map-keys': ['name', 'kind'],
      items: {
        type: 'object',
        required: ['name'],
        properties: {
          name: { type: 'string' },
          kind: { type: 'string', default: 'plain' },
          value: { type: 'string' },
        },
      },
    },
    whole: {
      type: 'object',
      'x-kubernetes-map-type': 'atomic',
      properties: { a: { type: 'string' }, b: { type: 'string' } },
    },
    free: { type: 'object', additionalProperties: { type: 'string' } },
  },
};

export const applyCases = topic('applying', {
  'creates, changes, and takes away': async (api) => {
    const path = api.core('configmaps/one');
    expect((await apply(api, path, map('one', { a: '1', b: '2' }))).code).toBe(201);
    await apply(api, path, map('one', { a: '1', c: '3' }, { labels: { x: 'y' } }));
    await apply(api, path, map('one', { a: '9' }));
    const last = await apply(api, path, map('one'));
    expect(last.body).not.toHaveProperty('data');
    await owners(api, path);
  },

  'without a change keeps version and times': async (api) => {
    const path = api.core('configmaps/one');
    const first = await apply(api, path, map('one', { a: '1' }));
    await new Promise((resolve) => setTimeout(resolve, 1_100));
    const second = await apply(api, path, map('one', { a: '1' }));
    expect(second.body).toEqual(first.body);
    const other = await apply(api, path, map('one', { a: '1' }), 'other');
    expect(versionOf(other.body)).not.toBe(versionOf(first.body));
    const times = listAt(other.body, 'metadata', 'managedFields').map((entry) => textAt(entry, 'time'));
    expect(new Set(times).size).toBe(2);
    await api.quiet('PUT', path, map('one', { a: '1' }));
    expect(versionOf((await api.quiet('GET', path)).body)).toBe(versionOf(other.body));
  },

  'stops at conflicts and tells all of them': async (api) => {
    const path = api.core('configmaps/one');
    await apply(api, path, map('one', { a: '1', b: '1' }, { labels: { l: '1' } }), 'first');
    await api.call('PATCH', `${path}?fieldManager=second`, { data: { c: '1' } }, mergePatch);
    const one = await apply(api, path, map('one', { a: '2', b: '2' }, { labels: { l: '2' } }));
    expect(one.body).toMatchObject({ code: 409, reason: 'Conflict' });
    const config = map('one', { a: '2', c: '2' });
    const two = await api.brief('PATCH', `${path}?fieldManager=me`, config, applyPatch);
    // In which order the causes of several managers come is left to chance there.
    const causes = listAt(two.body, 'details', 'causes').map((cause) => `${textAt(cause, 'field')}`);
    api.note('both', [two.body.message, causes.sort()]);
    await owners(api, path);
    expect((await apply(api, path, map('one', { a: '2', c: '2' }), 'me', '&force=true')).code).toBe(200);
    await owners(api, path);
    expect((await apply(api, path, map('one', { a: '3' }), 'first')).code).toBe(409);
    expect((await apply(api, path, map('one', { b: '1' }), 'first')).code).toBe(200);
    await owners(api, path);
  },

  'shares what has the same value, until the last lets go': async (api) => {
    const path = api.core('configmaps/one');
    await apply(api, path, map('one', { shared: '1', mine: '1' }));
    await apply(api, path, map('one', { shared: '1', yours: '1' }), 'you');
    await owners(api, path);
    expect((await apply(api, path, map('one', { shared: '2' }))).code).toBe(409);
    await apply(api, path, map('one', { mine: '1' }));
    expect(at((await api.quiet('GET', path)).body, 'data', 'shared')).toBe('1');
    await apply(api, path, map('one'), 'you');
    expect(at((await api.quiet('GET', path)).body, 'data')).toEqual({ mine: '1' });
    await owners(api, path);
  },

  'lists by keys, sets, and what is whole': async (api) => {
    const { path, thing } = await defineThings(api, listSchema);
    const one = `${path}/one`;
    const keyed = (value: string, ...names: readonly string[]) => names.map((name) => ({ name, value }));
    await apply(api, one, thing('one', { set: ['a', 'b'], atomic: ['x'], keyed: keyed('1', 'p', 'q') }));
    await apply(api, one, thing('one', { set: ['b', 'c'], keyed: keyed('2', 'r') }), 'you');
    await owners(api, one);
    expect((await apply(api, one, thing('one', { atomic: ['x', 'y'] }), 'you')).code).toBe(409);
    expect((await apply(api, one, thing('one', { keyed: keyed('2', 'p') }), 'you')).code).toBe(409);
    await apply(api, one, thing('one', { set: ['c'], keyed: keyed('1', 'q') }));
    await owners(api, one);
    await apply(api, one, thing('one', { whole: { a: '1' }, free: { k: 'v' } }));
    expect((await apply(api, one, thing('one', { whole: { b: '1' } }), 'you')).code).toBe(409);
    await apply(api, one, thing('one', { free: { l: 'w' } }), 'you');
    await owners(api, one);
    await apply(api, one, thing('one', { set: ['a', 'a'] }));
    await apply(api, one, thing('one', { keyed: [{ name: 'p' }, { name: 'p' }] }));
    await apply(api, one, thing('one', { keyed: [{ value: 'nameless' }] }));
    await apply(api, one, thing('one', { replicas: 'three' }));
    await apply(api, one, thing('one', { unknown: 'field' }));
    await apply(api, one, thing('one', { unknown: 'field' }), 'me', '&fieldValidation=Strict');
    await apply(api, one, thing('one', { set: [], keyed: [], free: {} }), 'me', '&force=true');
    await owners(api, one);
  },

  'ports of a service, by port and protocol': async (api) => {
    const path = api.core('services/one');
    expect((await apply(api, path, service([{ port: 80, name: 'a' }]))).code).toBe(201);
    await apply(api, path, service([{ port: 81, name: 'b', protocol: 'TCP' }]), 'you');
    await apply(api, path, service([{ port: 80, name: 'other' }]), 'you');
    await apply(api, path, service([{ port: 82, name: 'c' }]));
    const { body } = await api.quiet('GET', path);
    api.note('ports', at(body, 'spec', 'ports'));
  },

  'after updates of others, field by field': async (api) => {
    const { path, thing } = await defineThings(api);
    const one = `${path}/one`;
    await api.quiet('POST', `${path}?fieldManager=creator`, thing('one', { a: 1, b: { c: 1 }, list: [1, 2] }));
    await owners(api, one);
    expect((await apply(api, one, thing('one', { a: 2 }))).code).toBe(409);
    await apply(api, one, thing('one', { b: { d: 2 } }));
    await owners(api, one);
    await api.call('PATCH', `${one}?fieldManager=patcher`, { spec: { b: { c: 5, d: 5 } } }, mergePatch);
    await owners(api, one);
    expect((await apply(api, one, thing('one', { b: { d: 2 } }))).code).toBe(409);
    await api.call('PATCH', `${one}?fieldManager=json`, [{ op: 'remove', path: '/spec/b' }], jsonPatch);
    await owners(api, one);
    const now = (await api.quiet('GET', one)).body;
    await api.call('PUT', `${one}?fieldManager=putter`, { ...now, spec: { fresh: true } });
    await owners(api, one);
    await apply(api, one, thing('one', { list: [3] }));
    await apply(api, one, thing('one', { nothing: null, empty: {}, none: [] }));
    await owners(api, one);
  },

  'to status and scale': async (api) => {
    const { path, thing } = await defineThings(api);
    const one = `${path}/one`;
    await apply(api, one, { ...thing('one', { replicas: 1 }), status: { ignored: true } });
    await owners(api, one);
    const status = (value: object) => ({ ...thing('one', { ignored: true }), status: value });
    await apply(api, `${one}/status`, status({ phase: 'a' }), 'controller');
    await owners(api, one);
    expect((await apply(api, `${one}/status`, status({ phase: 'b' }), 'other')).code).toBe(409);
    const current = (await api.quiet('GET', one)).body;
    await api.call('PUT', `${one}/status?fieldManager=putter`, { ...current, status: { phase: 'c' } });
    await owners(api, one);
    const { apiVersion: _apiVersion, kind: _kind, ...rest } = (await api.quiet('GET', `${one}/scale`)).body;
    const scale = { apiVersion: 'autoscaling/v1', kind: 'Scale', ...rest, spec: { replicas: 4 } };
    await api.call('PUT', `${one}/scale?fieldManager=scaler`, scale);
    await owners(api, one);
    expect((await apply(api, one, thing('one', { replicas: 1 }))).code).toBe(409);
    const applied = { apiVersion: 'autoscaling/v1', kind: 'Scale', metadata: { name: 'one' }, spec: { replicas: 6 } };
    await apply(api, `${one}/scale`, applied, 'applier');
    expect((await apply(api, `${path}/none/status`, { ...status({}), metadata: { name: 'none' } })).code).toBe(404);
    await apply(api, `${path}/none/scale`, { ...applied, metadata: { name: 'none' } });
  },

  'over what was applied on the client side': async (api) => {
    const path = api.core('configmaps/one');
    const config = map('one', { a: '1', b: '2' });
    const last = { 'kubectl.kubernetes.io/last-applied-configuration': `${JSON.stringify(config)}\n` };
    const before = map('one', { a: '1', b: '2' }, { annotations: last });
    await api.quiet('POST', `${api.core('configmaps')}?fieldManager=kubectl-client-side-apply`, before);
    await owners(api, path);
    expect((await apply(api, path, map('one', { a: '7' }), 'me')).code).toBe(409);
    await apply(api, path, map('one', { a: '1', b: '3' }), 'kubectl');
    await owners(api, path);
  },

  'names of managers': async (api) => {
    const path = api.core('configmaps/one');
    const config = map('one', { a: '1' });
    await api.call('PATCH', path, config, applyPatch);
    await api.call('PATCH', `${path}?fieldManager=`, config, applyPatch);
    for (const name of ['x'.repeat(128), 'x'.repeat(129), 'a%0Ab', 'a%00', 'a%20b', '%C3%A4', '%E2%80%A8']) {
      await api.call('PATCH', `${path}?fieldManager=${name}`, config, applyPatch);
      await api.call('POST', `${api.core('configmaps')}?fieldManager=${name}`, map('x'));
      await api.quiet('DELETE', api.core('configmaps/x'));
      await api.call('PATCH', `${path}?fieldManager=${name}`, {}, mergePatch);
      await api.call('PUT', `${path}?fieldManager=${name}`, map('one'));
    }
    await api.call('PATCH', `${path}?force=true`, {}, mergePatch);
    await api.call('PATCH', `${path}?force=maybe&fieldManager=you`, config, applyPatch);
    for (const agent of ['kubectl/v1.32 (linux)', '', 'curl', 'ä/1', 'x'.repeat(200)]) {
      await api.quiet('DELETE', path);
      await api.call('POST', api.core('configmaps'), config, { 'user-agent': agent });
    }
  },

  'owners that a client sends': async (api) => {
    const path = api.core('configmaps/one');
    await api.quiet('POST', `${api.core('configmaps')}?fieldManager=creator`, map('one', { a: '1' }));
    const set = async (managedFields: unknown) => {
      await api.call('PATCH', `${path}?fieldManager=setter`, { metadata: { managedFields } }, mergePatch);
      await owners(api, path);
    };
    const entry = {
      manager: 'x',
      operation: 'Update',
      apiVersion: 'v1',
      fieldsType: 'FieldsV1',
      fieldsV1: { 'f:data': { 'f:a': {} } },
    };
    await set([entry]);
    await set([{ ...entry, operation: 'Apply', time: '2020-01-01T00:00:00Z' }]);
    await set([{ ...entry, operation: 'Nonsense' }]);
    await set([{ ...entry, fieldsType: 'FieldsV9' }]);
    await set([{ ...entry, fieldsV1: { nonsense: {} } }]);
    await set([{ ...entry, manager: 'm'.repeat(200) }]);
    await set([{ ...entry, subresource: 'status' }]);
    await set(null);
    await set([]);
    await api.call('PATCH', `${path}?fieldManager=later`, { data: { b: '1' } }, mergePatch);
    await apply(api, path, map('one', { a: '1' }));
    await owners(api, path);
    await set([{}]);
    const { body } = await api.quiet('GET', path);
    await api.call('PUT', `${path}?fieldManager=putter`, { ...body, data: { z: '1' } });
    await owners(api, path);
  },

  'configurations that are refused': async (api) => {
    const path = api.core('configmaps/one');
    for (const config of [
      { ...map('one'), kind: 'Secret' },
      { ...map('one'), apiVersion: 'v2' },
      { metadata: { name: 'one' } },
      { apiVersion: 'v1', kind: 'ConfigMap' },
      map('other'),
      { ...map('one'), metadata: { name: 'one', namespace: 'elsewhere' } },
      map('one', {}, { managedFields: [] }),
      map('one', {}, { managedFields: [{ manager: 'x' }] }),
      map('one', {}, { uid: '11111111-2222-3333-4444-555555555555' }),
      map('one', {}, { resourceVersion: '1' }),
      map('one', {}, { generateName: 'x-' }),
      map('one', { a: 7 }),
      { ...map('one'), unknown: { field: 1 } },
      { ...map('one'), metadata: 'text' },
    ]) {
      await api.call('PATCH', `${path}?fieldManager=me`, config, applyPatch);
      await api.quiet('DELETE', path);
    }
    for (const text of ['', 'null', '[]', '{', 'a: [', '"x"', '--- {}', 'apiVersion: v1\nkind: ConfigMap\n']) {
      await api.brief('PATCH', `${path}?fieldManager=me`, text, applyPatch);
      await api.quiet('DELETE', path);
    }
    const yaml =
      'apiVersion: v1\nkind: ConfigMap\nmetadata: {name: one}\ndata:\n  a: "yes"\n  b: |\n    two\n    lines\n';
    expect((await api.call('PATCH', `${path}?fieldManager=me`, yaml, applyPatch)).code).toBe(201);
    await api.call('PATCH', `${path}?fieldManager=me`, `${yaml}  a: twice\n`, applyPatch);
    await api.call('PATCH', `${path}?fieldManager=me&fieldValidation=Strict`, `${yaml}  a: twice\n`, applyPatch);
  },

  'with a version or uid': async (api) => {
    const path = api.core('configmaps/one');
    const first = await apply(api, path, map('one', { a: '1' }));
    const uid = textAt(first.body, 'metadata', 'uid');
    const resourceVersion = versionOf(first.body);
    await apply(api, path, map('one', { a: '2' }, { uid }));
    await apply(api, path, map('one', { a: '3' }, { resourceVersion }));
    await apply(api, path, map('one', { a: '3' }, { resourceVersion: versionOf((await api.quiet('GET', path)).body) }));
    await apply(api, path, map('one', { a: '4' }, { uid: '11111111-2222-3333-4444-555555555555' }));
    await apply(api, path, map('one', { a: '5' }, { creationTimestamp: '2001-01-01T00:00:00Z', generation: 7 }));
    await owners(api, path);
  },

  'to what is being deleted': async (api) => {
    const path = api.core('configmaps/one');
    await apply(api, path, map('one', { a: '1' }, { finalizers: hold }));
    await api.quiet('DELETE', path);
    await apply(api, path, map('one', { a: '2' }, { finalizers: hold }));
    await apply(api, path, map('one', { a: '2' }, { finalizers: [...hold, 'example.com/more'] }));
    await apply(api, path, map('one', { a: '2' }));
    expect((await api.brief('GET', path)).code).toBe(404);
  },

  'many managers become one': async (api) => {
    const path = api.core('configmaps/one');
    await api.quiet('POST', `${api.core('configmaps')}?fieldManager=m00`, map('one', { k00: '' }));
    for (let i = 1; i <= 14; i++) {
      const name = String(i).padStart(2, '0');
      await api.quiet('PATCH', `${path}?fieldManager=m${name}`, { data: { [`k${name}`]: '' } }, mergePatch);
    }
    const { body } = await api.quiet('GET', path);
    const managers = listAt(body, 'metadata', 'managedFields').map((entry) => textAt(entry, 'manager'));
    api.note('how many', managers.length);
    expect(managers).toContain('ancient-changes');
  },
});
