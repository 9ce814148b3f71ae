import { waitFor } from '@polarstack/base';
import { afterEach, describe, expect, it } from 'vitest';
import { arrayAt, type JsonObject, stringAt, valueAt } from '../json.ts';
import { createMemoryStore } from '../store/memory-store.ts';
import { startTestServer, type TestServer, type TestServerOptions } from '../testing/test-server.ts';

let running: TestServer | undefined;
afterEach(async () => {
  await running?.stop();
  running = undefined;
});

async function start(options?: TestServerOptions): Promise<TestServer> {
  running = await startTestServer(options);
  return running;
}

const path = '/api/v1/namespaces/default/configmaps';
const merge = { 'content-type': 'application/merge-patch+json' };
const never = new AbortController().signal;

const gone = (server: TestServer, at: string): Promise<true> =>
  waitFor(
    `${at} to be gone`,
    async () => ((await server.admin.call('GET', at)).code === 404 ? (true as const) : undefined),
    { signal: never, timeoutMs: 20_000, intervalMs: 10 },
  );

async function make(server: TestServer, name: string, metadata: object = {}): Promise<JsonObject> {
  const made = await server.admin.call('POST', path, { metadata: { name, ...metadata } });
  expect(made.code, made.text).toBe(201);
  return made.body;
}

const ownedBy = (owner: JsonObject, extra: object = {}): object => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  name: stringAt(owner, 'metadata', 'name'),
  uid: stringAt(owner, 'metadata', 'uid'),
  ...extra,
});

describe('owner references', () => {
  it('take dependents along, generation by generation', async () => {
    const server = await start();
    const owner = await make(server, 'owner');
    const child = await make(server, 'child', { ownerReferences: [ownedBy(owner)] });
    await make(server, 'grandchild', { ownerReferences: [ownedBy(child)] });
    await server.admin.call('DELETE', `${path}/owner`, { propagationPolicy: 'Background' });
    await gone(server, `${path}/child`);
    await gone(server, `${path}/grandchild`);
  });

  it('keep what another owner still holds, and forget the one that is gone (G1)', async () => {
    const server = await start();
    const one = await make(server, 'one');
    const two = await make(server, 'two');
    await make(server, 'shared', { ownerReferences: [ownedBy(one), ownedBy(two)] });
    await server.admin.call('DELETE', `${path}/one`);
    const left = await waitFor(
      'the reference to go',
      async () => {
        const owners = arrayAt((await server.admin.call('GET', `${path}/shared`)).body, 'metadata', 'ownerReferences');
        return owners.length === 1 ? owners : undefined;
      },
      { signal: never, timeoutMs: 20_000, intervalMs: 10 },
    );
    expect(valueAt(left[0], 'name')).toBe('two');
  });

  it('to owners that never were, or of another namespace, remove the dependent', async () => {
    const server = await start();
    const elsewhere = await server.admin.call('POST', '/api/v1/namespaces/kube-system/configmaps', {
      metadata: { name: 'far' },
    });
    await make(server, 'lost', { ownerReferences: [ownedBy(elsewhere.body)] });
    await make(server, 'ghost', {
      ownerReferences: [
        { apiVersion: 'v1', kind: 'ConfigMap', name: 'x', uid: '11111111-1111-1111-1111-111111111111' },
      ],
    });
    await gone(server, `${path}/lost`);
    await gone(server, `${path}/ghost`);
  });

  it('to kinds that are not served here hold (G1)', async () => {
    const server = await start();
    const unknown = {
      apiVersion: 'example.com/v1',
      kind: 'Nothing',
      name: 'x',
      uid: '22222222-2222-2222-2222-222222222222',
    };
    await make(server, 'kept', { ownerReferences: [unknown] });
    const owner = await make(server, 'other');
    await make(server, 'marker', { ownerReferences: [ownedBy(owner)] });
    await server.admin.call('DELETE', `${path}/other`);
    await gone(server, `${path}/marker`); // the collector has been here
    expect((await server.admin.call('GET', `${path}/kept`)).code).toBe(200);
  });

  it('are cut by Orphan', async () => {
    const server = await start();
    const owner = await make(server, 'owner');
    await make(server, 'orphan', { ownerReferences: [ownedBy(owner)] });
    await server.admin.call('DELETE', `${path}/owner`, { propagationPolicy: 'Orphan' });
    await gone(server, `${path}/owner`);
    const left = await server.admin.call('GET', `${path}/orphan`);
    expect(left.code).toBe(200);
    expect(valueAt(left.body, 'metadata', 'ownerReferences')).toBeUndefined();
  });

  it('hold the owner back under Foreground until the dependents are gone', async () => {
    const server = await start();
    const owner = await make(server, 'owner');
    await make(server, 'held', {
      finalizers: ['test.example.com/hold'],
      ownerReferences: [ownedBy(owner, { blockOwnerDeletion: true })],
    });
    const marked = await server.admin.call('DELETE', `${path}/owner`, { propagationPolicy: 'Foreground' });
    expect(arrayAt(marked.body, 'metadata', 'finalizers')).toEqual(['foregroundDeletion']);
    await waitFor(
      'the dependent to be marked',
      async () => stringAt((await server.admin.call('GET', `${path}/held`)).body, 'metadata', 'deletionTimestamp'),
      { signal: never, timeoutMs: 20_000, intervalMs: 10 },
    );
    expect((await server.admin.call('GET', `${path}/owner`)).code).toBe(200);
    await server.admin.call('PATCH', `${path}/held`, { metadata: { finalizers: null } }, merge);
    await gone(server, `${path}/owner`);
  });

  it('are followed after a restart too (G4)', async () => {
    const store = createMemoryStore();
    const first = await start({ store });
    const owner = await make(first, 'owner');
    await make(first, 'child', { ownerReferences: [ownedBy(owner)] });
    await first.server.close();
    await store.transact('core/configmaps/default/owner', (current) =>
      current ? { type: 'delete', object: current } : { type: 'keep' },
    );
    const second = await startTestServer({ store });
    try {
      await gone(second, `${path}/child`);
    } finally {
      await second.server.close();
    }
  });
});

describe('a namespace', () => {
  it('empties itself before it goes, and takes nothing new meanwhile (G3)', async () => {
    const server = await start();
    await server.admin.call('POST', '/api/v1/namespaces', { metadata: { name: 'brief' } });
    const inside = '/api/v1/namespaces/brief/configmaps';
    await server.admin.call('POST', inside, { metadata: { name: 'held', finalizers: ['test.example.com/hold'] } });
    await server.admin.call('POST', inside, { metadata: { name: 'free' } });
    const marked = await server.admin.call('DELETE', '/api/v1/namespaces/brief');
    expect(valueAt(marked.body, 'status', 'phase')).toBe('Terminating');
    await gone(server, `${inside}/free`);
    const refused = await server.admin.call('POST', inside, { metadata: { name: 'late' } });
    expect(refused.body).toMatchObject({ code: 403, reason: 'Forbidden' });
    expect(refused.body.message).toContain('because it is being terminated');
    await server.admin.call('PATCH', `${inside}/held`, { metadata: { finalizers: null } }, merge);
    await gone(server, '/api/v1/namespaces/brief');
  });

  it('loses nothing to a race of creates with its deletion (G3)', async () => {
    const server = await start();
    for (let round = 0; round < 10; round++) {
      const name = `race-${round}`;
      await server.admin.call('POST', '/api/v1/namespaces', { metadata: { name } });
      const creates = Array.from({ length: 20 }, (_, i) =>
        server.admin.call('POST', `/api/v1/namespaces/${name}/configmaps`, { metadata: { name: `c-${i}` } }),
      );
      await Promise.all([...creates, server.admin.call('DELETE', `/api/v1/namespaces/${name}`)]);
      await gone(server, `/api/v1/namespaces/${name}`);
      expect(server.store.list(`core/configmaps/${name}/`)).toEqual([]);
    }
  });

  it('that everybody needs stays', async () => {
    const server = await start();
    const answer = await server.admin.call('DELETE', '/api/v1/namespaces/default');
    expect(answer.body).toMatchObject({
      code: 403,
      message: 'namespaces "default" is forbidden: this namespace may not be deleted',
    });
  });
});

describe('a pod', () => {
  const pods = '/api/v1/namespaces/default/pods';
  const pod = (name: string, spec: object = {}): object => ({
    metadata: { name },
    spec: { containers: [{ name: 'c', image: 'host' }], ...spec },
  });

  it('that runs nowhere goes at once', async () => {
    const server = await start();
    await server.admin.call('POST', pods, pod('loose'));
    expect((await server.admin.call('DELETE', `${pods}/loose`)).code).toBe(200);
    expect((await server.admin.call('GET', `${pods}/loose`)).code).toBe(404);
  });

  it('on a node waits for the node to let it go', async () => {
    const server = await start();
    await server.admin.call('POST', pods, pod('bound', { terminationGracePeriodSeconds: 7 }));
    const bound = await server.admin.call('POST', `${pods}/bound/binding`, {
      metadata: { name: 'bound' },
      target: { kind: 'Node', name: 'node-1' },
    });
    expect(bound.code, bound.text).toBe(201);
    const again = await server.admin.call('POST', `${pods}/bound/binding`, {
      metadata: { name: 'bound' },
      target: { kind: 'Node', name: 'node-2' },
    });
    expect(again.body.message).toContain('pod bound is already assigned to node "node-1"');
    const marked = await server.admin.call('DELETE', `${pods}/bound`);
    expect(marked.body).toMatchObject({ spec: { nodeName: 'node-1' }, metadata: { deletionGracePeriodSeconds: 7 } });
    const longer = await server.admin.call('DELETE', `${pods}/bound`, { gracePeriodSeconds: 100 });
    expect(longer.body).toMatchObject({ metadata: { deletionGracePeriodSeconds: 7 } });
    const shorter = await server.admin.call('DELETE', `${pods}/bound`, { gracePeriodSeconds: 1 });
    expect(shorter.body).toMatchObject({ metadata: { deletionGracePeriodSeconds: 1 } });
    const wrong = await server.admin.call('DELETE', `${pods}/bound`, {
      gracePeriodSeconds: 0,
      preconditions: { uid: 'x' },
    });
    expect(wrong.body).toMatchObject({ code: 409, reason: 'Conflict' });
    await server.admin.call('DELETE', `${pods}/bound`, { gracePeriodSeconds: 0 });
    expect((await server.admin.call('GET', `${pods}/bound`)).code).toBe(404);
  });

  it('keeps its spec', async () => {
    const server = await start();
    await server.admin.call('POST', pods, pod('fixed'));
    const answer = await server.admin.call('PATCH', `${pods}/fixed`, { spec: { restartPolicy: 'Never' } }, merge);
    expect(answer.body).toMatchObject({ code: 422 });
    expect(answer.body.message).toContain('pod updates may not change fields other than');
  });
});

describe('a definition', () => {
  it('takes its resources along', async () => {
    const server = await start();
    const crds = '/apis/apiextensions.k8s.io/v1/customresourcedefinitions';
    await server.admin.call('POST', crds, {
      metadata: { name: 'things.test.example.com' },
      spec: {
        group: 'test.example.com',
        scope: 'Cluster',
        names: { plural: 'things', kind: 'Thing' },
        versions: [{ name: 'v1', served: true, storage: true, schema: { openAPIV3Schema: { type: 'object' } } }],
      },
    });
    const things = '/apis/test.example.com/v1/things';
    await server.admin.call('POST', things, { metadata: { name: 'one', finalizers: ['test.example.com/hold'] } });
    await server.admin.call('POST', things, { metadata: { name: 'two' } });
    await server.admin.call('DELETE', `${crds}/things.test.example.com`);
    await gone(server, `${things}/two`);
    expect((await server.admin.call('POST', things, { metadata: { name: 'three' } })).code).toBe(403);
    await server.admin.call('PATCH', `${things}/one`, { metadata: { finalizers: null } }, merge);
    await gone(server, `${crds}/things.test.example.com`);
    expect(await server.admin.call('GET', things)).toMatchObject({ code: 404, text: '404 page not found\n' });
  });
});
