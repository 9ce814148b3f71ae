import { expect } from 'vitest';
import { type Api, jsonPatch, mergePatch, strategicPatch } from '../api.ts';
import { topic } from '../case.ts';

const crds = '/apis/apiextensions.k8s.io/v1/customresourcedefinitions';

const spec = {
  type: 'object',
  required: ['crew'],
  properties: {
    crew: { type: 'integer', minimum: 1, maximum: 100 },
    port: { type: 'string', default: 'kiel', pattern: '^[a-z]+$', maxLength: 20 },
    class: { type: 'string', enum: ['small', 'large'] },
    cargo: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true },
    size: { 'x-kubernetes-int-or-string': true },
  },
  'x-kubernetes-validations': [
    { rule: "!has(self.class) || self.class != 'large' || self.crew >= 10", message: 'large ships need a crew of 10' },
  ],
};

/** Defines `ships` in a group of the case's own; answers the path of its objects. */
async function define(api: Api): Promise<string> {
  const group = `${api.namespace}.example.com`;
  const port = {
    ...spec.properties.port,
    'x-kubernetes-validations': [{ rule: 'self == oldSelf', message: 'a ship stays in its port' }],
  };
  const schema = {
    type: 'object',
    properties: {
      spec: { ...spec, properties: { ...spec.properties, port } },
      status: { type: 'object', properties: { afloat: { type: 'boolean' } } },
    },
  };
  const definition = {
    metadata: { name: `ships.${group}` },
    spec: {
      group,
      scope: 'Namespaced',
      names: { plural: 'ships', singular: 'ship', kind: 'Ship', listKind: 'ShipList', shortNames: ['sh'] },
      versions: [
        {
          name: 'v1',
          served: true,
          storage: true,
          subresources: { status: {}, scale: { specReplicasPath: '.spec.crew', statusReplicasPath: '.status.crew' } },
          additionalPrinterColumns: [{ name: 'Crew', type: 'integer', jsonPath: '.spec.crew' }],
          schema: { openAPIV3Schema: schema },
        },
      ],
    },
  };
  expect((await api.quiet('POST', crds, definition)).code).toBe(201);
  const path = `/apis/${group}/v1/namespaces/${api.namespace}/ships`;
  const deadline = Date.now() + 30_000;
  while ((await api.quiet('GET', path)).code !== 200) {
    if (Date.now() > deadline) throw new Error('the definition was not served');
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  return path;
}

const ship = (api: Api, name: string, fields: object) => ({
  apiVersion: `${api.namespace}.example.com/v1`,
  kind: 'Ship',
  metadata: { name },
  spec: fields,
});

const undefine = (api: Api) => api.quiet('DELETE', `${crds}/ships.${api.namespace}.example.com`);

export const customCases = topic('custom resources', {
  'get their defaults, lose what is unknown': async (api) => {
    const path = await define(api);
    const sent = ship(api, 'one', { crew: 3, sails: 2, cargo: { any: [1, 'x'] }, size: '10%' });
    const made = await api.call('POST', path, sent);
    expect(made.body).toMatchObject({ spec: { crew: 3, port: 'kiel', cargo: { any: [1, 'x'] } } });
    expect((await api.call('POST', `${path}?fieldValidation=Strict`, { ...sent, metadata: { name: 'b' } })).code).toBe(
      400,
    );
    expect((await api.call('GET', path)).body).toMatchObject({ kind: 'ShipList', items: [{ kind: 'Ship' }] });
    await undefine(api);
  },

  'are validated by schema and rules': async (api) => {
    const path = await define(api);
    for (const fields of [
      {},
      { crew: 0 },
      { crew: 101 },
      { crew: 'many' },
      { crew: 1, port: 'K1' },
      { crew: 1, class: 'huge' },
      { crew: 2, class: 'large' },
      { crew: 1, cargo: 'box' },
      { crew: 1, port: 'abcdefghijklmnopqrstuvwxyz' },
    ]) {
      const answer = await api.call('POST', path, ship(api, 'one', fields));
      expect(answer.body, JSON.stringify(fields)).toMatchObject({ code: 422, reason: 'Invalid' });
    }
    await undefine(api);
  },

  'rules see the old object': async (api) => {
    const path = await define(api);
    await api.quiet('POST', path, ship(api, 'one', { crew: 3 }));
    const moved = await api.call('PATCH', `${path}/one`, { spec: { port: 'oslo' } }, mergePatch);
    expect(moved.body).toMatchObject({ code: 422, reason: 'Invalid' });
    expect((await api.call('PATCH', `${path}/one`, { spec: { crew: 4 } }, mergePatch)).code).toBe(200);
    await undefine(api);
  },

  'count generations by their spec alone; status has a path of its own': async (api) => {
    const path = await define(api);
    const made = await api.call('POST', path, { ...ship(api, 'one', { crew: 3 }), status: { afloat: true } });
    expect(made.body.status).toBeUndefined();
    const labelled = await api.call('PATCH', `${path}/one`, { metadata: { labels: { a: 'b' } } }, mergePatch);
    expect(labelled.body).toMatchObject({ metadata: { generation: 1 } });
    const change = { spec: { crew: 9 }, status: { afloat: true } };
    const status = await api.call('PATCH', `${path}/one/status`, change, mergePatch);
    expect(status.body).toMatchObject({ metadata: { generation: 1 }, spec: { crew: 3 }, status: { afloat: true } });
    const both = await api.call('PATCH', `${path}/one`, { spec: { crew: 5 }, status: { afloat: false } }, mergePatch);
    expect(both.body).toMatchObject({ metadata: { generation: 2 }, status: { afloat: true } });
    expect((await api.call('GET', `${path}/one/status`)).code).toBe(200);
    await undefine(api);
  },

  scale: async (api) => {
    const path = await define(api);
    await api.quiet('POST', path, ship(api, 'one', { crew: 3 }));
    const scale = await api.call('GET', `${path}/one/scale`);
    expect(scale.body).toMatchObject({ kind: 'Scale', apiVersion: 'autoscaling/v1', spec: { replicas: 3 } });
    const scaled = await api.call('PATCH', `${path}/one/scale`, { spec: { replicas: 7 } }, mergePatch);
    expect(scaled.body).toMatchObject({ spec: { replicas: 7 } });
    await undefine(api);
  },

  'patches: merge and JSON, not strategic': async (api) => {
    const path = await define(api);
    await api.quiet('POST', path, ship(api, 'one', { crew: 3 }));
    const change = [{ op: 'replace', path: '/spec/crew', value: 4 }];
    expect((await api.call('PATCH', `${path}/one`, change, jsonPatch)).body).toMatchObject({ spec: { crew: 4 } });
    const strategic = await api.brief('PATCH', `${path}/one`, { spec: { crew: 5 } }, strategicPatch);
    expect(strategic.body).toMatchObject({ code: 415, reason: 'UnsupportedMediaType' });
    await undefine(api);
  },

  'verbs that their paths do not have': async (api) => {
    const path = await define(api);
    await api.brief('PUT', path, ship(api, 'x', { crew: 1 }));
    await api.brief('PATCH', path, { spec: { crew: 1 } }, mergePatch);
    await api.brief('POST', `${path}/x`, ship(api, 'x', { crew: 1 }));
    expect((await api.brief('GET', `${path}/x/nonsense`)).code).toBe(404);
    expect((await api.brief('GET', path.replace('ships', 'boats'))).code).toBe(404);
    expect((await api.brief('GET', path.replace('/v1/', '/v9/'))).code).toBe(404);
    await undefine(api);
  },

  'go with their definition': async (api) => {
    const path = await define(api);
    await api.quiet('POST', path, ship(api, 'one', { crew: 3 }));
    expect((await undefine(api)).code).toBe(200);
    await api.until(`${crds}/ships.${api.namespace}.example.com`, ({ code }) => code === 404);
    const after = await api.brief('GET', path);
    expect(after.code).toBe(404);
  },
});
