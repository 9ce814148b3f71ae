/** The toolkit against the embedded API server: what unit tests try with a scripted server, with the real semantics. */
import { PassThrough, Readable } from 'node:stream';
import type { PodConnector } from '@polarstack/api';
import { StackError, waitFor } from '@polarstack/base';
import {
  ConfigMaps,
  createController,
  createEventRecorder,
  createInformer,
  Events,
  execInPod,
  loadKubeconfig,
  objectKey,
  ownerReference,
  Pods,
  parseKey,
  source,
  updateWithRetry,
} from '@polarstack/kube';
import type { ConfigMap } from 'kubernetes-types/core/v1.js';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { type EmbeddedApi, startEmbeddedApi } from './embedded-api.ts';

/** Pods as this server's runtime would have them: one that echoes. */
const connector: PodConnector = {
  exec: async (ref, { command, stdin, stdout, stderr }) => {
    if (ref.pod !== 'p') throw new StackError('NotFound', `no pod ${ref.pod}`);
    stderr.write(`ran ${command.join(' ')}`);
    if (stdin !== undefined) for await (const chunk of stdin) stdout.write(chunk);
    return Number(command.at(-1));
  },
  logs: async function* () {
    yield Buffer.from('first line\n');
    yield Buffer.from('second line\n');
  },
};

let api: EmbeddedApi;
let stop: AbortController;
let running: Promise<void>[];
beforeAll(async () => {
  api = await startEmbeddedApi({ connector });
});
afterAll(async () => {
  await api.stop();
});
beforeEach(() => {
  stop = new AbortController();
  running = [];
});
afterEach(async () => {
  stop.abort();
  await Promise.all(running);
});

const until = async (what: string, holds: () => boolean): Promise<void> => {
  await waitFor(what, async () => (holds() ? true : undefined), {
    signal: AbortSignal.timeout(60_000),
    timeoutMs: 30_000,
    intervalMs: 5,
  });
};

const namespace = 'default';
const configMap = (name: string, data: Record<string, string> = {}): ConfigMap => ({
  metadata: { name, namespace, labels: { test: 'toolkit' } },
  data,
});

describe('the client', () => {
  test('goes through the life of an object', async () => {
    const { client } = api;
    const key = { namespace, name: 'life' };
    expect(await client.find(ConfigMaps, key)).toBeUndefined();
    const made = await client.create(ConfigMaps, configMap('life', { a: '1' }));
    await expect(client.create(ConfigMaps, configMap('life'))).rejects.toMatchObject({ code: 'AlreadyExists' });
    const replaced = await client.replace(ConfigMaps, { ...made, data: { a: '2' } });
    await expect(client.replace(ConfigMaps, { ...made, data: { a: '3' } })).rejects.toMatchObject({ code: 'Conflict' });
    expect(replaced.metadata?.uid).toBe(made.metadata?.uid);
    expect((await client.patch(ConfigMaps, key, { type: 'merge', body: { data: { b: 'x' } } })).data).toEqual({
      a: '2',
      b: 'x',
    });
    const json = [{ op: 'remove', path: '/data/a' }];
    expect((await client.patch(ConfigMaps, key, { type: 'json', body: json })).data).toEqual({ b: 'x' });
    expect((await client.patch(ConfigMaps, key, { type: 'strategic', body: { data: { c: 'y' } } })).data).toEqual({
      b: 'x',
      c: 'y',
    });
    await expect(client.delete(ConfigMaps, key, { preconditions: { uid: 'another' } })).rejects.toMatchObject({
      code: 'Conflict',
    });
    await client.delete(ConfigMaps, key);
    await expect(client.get(ConfigMaps, key)).rejects.toMatchObject({ code: 'NotFound' });
    expect(JSON.parse(await client.raw('/version'))).toHaveProperty('gitVersion');
  });

  test('a dry run is strict and writes nothing', async () => {
    const wrong = { ...configMap('dry'), unknownField: 1 };
    await expect(api.client.dryRunCreate(ConfigMaps, wrong)).rejects.toMatchObject({
      message: expect.stringContaining('unknownField'),
    });
    expect((await api.client.dryRunCreate(ConfigMaps, configMap('dry', { a: 'b' }))).data).toEqual({ a: 'b' });
    expect(await api.client.find(ConfigMaps, { namespace, name: 'dry' })).toBeUndefined();
  });

  test('a kubeconfig with a certificate of this server is all that is needed; without one nobody is served', async () => {
    const connection = await loadKubeconfig(api.kubeconfig);
    expect(connection.server).toBe(api.connection.server);
    const { createKubeClient } = await import('@polarstack/kube');
    const { certPem: _, keyPem: __, ...stranger } = connection;
    const client = createKubeClient(stranger);
    try {
      await expect(client.list(ConfigMaps)).rejects.toMatchObject({ code: 'Unauthorized' });
    } finally {
      await client.close();
    }
  });

  test('ten writers that each add to one object lose no update', async () => {
    await api.client.create(ConfigMaps, configMap('counter', { n: '0' }));
    const key = { namespace, name: 'counter' };
    const add = async (): Promise<void> => {
      await updateWithRetry(
        api.client,
        ConfigMaps,
        key,
        (current) => ({ ...current, data: { n: String(Number(current.data?.n) + 1) } }),
        { attempts: 50 },
      );
    };
    await Promise.all(Array.from({ length: 10 }, add));
    expect((await api.client.get(ConfigMaps, key)).data?.n).toBe('10');
  });
});

describe('informers and controllers', () => {
  test('a copy of 600 objects is complete, stays current, and survives a restart of the server', async () => {
    const { client } = api;
    for (let start = 0; start < 600; start += 100) {
      await Promise.all(
        Array.from({ length: 100 }, (_, i) => client.create(ConfigMaps, configMap(`many-${start + i}`))),
      );
    }
    const errors: unknown[] = [];
    const informer = createInformer<ConfigMap>({
      client,
      resource: ConfigMaps,
      labelSelector: 'test=toolkit',
      backoff: { baseMs: 5, maxMs: 50 },
      onError: (error) => errors.push(error),
    });
    running.push(informer.start(stop.signal));
    await informer.synced;
    expect(informer.list().filter(({ metadata }) => metadata?.name?.startsWith('many-'))).toHaveLength(600);
    await client.create(ConfigMaps, configMap('before-restart'));
    await until('the new object', () => informer.get('default/before-restart') !== undefined);
    await api.restart();
    await client.delete(ConfigMaps, { namespace, name: 'before-restart' });
    await client.create(ConfigMaps, configMap('after-restart'));
    await until('what happened after it', () => informer.get('default/after-restart') !== undefined);
    expect(informer.get('default/before-restart')).toBeUndefined();
    expect(errors.length).toBeGreaterThan(0);
    await Promise.all(
      informer.list().map(({ metadata }) => client.delete(ConfigMaps, { namespace, name: metadata?.name ?? '' })),
    );
    await until('an empty copy', () => informer.list().length === 0);
  });

  test('a controller makes what is wanted, and again when somebody takes it away', async () => {
    const { client } = api;
    const informer = createInformer<ConfigMap>({ client, resource: ConfigMaps, namespace });
    const failures: unknown[] = [];
    const controller = createController({
      sources: [
        source(informer, ({ object }) =>
          object.metadata?.name?.startsWith('wanted') ? [objectKey(object).replace(/-child$/, '')] : [],
        ),
      ],
      reconcile: async (key, signal) => {
        const owner = informer.get(key);
        if (owner === undefined || informer.get(`${key}-child`) !== undefined) return;
        const child = configMap(`${parseKey(key).name}-child`);
        const owners = [ownerReference({ ...owner, apiVersion: 'v1', kind: 'ConfigMap' })];
        await client.create(ConfigMaps, { ...child, metadata: { ...child.metadata, ownerReferences: owners } }, signal);
      },
      onError: (error) => failures.push(error),
    });
    running.push(informer.start(stop.signal), controller.run(stop.signal));
    await client.create(ConfigMaps, configMap('wanted'));
    await until('the child', () => informer.get('default/wanted-child') !== undefined);
    const first = informer.get('default/wanted-child')?.metadata?.uid;
    await client.delete(ConfigMaps, { namespace, name: 'wanted-child' });
    await until('another child', () => {
      const uid = informer.get('default/wanted-child')?.metadata?.uid;
      return uid !== undefined && uid !== first;
    });
    await client.delete(ConfigMaps, { namespace, name: 'wanted' });
    await until('the child to be collected', () => informer.get('default/wanted-child') === undefined);
    expect(failures.every((error) => error instanceof StackError && error.code === 'AlreadyExists')).toBe(true);
  });
});

test('events are written, and counted when they repeat', async () => {
  const { client } = api;
  const about = await client.create(ConfigMaps, configMap('subject'));
  const recorder = createEventRecorder({ client, component: 'toolkit-test', signal: stop.signal });
  const event = { type: 'Warning', reason: 'Tried', message: 'it was tried' } as const;
  recorder.record({ ...about, apiVersion: 'v1', kind: 'ConfigMap' }, event);
  await recorder.flush();
  recorder.record({ ...about, apiVersion: 'v1', kind: 'ConfigMap' }, event);
  await recorder.flush();
  const { items } = await client.list(Events, { namespace, fieldSelector: 'involvedObject.name=subject' });
  expect(items.map(({ reason, count, type }) => [reason, count, type])).toEqual([['Tried', 2, 'Warning']]);
});

describe('pods', () => {
  beforeAll(async () => {
    await api.client.create(Pods, {
      metadata: { name: 'p', namespace },
      spec: { containers: [{ name: 'c', image: 'host' }] },
    });
  });

  test('exec hands over input, output, errors and the exit code', async () => {
    const stdout = new PassThrough();
    const stderr = new PassThrough();
    const stdin = Readable.from(['some ', 'input']);
    const code = await execInPod(
      api.connection,
      { namespace, pod: 'p' },
      { command: ['exit', '7'], stdin, stdout, stderr },
      stop.signal,
    );
    expect([code, String(stdout.read()), String(stderr.read())]).toEqual([7, 'some input', 'ran exit 7']);
  });

  test('an unknown pod is NotFound', async () => {
    const request = { command: ['true'], stdout: new PassThrough(), stderr: new PassThrough() };
    await expect(execInPod(api.connection, { namespace, pod: 'absent' }, request, stop.signal)).rejects.toMatchObject({
      code: 'NotFound',
    });
  });

  test('logs are streamed', async () => {
    let text = '';
    for await (const chunk of api.client.stream(`/api/v1/namespaces/${namespace}/pods/p/log`, stop.signal)) {
      text += Buffer.from(chunk).toString();
    }
    expect(text).toBe('first line\nsecond line\n');
  });
});
