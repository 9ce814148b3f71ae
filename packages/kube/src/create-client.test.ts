import { StackError } from '@polarstack/base';
import { createAuthority, issueCertificate } from '@polarstack/pki';
import { afterEach, describe, expect, test } from 'vitest';
import type { KubeConnection } from './connection.ts';
import { createKubeClient, type KubeHttpClient } from './create-client.ts';
import { ConfigMaps, Nodes } from './resources.ts';
import { type FakeServer, startFakeServer } from './testing/fake-server.ts';

const closers: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

async function start(
  connection: Partial<KubeConnection> = {},
): Promise<{ server: FakeServer; client: KubeHttpClient }> {
  const server = await startFakeServer();
  const client = createKubeClient({ server: server.url, ...connection });
  closers.push(
    async () => await server.close(),
    async () => await client.close(),
  );
  return { server, client };
}

const status = (code: number, reason: string) => ({
  status: code,
  body: { kind: 'Status', code, reason, message: `it is ${reason}` },
});

async function failure(work: Promise<unknown>): Promise<StackError> {
  const error: unknown = await work.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (!(error instanceof StackError)) throw new Error(`not a StackError: ${String(error)}`);
  return error;
}

describe('requests', () => {
  test('each verb goes to its path with its content type and the type filled in', async () => {
    const { server, client } = await start({ token: 'abc' });
    const answer = { status: 200, body: { metadata: { name: 'a' } } };
    server.answer(answer, answer, answer, answer, answer, answer, answer, answer);
    const key = { namespace: 'n s', name: 'a' };
    await client.get(ConfigMaps, key);
    await client.create(ConfigMaps, { metadata: key, data: { x: 'ü' } });
    await client.replace(ConfigMaps, { metadata: key });
    await client.replaceStatus(ConfigMaps, { metadata: key });
    await client.patch(ConfigMaps, key, { type: 'merge', body: { data: {} } });
    await client.patch(ConfigMaps, key, { type: 'json', body: [] });
    await client.patchStatus(ConfigMaps, key, { type: 'strategic', body: {} });
    await client.delete(Nodes, { name: 'node-1' }, { propagationPolicy: 'Foreground' });
    const one = '/api/v1/namespaces/n%20s/configmaps/a';
    expect(server.requests.map((r) => [r.method, r.path, r.headers['content-type']])).toEqual([
      ['GET', one, undefined],
      ['POST', '/api/v1/namespaces/n%20s/configmaps', 'application/json'],
      ['PUT', one, 'application/json'],
      ['PUT', `${one}/status`, 'application/json'],
      ['PATCH', one, 'application/merge-patch+json'],
      ['PATCH', one, 'application/json-patch+json'],
      ['PATCH', `${one}/status`, 'application/strategic-merge-patch+json'],
      ['DELETE', '/api/v1/nodes/node-1', 'application/json'],
    ]);
    expect(JSON.parse(server.requests[1]?.body ?? '')).toEqual({
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: key,
      data: { x: 'ü' },
    });
    expect(JSON.parse(server.requests[7]?.body ?? '')).toMatchObject({ propagationPolicy: 'Foreground' });
    expect(server.requests.every((r) => r.headers.authorization === 'Bearer abc')).toBe(true);
  });

  test('a resource that is a subresource is created at the object it names', async () => {
    const { server, client } = await start();
    server.answer({ status: 201, body: {} });
    const bindings = { ...ConfigMaps, plural: 'pods', kind: 'Binding', subresource: 'binding' };
    await client.create(bindings, { metadata: { namespace: 'n', name: 'p' } });
    expect(server.requests[0]?.path).toBe('/api/v1/namespaces/n/pods/p/binding');
  });

  test('a dry run is strict and writes nothing', async () => {
    const { server, client } = await start();
    server.answer({ status: 201, body: { metadata: { name: 'a' }, data: { filled: 'in' } } });
    const made = await client.dryRunCreate(ConfigMaps, { metadata: { namespace: 'n', name: 'a' } });
    expect(made.data).toEqual({ filled: 'in' });
    expect(Object.fromEntries(server.requests[0]?.query ?? [])).toEqual({ dryRun: 'All', fieldValidation: 'Strict' });
  });

  test('a list reads all pages and completes the items', async () => {
    const { server, client } = await start();
    for (let i = 0; i < 1201; i++) server.put(`c${i}`);
    const { items, resourceVersion } = await client.list(ConfigMaps, { labelSelector: 'a=b' });
    expect(items).toHaveLength(1201);
    expect(new Set(items.map((item) => item.metadata?.name)).size).toBe(1201);
    expect(items[0]).toMatchObject({ kind: 'ConfigMap', apiVersion: 'v1' });
    expect(resourceVersion).toBe('1202');
    expect(
      server.requests.map((r) => [r.query.get('limit'), r.query.get('continue'), r.query.get('labelSelector')]),
    ).toEqual([
      ['500', null, 'a=b'],
      ['500', '500', 'a=b'],
      ['500', '1000', 'a=b'],
    ]);
  });

  test('a list whose place is lost (410 on a later page) is read again in one piece', async () => {
    const { server, client } = await start();
    server.put('a');
    server.answer(
      { status: 200, body: { items: [], metadata: { resourceVersion: '1', continue: 'x' } } },
      status(410, 'Expired'),
    );
    const { items } = await client.list(ConfigMaps);
    expect(items.map((item) => item.metadata?.name)).toEqual(['a']);
    expect(server.requests.at(-1)?.query.get('limit')).toBeNull();
  });

  test('a namespaced object without a namespace is refused before anything is sent', async () => {
    const { server, client } = await start();
    expect((await failure(client.get(ConfigMaps, { name: 'a' }))).code).toBe('BadRequest');
    expect((await failure(client.create(ConfigMaps, { metadata: { name: 'a' } }))).code).toBe('BadRequest');
    expect(server.requests).toHaveLength(0);
  });

  test('credentials that the server refuses are renewed once', async () => {
    const asked: boolean[] = [];
    const { server, client } = await start({
      credentials: async ({ renew }) => {
        asked.push(renew);
        return { token: renew ? 'new' : 'old' };
      },
    });
    server.answer(status(401, 'Unauthorized'), { status: 200, body: { metadata: { name: 'a' } } });
    await client.get(Nodes, { name: 'a' });
    expect(asked).toEqual([false, true]);
    expect(server.requests.map((r) => r.headers.authorization)).toEqual(['Bearer old', 'Bearer new']);
    server.answer(status(401, 'Unauthorized'), status(401, 'Unauthorized'));
    expect((await failure(client.get(Nodes, { name: 'a' }))).code).toBe('Unauthorized');
  });
});

describe('failures', () => {
  test.each([
    [404, 'NotFound', 'NotFound'],
    [409, 'AlreadyExists', 'AlreadyExists'],
    [409, 'Conflict', 'Conflict'],
    [422, 'Invalid', 'Invalid'],
    [400, 'BadRequest', 'BadRequest'],
    [401, 'Unauthorized', 'Unauthorized'],
    [403, 'Forbidden', 'Forbidden'],
    [405, 'MethodNotAllowed', 'MethodNotAllowed'],
    [410, 'Expired', 'Gone'],
    [429, 'TooManyRequests', 'TooManyRequests'],
    [500, 'ServerTimeout', 'ServerTimeout'],
    [504, 'Timeout', 'ServerTimeout'],
    [500, 'InternalError', 'ApiError'],
  ])('%i %s is %s, with the Status in its details', async (httpStatus, reason, code) => {
    const { server, client } = await start();
    server.answer(status(httpStatus, reason));
    const error = await failure(client.get(Nodes, { name: 'a' }));
    expect(error.code).toBe(code);
    expect(error.message).toBe(`it is ${reason}`);
    expect(error.details.status).toMatchObject({ reason });
    expect(error.remedy).not.toBe('');
  });

  test('an answer that is no Status is named by its HTTP code; Retry-After is kept', async () => {
    const { server, client } = await start();
    server.answer({ status: 502, body: '<html>bad gateway</html>' });
    const error = await failure(client.get(Nodes, { name: 'a' }));
    expect([error.code, error.message]).toEqual([
      'ApiError',
      'GET /api/v1/nodes/a: HTTP 502: <html>bad gateway</html>',
    ]);
    server.answer({ status: 429, body: '', headers: { 'retry-after': '70' } });
    expect((await failure(client.get(Nodes, { name: 'a' }))).details).toMatchObject({ retryAfterSeconds: 70 });
  });

  test('find answers undefined for NotFound only', async () => {
    const { server, client } = await start();
    server.answer(status(404, 'NotFound'), status(403, 'Forbidden'));
    expect(await client.find(Nodes, { name: 'a' })).toBeUndefined();
    expect((await failure(client.find(Nodes, { name: 'a' }))).code).toBe('Forbidden');
  });

  test('nobody listens, or the connection is reset: ApiUnreachable', async () => {
    const { server, client } = await start();
    server.answer({ status: 0, body: '', reset: true });
    expect((await failure(client.get(Nodes, { name: 'a' }))).code).toBe('ApiUnreachable');
    await server.close();
    const refused = await failure(client.get(Nodes, { name: 'a' }));
    expect(refused.code).toBe('ApiUnreachable');
    expect(refused.message).toContain('ECONNREFUSED');
  });

  test("an abort rejects with the signal's reason", async () => {
    const { client } = await start();
    const abort = new AbortController();
    const pending = (async () => {
      for await (const _ of client.watch(ConfigMaps, { resourceVersion: '1' }, abort.signal)) abort.abort();
    })();
    abort.abort(new Error('enough'));
    await expect(pending).rejects.toThrow('enough');
    await expect(client.get(Nodes, { name: 'a' }, abort.signal)).rejects.toThrow('enough');
  });
});

describe('TLS', () => {
  test('client certificates are shown, strangers are not believed', async () => {
    const now = new Date();
    const authority = await createAuthority({ commonName: 'test CA', days: 1, now });
    const stranger = await createAuthority({ commonName: 'another CA', days: 1, now });
    const serverPair = await issueCertificate({
      authority,
      commonName: 'api',
      ipAddresses: ['127.0.0.1'],
      usages: ['server'],
      days: 1,
      now,
    });
    const clientPair = await issueCertificate({ authority, commonName: 'somebody', usages: ['client'], days: 1, now });
    const server = await startFakeServer({
      tls: {
        key: serverPair.keyPem,
        cert: serverPair.certPem,
        ca: authority.certPem,
        requestCert: true,
        rejectUnauthorized: true,
      },
    });
    closers.push(async () => await server.close());
    server.put('a');
    const connect = (extra: Partial<KubeConnection>): KubeHttpClient => {
      const client = createKubeClient({ server: server.url, caPem: authority.certPem, ...extra });
      closers.push(async () => await client.close());
      return client;
    };
    const identity = { certPem: clientPair.certPem, keyPem: clientPair.keyPem };
    expect((await connect(identity).list(ConfigMaps)).items).toHaveLength(1);
    const wrong = await failure(connect({ ...identity, caPem: stranger.certPem }).list(ConfigMaps));
    expect(wrong.code).toBe('ApiUnreachable');
    expect(wrong.remedy).toContain('do not belong together');
    expect((await failure(connect({}).list(ConfigMaps))).code).toBe('ApiUnreachable');
  });
});
