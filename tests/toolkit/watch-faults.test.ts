/** Informers on bad networks and bad servers: the invariants are those of packages/kube/src. */
import { isStackError } from '@polarstack/base';
import { ConfigMaps, createInformer, type Informer, type KubeHttpClient } from '@polarstack/kube';
import { type FaultProxy, startFaultProxy } from '@polarstack/testkit';
import { type Gateway, type GatewayAnswer, startGateway } from '@polarstack/testkit/kube-servers';
import type { ConfigMap } from 'kubernetes-types/core/v1.js';
import { expect, it } from 'vitest';
import { onBothServers, type Scene } from './both-servers.ts';
import { type Follower, follow } from './follower.ts';

const write = async ({ direct, namespace }: Scene, name: string, value = ''): Promise<ConfigMap> =>
  await direct.apply(
    ConfigMaps,
    { metadata: { name, namespace }, data: { value } },
    { fieldManager: 'test', force: true },
  );
const remove = async ({ direct, namespace }: Scene, name: string): Promise<void> =>
  await direct.delete(ConfigMaps, { namespace, name });

async function throughProxy(scene: Scene, options: Parameters<Scene['client']>[1] = {}) {
  const proxy = await startFaultProxy(scene.server.endpoint);
  scene.atEnd(async () => await proxy.stop());
  const client = scene.client({ server: `https://127.0.0.1:${proxy.port}` }, { headersMs: 1_000, ...options });
  return { proxy, ...watch(scene, client) };
}

async function throughGateway(scene: Scene): Promise<{ readonly gateway: Gateway } & ReturnType<typeof watch>> {
  const gateway = await startGateway(scene.server.endpoint);
  scene.atEnd(async () => await gateway.stop());
  return { gateway, ...watch(scene, scene.client({ server: gateway.url })) };
}

function watch(scene: Scene, client: KubeHttpClient) {
  const errors: unknown[] = [];
  const informer: Informer<ConfigMap> = createInformer<ConfigMap>({
    client,
    resource: ConfigMaps,
    namespace: scene.namespace,
    fieldSelector: 'metadata.name!=kube-root-ca.crt',
    backoff: { baseMs: 5, maxMs: 200 },
    onError: (error) => errors.push(error),
  });
  const follower: Follower = follow(informer);
  scene.run(informer.start(scene.signal));
  return { informer, follower, errors, client };
}

/** Copy and handlers know exactly what the server has. */
async function becomesEqual(scene: Scene, { informer, follower }: ReturnType<typeof watch>): Promise<void> {
  const { direct, namespace, until } = scene;
  const { items } = await direct.list(ConfigMaps, { namespace, fieldSelector: 'metadata.name!=kube-root-ca.crt' });
  const wanted = new Map(items.map(({ metadata }) => [`${namespace}/${metadata?.name}`, metadata?.resourceVersion]));
  const isEqual = (found: ReadonlyMap<string, string | undefined>): boolean =>
    found.size === wanted.size && [...wanted].every(([key, version]) => found.get(key) === version);
  await until('copy and handlers to be as the server', () => {
    const copy = new Map(
      informer.list().map((one) => [`${namespace}/${one.metadata?.name}`, one.metadata?.resourceVersion]),
    );
    return isEqual(copy) && isEqual(follower.versions());
  });
  expect(follower.faults).toEqual([]);
}

const status = (code: number, reason: string) => ({
  kind: 'Status',
  apiVersion: 'v1',
  status: 'Failure',
  code,
  reason,
  message: `played ${code}`,
});

onBothServers('informers', (scene) => {
  it('a half-open connection: what it swallowed comes on another, without a new list', async () => {
    const watched = await throughProxy(scene(), { silenceMs: 1_500 });
    await write(scene(), 'a', '1');
    await scene().until('the first object', () => watched.informer.list().length === 1);
    for (let round = 2; round < 5; round++) {
      watched.proxy.swallow('open');
      await write(scene(), 'a', String(round));
      await write(scene(), `b${round}`);
      await becomesEqual(scene(), watched);
    }
    await remove(scene(), 'b2');
    await becomesEqual(scene(), watched);
    expect(watched.informer.stats().lists).toBe(1);
  });

  it('a network that swallows everything, new connections too, until it heals', async () => {
    const watched = await throughProxy(scene(), { silenceMs: 500 });
    await watched.informer.synced;
    watched.proxy.swallow('all');
    await write(scene(), 'a');
    await scene().until('requests without an answer', () => watched.errors.length > 1);
    expect(watched.informer.list()).toEqual([]);
    watched.proxy.pass();
    await becomesEqual(scene(), watched);
  });

  it('resets, an end after some bytes, and a server that goes and comes', async () => {
    const watched = await throughProxy(scene());
    const { proxy } = watched;
    await watched.informer.synced;
    const { lists } = watched.informer.stats();
    const troubles: ((proxy: FaultProxy) => Promise<void> | void)[] = [
      () => proxy.reset(),
      async () => await proxy.down(),
      async () => await proxy.up(),
      () => proxy.limit(6_000),
      () => proxy.reset(),
      () => proxy.delay(3),
      () => proxy.limit(undefined),
      async () => await proxy.down(),
      async () => await proxy.up(),
      () => proxy.reset(),
    ];
    for (const [i, trouble] of troubles.entries()) {
      await write(scene(), `kept-${i}`);
      await write(scene(), 'passing', String(i));
      await trouble(proxy);
      await write(scene(), `kept-${i}`, 'changed');
      await remove(scene(), 'passing');
    }
    await becomesEqual(scene(), watched);
    expect(watched.errors.length).toBeGreaterThan(0);
    expect(watched.informer.stats().lists).toBe(lists);
  });

  it('a lost history, as an answer and as an event: one new list each, and nobody misses a deletion', async () => {
    const watched = await throughGateway(scene());
    const { gateway, informer, follower } = watched;
    await write(scene(), 'stays', '1');
    await write(scene(), 'goes');
    await scene().until('both', () => informer.list().length === 2 && gateway.watches === 1);
    const begun = informer.stats().lists;
    // No watch comes through until the list is read anew.
    let refusals = 0;
    gateway.rule(({ query }): GatewayAnswer | undefined => {
      if (query.get('watch') !== 'true' || refusals > 1) return undefined;
      refusals++;
      return refusals === 1 ? { status: 503 } : { status: 410, body: status(410, 'Expired') };
    });
    gateway.sendLine(JSON.stringify({ type: 'ERROR', object: status(500, 'InternalError') }));
    await remove(scene(), 'goes');
    await write(scene(), 'stays', '2');
    await becomesEqual(scene(), watched);
    expect(informer.stats().lists).toBe(begun + 1);
    await scene().until('the watch', () => gateway.watches === 1);
    gateway.sendLine(JSON.stringify({ type: 'ERROR', object: status(410, 'Expired') }));
    await scene().until('one more list', () => informer.stats().lists === begun + 2 && gateway.watches === 1);
    await write(scene(), 'stays', '3');
    await becomesEqual(scene(), watched);
    expect(follower.deleted).toEqual(['goes']);
  });

  it('a server that is overloaded is asked again when it said so, one that fails with growing pauses', async () => {
    const gateway = await startGateway(scene().server.endpoint);
    scene().atEnd(async () => await gateway.stop());
    const asked: number[] = [];
    const refusals: GatewayAnswer[] = [
      { status: 429, headers: { 'retry-after': '1' }, body: status(429, 'TooManyRequests') },
      { status: 503, headers: { 'retry-after': '1' } },
      { status: 429, body: status(429, 'TooManyRequests') },
      { status: 500, body: status(500, 'InternalError') },
      { status: 503 },
      'reset',
    ];
    gateway.rule(() => {
      asked.push(performance.now());
      return refusals[asked.length - 1];
    });
    const watched = watch(scene(), scene().client({ server: gateway.url }));
    await write(scene(), 'a');
    await becomesEqual(scene(), watched);
    // Never earlier than asked for.
    expect((asked[1] ?? 0) - (asked[0] ?? 0)).toBeGreaterThanOrEqual(999);
    expect((asked[2] ?? 0) - (asked[1] ?? 0)).toBeGreaterThanOrEqual(999);
    // The first two were waited for within a request, and a GET on a kept connection that breaks is sent again; the
    // caller heard of the other three.
    expect(watched.errors.map((error) => isStackError(error) && error.code)).toEqual([
      'TooManyRequests',
      'ApiError',
      'ApiError',
    ]);
  });

  it('goes on from a bookmark', async () => {
    const { gateway, informer } = await throughGateway(scene());
    await scene().until('the watch', () => gateway.watches === 1);
    // Somebody else's change: the watch is told of it by a bookmark alone.
    const { direct } = scene();
    const other = await direct.create(ConfigMaps, {
      metadata: { name: `other-${scene().namespace}`, namespace: 'default' },
    });
    const version = other.metadata?.resourceVersion ?? '';
    const bookmark = {
      type: 'BOOKMARK',
      object: { kind: 'ConfigMap', apiVersion: 'v1', metadata: { resourceVersion: version } },
    };
    gateway.sendLine(JSON.stringify(bookmark));
    await scene().until('the version', () => informer.resourceVersion === version);
    const before = gateway.requests.length;
    gateway.sendLine('{"type":"ERROR","object":{"kind":"Status","code":500}}');
    await scene().until('another watch', () => gateway.requests.length > before && gateway.watches === 1);
    expect(gateway.requests[before]?.query.get('resourceVersion')).toBe(version);
    await direct.delete(ConfigMaps, { namespace: 'default', name: `other-${scene().namespace}` });
  });

  it('begins with a stream where the server serves it, and with pages for good where it refuses', async () => {
    for (let i = 0; i < 12; i++) await write(scene(), `o${i}`);
    const plain = watch(scene(), scene().client());
    await becomesEqual(scene(), plain);
    expect(plain.informer.stats()).toMatchObject({ lists: 1, streamed: 1, watches: 1 });
    const gateway = await startGateway(scene().server.endpoint);
    scene().atEnd(async () => await gateway.stop());
    gateway.rule(({ query }) =>
      query.has('sendInitialEvents') ? { status: 422, body: status(422, 'Invalid') } : undefined,
    );
    const paged = watch(scene(), scene().client({ server: gateway.url }));
    await becomesEqual(scene(), paged);
    await scene().until('the watch', () => gateway.watches === 1);
    gateway.sendLine(JSON.stringify({ type: 'ERROR', object: status(410, 'Expired') }));
    await scene().until('another list', () => paged.informer.stats().lists === 2 && gateway.watches === 1);
    expect(paged.informer.stats().streamed).toBe(0);
    expect(gateway.requests.filter(({ query }) => query.has('sendInitialEvents'))).toHaveLength(1);
    expect(gateway.requests.filter(({ query }) => query.get('limit') === '500').length).toBeGreaterThanOrEqual(2);
  });

  it('a server that is started again: the copy goes on from where it was', async () => {
    const watched = watch(scene(), scene().client());
    await write(scene(), 'before');
    await becomesEqual(scene(), watched);
    await scene().server.restart();
    await remove(scene(), 'before');
    await write(scene(), 'after');
    await becomesEqual(scene(), watched);
    expect(watched.follower.deleted).toEqual(['before']);
    expect(watched.errors.length).toBeGreaterThan(0);
  });

  it('a new list while 2000 objects change: in the end copy and handlers are as the server', async () => {
    const { direct, namespace } = scene();
    const names = Array.from({ length: 2_000 }, (_, i) => `o${String(i).padStart(4, '0')}`);
    const each = async (work: (name: string, i: number) => Promise<unknown>): Promise<void> => {
      const queue = names.entries();
      const worker = async (): Promise<void> => {
        for (const [i, name] of queue) await work(name, i);
      };
      await Promise.all(Array.from({ length: 24 }, worker));
    };
    await each(async (name) => await direct.create(ConfigMaps, { metadata: { name, namespace } }));
    const watched = await throughGateway(scene());
    await scene().until('all of them', () => watched.informer.list().length === names.length);
    let isChanging = true;
    const troubling = (async (): Promise<void> => {
      while (isChanging) {
        const { lists } = watched.informer.stats();
        watched.gateway.sendLine(JSON.stringify({ type: 'ERROR', object: status(410, 'Expired') }));
        await scene().until('a new list', () => watched.informer.stats().lists > lists || !isChanging);
        await scene().until('a new watch', () => watched.gateway.watches > 0 || !isChanging);
      }
    })();
    await each(async (name, i) => {
      if (i % 5 === 0) await direct.delete(ConfigMaps, { namespace, name });
      else await direct.patch(ConfigMaps, { namespace, name }, { type: 'merge', body: { data: { v: '1' } } });
      // Another object of the same name.
      if (i % 10 === 0) await direct.create(ConfigMaps, { metadata: { name, namespace } });
    });
    isChanging = false;
    await troubling;
    await becomesEqual(scene(), watched);
    expect(watched.informer.list()).toHaveLength(names.length * 0.9);
    expect(watched.informer.stats().lists).toBeGreaterThan(1);
  });
});
