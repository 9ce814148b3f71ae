/** Definitions that change or go while there are objects: versions, ratcheting, selectable fields, deletion. */
import { expect } from 'vitest';
import { type Api, mergePatch } from '../api.ts';
import { topic } from '../case.ts';
import { textAt } from '../json.ts';
import { crds, definition, specOf, version } from './definitions.ts';
import { define, served, ship, undefine } from './rules.ts';

type Fields = Readonly<Record<string, unknown>>;
const text = { type: 'string' };
const whole = { type: 'integer' };

const nameOf = (api: Api): string => `${crds}/ships.${api.namespace}.example.com`;

/** Replaces the versions of the definition; waits until the server judges by them. */
async function redefine(api: Api, versions: readonly Fields[], isInForce: () => Promise<boolean>): Promise<void> {
  const now = await api.quiet('GET', nameOf(api));
  const spec = { ...(now.body.spec as Fields), versions };
  const changed = await api.quiet('PUT', nameOf(api), { ...now.body, spec });
  expect(changed.code, changed.text).toBe(200);
  const deadline = Date.now() + 30_000;
  while (!(await isInForce())) {
    if (Date.now() > deadline) throw new Error('the change did not come into force');
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

const refuses = (api: Api, path: string, spec: Fields) => async (): Promise<boolean> =>
  (await api.quiet('POST', `${path}?dryRun=All`, ship(api, 'probe', spec))).code === 422;

const two = (first: Fields, second: Fields): readonly Fields[] => [
  version(specOf({ n: whole, old: text }), { ...first }),
  version(specOf({ n: whole, young: text }), { name: 'v2', ...second }),
];

export const crdChangeCases = topic('definitions that change', {
  'a definition comes to be in steps: its names first, then what it serves': async (api) => {
    const list = await api.quiet('GET', crds);
    const since = textAt(list.body, 'metadata', 'resourceVersion');
    const name = `ships.${api.namespace}.example.com`;
    const isServed = (object: unknown): boolean => JSON.stringify(object).includes('"InitialNamesAccepted"');
    await api.watch(
      `${crds}?watch=1&resourceVersion=${since}&fieldSelector=metadata.name%3D${name}`,
      (events) => events.some(({ object }) => isServed(object)),
      async () => {
        const names = { plural: 'ships', kind: 'Ship', shortNames: ['sh'], categories: ['all'] };
        const made = await api.call('POST', crds, definition(api, two({}, { storage: false }), { names }));
        expect(made.body.status).toEqual({
          conditions: null,
          acceptedNames: { plural: '', kind: '' },
          storedVersions: ['v1'],
        });
      },
    );
    const names = { plural: 'ships', singular: 'ship', kind: 'Ship', listKind: 'ShipList', shortNames: ['boat'] };
    await api.call('PATCH', nameOf(api), { spec: { names } }, mergePatch);
    await api.until(nameOf(api), ({ body }) => JSON.stringify(body.status).includes('"boat"'));
    await api.call('DELETE', nameOf(api));
    await api.quiet('DELETE', nameOf(api));
  },

  'one version may name a webhook that never has anything to convert': async (api) => {
    const clientConfig = { service: { namespace: 'default', name: 'converter', path: '/convert' } };
    const webhook = { conversionReviewVersions: ['v1'], clientConfig };
    const conversion = { strategy: 'Webhook', webhook };
    const one = definition(api, [version(specOf({ n: whole }))], { conversion });
    await api.call('POST', `${crds}?dryRun=All`, one);
    await api.quiet('POST', crds, one);
    const path = await served(api);
    await api.call('POST', path, ship(api, 'one', { n: 1 }));
    await api.call('GET', `${path}/one`);
    await undefine(api);
  },

  'several versions show one object each in its own way': async (api) => {
    await api.quiet(
      'POST',
      crds,
      definition(api, two({ deprecated: true, deprecationWarning: 'use v2' }, { storage: false })),
    );
    const path = await served(api);
    const young = await served(api, 'v2');
    for (const v of ['v1', 'v2']) await api.call('GET', `/apis/${api.namespace}.example.com/${v}`);
    const made = await api.call('POST', path, ship(api, 'one', { n: 1, old: 'o' }));
    expect(made.warnings).toEqual(['use v2']);
    const seen = await api.call('GET', `${young}/one`);
    expect(seen.text).not.toContain('"old"');
    expect(textAt(seen.body, 'apiVersion')).toMatch(/v2$/);
    await api.call('PATCH', `${path}/one`, { spec: { old: null } }, mergePatch);
    await api.call('PATCH', `${young}/one`, { spec: { n: 2 } }, mergePatch);
    await api.call('GET', `${path}/one`);
    await api.call('GET', young);
    await api.call('PUT', `${young}/one`, { ...ship(api, 'one', { n: 3 }, 'v2') });
    await api.call('POST', young, ship(api, 'two', { n: 1 }));
    const apply = { 'content-type': 'application/apply-patch+yaml' };
    const config = JSON.stringify(ship(api, 'three', { n: 1 }, 'v2'));
    await api.call('PATCH', `${young}/three?fieldManager=a`, config, apply);
    const other = JSON.stringify(ship(api, 'three', { n: 2 }));
    expect((await api.call('PATCH', `${path}/three?fieldManager=b`, other, apply)).code).toBe(409);
    await undefine(api);
  },

  'stored versions are remembered until they are taken off': async (api) => {
    await api.quiet('POST', crds, definition(api, two({}, { storage: false })));
    const path = await served(api);
    await api.quiet('POST', path, ship(api, 'one', { n: 1 }));
    const patched = async (versions: readonly Fields[]): Promise<number> => {
      const answer = await api.call('PATCH', `${nameOf(api)}?dryRun=All`, { spec: { versions } }, mergePatch);
      return answer.code;
    };
    expect(await patched([version(specOf({ n: whole }), { name: 'v3' })])).toBe(422);
    await undefine(api);
  },

  'group, scope, kind and plural stay': async (api) => {
    await define(api, specOf({ n: whole }));
    for (const spec of [
      { scope: 'Cluster' },
      { group: 'other.example.com' },
      { names: { kind: 'Boat' } },
      { names: { plural: 'boats' } },
    ]) {
      const answer = await api.call('PATCH', `${nameOf(api)}?dryRun=All`, { spec }, mergePatch);
      expect(answer.code).toBe(422);
    }
    await undefine(api);
  },

  'what was wrong before and is left alone may stay': async (api) => {
    const parts = (n: Fields): Fields => ({
      type: 'array',
      'x-kubernetes-list-type': 'map',
      'x-kubernetes-list-map-keys': ['id'],
      items: { type: 'object', required: ['id'], properties: { id: text, n } },
    });
    const bag = (item: Fields): Fields => ({ type: 'array', items: item });
    const path = await define(
      api,
      specOf({
        n: whole,
        m: whole,
        s: text,
        parts: parts(whole),
        bag: bag(text),
        o: { type: 'object', properties: { a: text, b: text } },
      }),
    );
    const spec = {
      n: 50,
      m: 1,
      s: 'Long',
      parts: [
        { id: 'a', n: 50 },
        { id: 'b', n: 1 },
      ],
      bag: ['Up', 'low'],
      o: { a: 'x' },
    };
    await api.quiet('POST', path, ship(api, 'one', spec));
    const small = { ...whole, maximum: 10 };
    const low = { ...text, pattern: '^[a-z]+$' };
    const strict = {
      n: small,
      m: small,
      s: { ...low, 'x-kubernetes-validations': [{ rule: 'size(self) < 3', message: 'short' }] },
      parts: parts(small),
      bag: bag(low),
      o: { type: 'object', required: ['b'], properties: { a: text, b: text } },
    };
    await redefine(api, [version(specOf(strict))], refuses(api, path, { n: 11, o: { b: '' } }));
    const change = async (fields: Fields, code: number): Promise<void> => {
      const answer = await api.call('PATCH', `${path}/one`, { spec: fields }, mergePatch);
      expect(answer.code, answer.text).toBe(code);
    };
    await api.call('GET', `${path}/one`);
    await change({ m: 2 }, 200);
    await change({ n: 51 }, 422);
    await change(
      {
        parts: [
          { id: 'b', n: 2 },
          { id: 'a', n: 50 },
        ],
      },
      200,
    );
    await change(
      {
        parts: [
          { id: 'b', n: 2 },
          { id: 'a', n: 51 },
        ],
      },
      422,
    );
    await change({ parts: [{ id: 'c', n: 50 }] }, 422);
    await change({ bag: ['Up', 'low', 'x'] }, 422);
    await change({ o: { a: 'y' } }, 422);
    await change({ s: 'Longer' }, 422);
    await change({ n: 5, s: 'ab', bag: ['a'], o: { b: 'b' } }, 200);
    await undefine(api);
  },

  'objects are selected by the fields that it names': async (api) => {
    const schema = specOf({ color: text, n: whole, ok: { type: 'boolean' } });
    const selectableFields = ['.spec.color', '.spec.n', '.spec.ok'].map((jsonPath) => ({ jsonPath }));
    const path = await define(api, schema, { selectableFields });
    await api.quiet('POST', path, ship(api, 'a', { color: 'red', n: 1, ok: true }));
    await api.quiet('POST', path, ship(api, 'b', { color: 'blue' }));
    for (const selector of [
      'spec.color=red',
      'spec.color!=red',
      'spec.n=1',
      'spec.ok=true',
      'spec.n=',
      'spec.x=1',
      'spec.color=red,metadata.name=b',
    ]) {
      await api.call('GET', `${path}?fieldSelector=${encodeURIComponent(selector)}`);
    }
    const list = (await api.quiet('GET', path)).body;
    const from = textAt(list, 'metadata', 'resourceVersion');
    const events = await api.watch(
      `${path}?watch=true&resourceVersion=${from}&fieldSelector=spec.color%3Dred`,
      (seen) => seen.length >= 3,
      async () => {
        await api.quiet('PUT', `${path}/b`, await recolored(api, path, 'b', 'red'));
        await api.quiet('PUT', `${path}/a`, await recolored(api, path, 'a', 'green'));
        await api.quiet('DELETE', `${path}/b`);
      },
    );
    expect(events.map(({ type }) => type)).toEqual(['ADDED', 'DELETED', 'DELETED']);
    await api.call('DELETE', `${path}?fieldSelector=spec.color%3Dgreen`);
    await api.call('GET', path);
    await undefine(api);
  },

  'take their objects with them, and may come back at once': async (api) => {
    const path = await define(api, specOf({ n: whole }));
    const made = await api.quiet('POST', path, ship(api, 'one', { n: 1 }));
    const from = textAt(made.body, 'metadata', 'resourceVersion');
    const events = await api.watch(
      `${path}?watch=true&resourceVersion=${from}`,
      (seen) => seen.length >= 1,
      () => undefine(api),
    );
    expect(events.map(({ type }) => type)).toEqual(['DELETED']);
    await api.until(nameOf(api), ({ code }) => code === 404);
    expect((await api.brief('GET', path)).code).toBe(404);
    const again = await define(api, specOf({ n: whole }));
    expect((await api.call('GET', again)).body).toMatchObject({ items: [] });
    await undefine(api);
  },

  'wait for objects that have finalizers': async (api) => {
    const path = await define(api, specOf({ n: whole }));
    const held = { ...ship(api, 'one', { n: 1 }), metadata: { name: 'one', finalizers: ['example.com/hold'] } };
    await api.quiet('POST', path, held);
    await undefine(api);
    await settled(api, `ships.${api.namespace}.example.com`, 'InstanceDeletionInProgress');
    await api.brief('POST', path, ship(api, 'two', { n: 1 }));
    // The server writes to it meanwhile: the first replacement may come too late.
    for (let code = 409; code === 409; ) {
      const one = (await api.quiet('GET', `${path}/one`)).body;
      const metadata = { ...(one.metadata as Fields), finalizers: [] };
      code = (await api.quiet('PUT', `${path}/one`, { ...one, metadata })).code;
    }
    await api.until(nameOf(api), ({ code }) => code === 404);
  },

  'names that another one has are not given': async (api) => {
    await define(api, specOf({ n: whole }));
    const group = `${api.namespace}.example.com`;
    const names = { plural: 'boats', singular: 'ship', kind: 'Boat', listKind: 'ShipList', shortNames: ['ships'] };
    const second = {
      metadata: { name: `boats.${group}` },
      spec: { group, scope: 'Namespaced', names, versions: [version(specOf({ n: whole }))] },
    };
    expect((await api.quiet('POST', crds, second)).code).toBe(201);
    await settled(api, `boats.${group}`, 'NotAccepted');
    await undefine(api);
    await settled(api, `boats.${group}`, 'InitialNamesAccepted');
    await api.quiet('DELETE', `${crds}/boats.${group}`);
  },
});

async function recolored(api: Api, path: string, name: string, color: string): Promise<Fields> {
  const now = (await api.quiet('GET', `${path}/${name}`)).body;
  return { ...now, spec: { ...(now.spec as Fields), color } };
}

/** Waits until the status of a definition speaks of something, and compares that status. */
async function settled(api: Api, name: string, what: string): Promise<void> {
  const deadline = Date.now() + 30_000;
  for (;;) {
    const { body, text: seen } = await api.quiet('GET', `${crds}/${name}`);
    if (seen.includes(what)) {
      api.note(`status of ${name} with ${what}`, body.status);
      return;
    }
    if (Date.now() > deadline) throw new Error(`${name} did not come to ${what}: ${seen}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}
