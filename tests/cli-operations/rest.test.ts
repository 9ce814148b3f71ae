/** The REST API of a real home, as a program with nothing but HTTPS uses it: scopes, bad input, operations, live progress. */
import { readFileSync } from 'node:fs';
import type { IncomingMessage } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { join } from 'node:path';
import type { MPDCluster, MPDOperation } from '@polarstack/api';
import { waitFor } from '@polarstack/base';
import { clusterManifest, createTestHome, missing, type TestHome } from '@polarstack/testkit';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

const signal = new AbortController().signal;
const TEST_MS = 300_000;

interface Answer {
  readonly status: number;
  readonly headers: IncomingMessage['headers'];
  readonly text: string;
}

describe.skipIf(missing('postgres') || missing('kubectl'))('REST API', () => {
  let home: TestHome;
  let url: string;
  let ca: string;
  let read: string;
  let operate: string;
  beforeAll(async () => {
    home = createTestHome();
    await home.polarstackOk(['up', '--no-demo'], { timeoutMs: 300_000 });
    url = (JSON.parse(readFileSync(join(home.dir, 'control.json'), 'utf8')) as { restUrl: string }).restUrl;
    ca = readFileSync(join(home.dir, 'pki', 'ca.crt'), 'utf8');
    await home.polarstackOk(['create', '-f', '-'], {
      input: clusterManifest('shop', { followerNum: 1 }),
      timeoutMs: TEST_MS,
    });
    read = (await home.polarstackOk(['token', 'create', 'viewer'])).trim();
    operate = (await home.polarstackOk(['token', 'create', 'robot', '--scope', 'operate', '--days', '1'])).trim();
  }, 700_000);
  afterAll(async () => await home.remove(), 200_000);

  interface Options {
    readonly token?: string;
    readonly body?: string | object;
    readonly headers?: Readonly<Record<string, string>>;
  }

  const open = async (method: string, path: string, { token, body, headers }: Options): Promise<IncomingMessage> =>
    await new Promise((resolve, reject) => {
      const authorization = token === undefined ? {} : { authorization: `Bearer ${token}` };
      const sent = httpsRequest(new URL(path, url), { method, ca, headers: { ...authorization, ...headers } }, resolve);
      sent.once('error', reject);
      sent.end(typeof body === 'object' ? JSON.stringify(body) : body);
    });
  const call = async (method: string, path: string, options: Options = {}): Promise<Answer> => {
    const response = await open(method, path, options);
    let text = '';
    for await (const chunk of response.setEncoding('utf8') as AsyncIterable<string>) text += chunk;
    return { status: response.statusCode ?? 0, headers: response.headers, text };
  };
  const get = async <T>(path: string, token = read): Promise<T> =>
    JSON.parse((await call('GET', path, { token })).text) as T;
  const shop = '/api/v1/namespaces/default/clusters/shop';
  const cluster = async (): Promise<MPDCluster> => await get<MPDCluster>(shop);
  const ended = async (name: string): Promise<MPDOperation> =>
    await waitFor(
      `${name} to end`,
      async () => {
        const found = await get<MPDOperation>(`/api/v1/namespaces/default/operations/${name}`);
        return found.status?.finishedAt ? found : undefined;
      },
      { signal, timeoutMs: 120_000, intervalMs: 100 },
    );

  test('it listens at the address of the home only', () => {
    expect(url).toMatch(/^https:\/\/127\.\d+\.0\.1:\d+$/);
  });

  test('without a valid token nothing is told, and the token is asked for', async () => {
    const last = operate.at(-1) === 'A' ? 'B' : 'A';
    for (const token of [undefined, 'x', `${operate}x`, operate.slice(0, -1) + last, read.split('_')[1] ?? '']) {
      const answer = await call('GET', shop, token === undefined ? {} : { token });
      expect(answer.status).toBe(401);
      expect(answer.headers['www-authenticate']).toBe('Bearer');
      expect(answer.headers['content-type']).toBe('application/problem+json');
      expect(JSON.parse(answer.text)).toMatchObject({ code: 'TokenMissing', status: 401, instance: shop });
    }
    const basic = await call('GET', shop, { headers: { authorization: `Basic ${operate}` } });
    expect(basic.status).toBe(401);
  });

  test('scope read sees and plans, and changes nothing', async () => {
    const { items } = await get<{ items: MPDCluster[] }>('/api/v1/clusters?namespace=default');
    expect(items.map(({ metadata }) => metadata.name)).toEqual(['shop']);
    expect(await get('/api/v1/clusters?namespace=other')).toEqual({ items: [] });
    const plan = await call('POST', `${shop}/plans`, { token: read, body: { type: 'RestartCluster' } });
    expect(JSON.parse(plan.text)).toMatchObject({
      outcome: 'plan',
      restarts: [expect.any(String), expect.any(String)],
    });
    for (const [path, body] of [
      [`${shop}/operations`, { type: 'RestartCluster' }],
      ['/api/v1/namespace/default/name/shop/rw_ins', { endpoint: '1.2.3.4:5' }],
    ] as const) {
      const refused = await call('POST', path, { token: read, body });
      expect(JSON.parse(refused.text)).toMatchObject({ code: 'TokenScope', status: 403, retry: 'never' });
    }
    const { items: made } = await get<{ items: MPDOperation[] }>(`${shop}/operations`);
    expect(made.map(({ spec }) => spec.type)).toEqual(['Create']);
  });

  test.each<[string, string, Options, number, string, RegExp]>([
    ['no such path', 'GET /api/v1/nonsense', {}, 404, 'RouteUnknown', /nonsense/],
    ['another method', `DELETE ${shop}`, {}, 405, 'RouteMethod', /DELETE/],
    ['no such cluster', 'GET /api/v1/namespaces/default/clusters/nobody', {}, 404, 'NotFound', /nobody/],
    ['no such operation', 'GET /api/v1/namespaces/default/operations/nobody', {}, 404, 'NotFound', /nobody/],
    ['no JSON', `POST ${shop}/operations`, { body: '{' }, 400, 'BadRequest', /JSON/],
    ['no type', `POST ${shop}/operations`, { body: {} }, 422, 'BodyInvalid', /type/],
    [
      'an unknown field',
      `POST ${shop}/operations`,
      { body: { type: 'SwitchRw', typo: 1 } },
      422,
      'BodyInvalid',
      /typo/,
    ],
    ['an unknown type', `POST ${shop}/operations`, { body: { type: 'Nonsense' } }, 422, 'OperationInvalid', /Nonsense/],
    ['a deletion', `POST ${shop}/operations`, { body: { type: 'Delete' } }, 422, 'OperationInvalid', /Delete/],
    [
      'unknown parameters',
      `POST ${shop}/operations`,
      { body: { type: 'SwitchRw', parameters: { to: '1' } } },
      422,
      'OperationInvalid',
      /to/,
    ],
    ['a huge body', `POST ${shop}/operations`, { body: `"${'x'.repeat(100_000)}"` }, 413, 'BodyTooLarge', /65536/],
  ])('%s: a problem with its code', async (_what, line, options, status, code, detail) => {
    const [method = '', path = ''] = line.split(' ');
    const answer = await call(method, path, { token: operate, ...options });
    expect(answer.status).toBe(status);
    expect(JSON.parse(answer.text)).toMatchObject({
      code,
      status,
      type: `urn:polarstack:error:${code}`,
      detail: expect.stringMatching(detail),
      remedy: expect.stringMatching(/\w/),
    });
    const { items } = await get<{ items: MPDOperation[] }>(`${shop}/operations`);
    expect(items).toHaveLength(1);
  });

  test('a plan that would be refused says why; one of an edit is made as if the spec said so', async () => {
    const { status } = await cluster();
    const parameters = { instance: status?.leaderInstanceId };
    const refused = await call('POST', `${shop}/plans`, { token: read, body: { type: 'RebuildRo', parameters } });
    expect(JSON.parse(refused.text)).toMatchObject({ outcome: 'refused', code: 'WrongInstance' });
    const body = { type: 'FlushParams', spec: { parameters: { work_mem: '9MB' } } };
    const planned = await call('POST', `${shop}/plans`, { token: read, body });
    expect(JSON.parse(planned.text)).toMatchObject({ outcome: 'plan' });
    expect((await cluster()).spec.parameters).toBeUndefined();
  });

  test('an operation waits for approval, is approved, and is recorded under the names of the tokens', {
    timeout: TEST_MS,
  }, async () => {
    const body = { type: 'RestartCluster', approval: 'manual', reason: 'monthly' };
    const headers = { 'idempotency-key': 'once' };
    const made = await call('POST', `${shop}/operations`, { token: operate, body, headers });
    expect(made.status).toBe(201);
    const { metadata, spec } = JSON.parse(made.text) as MPDOperation;
    const path = `/api/v1/namespaces/default/operations/${metadata.name}`;
    expect(made.headers.location).toBe(path);
    expect(spec).toMatchObject({ requester: 'robot', reason: 'monthly' });
    const again = await call('POST', `${shop}/operations`, { token: operate, body, headers });
    expect([again.status, (JSON.parse(again.text) as MPDOperation).metadata.uid]).toEqual([200, metadata.uid]);
    const other = await call('POST', `${shop}/operations`, { token: operate, body: { type: 'SwitchRw' }, headers });
    expect([other.status, JSON.parse(other.text)]).toEqual([409, expect.objectContaining({ code: 'Conflict' })]);
    await waitFor(
      'why to say it',
      async () => (await get<{ sentence: string }>(`${shop}/why`)).sentence.includes('waits for approval') || undefined,
      { signal, timeoutMs: 30_000 },
    );
    expect((await call('POST', `${path}/approval`, { token: operate })).status).toBe(200);
    const done = await ended(metadata.name ?? '');
    expect([done.status?.phase, done.spec.approval?.approver]).toEqual(['Succeeded', 'robot']);
    const late = await call('POST', `${path}/steering`, { token: operate, body: { action: 'Cancel' } });
    expect(late.status).toBe(409);
    const { items } = await get<{ items: { about: { kind: string } }[] }>(`${shop}/events`);
    expect(items.some(({ about }) => about.kind === 'MPDCluster')).toBe(true);
  });

  test('one that waits is cancelled by steering', { timeout: TEST_MS }, async () => {
    const body = { type: 'SwitchRw', startAt: '2100-01-01T00:00:00Z' };
    const made = JSON.parse((await call('POST', `${shop}/operations`, { token: operate, body })).text) as MPDOperation;
    const path = `/api/v1/namespaces/default/operations/${made.metadata.name}/steering`;
    expect((await call('POST', path, { token: operate, body: { action: 'Cancel' } })).status).toBe(202);
    expect((await ended(made.metadata.name ?? '')).status?.phase).toBe('Cancelled');
  });

  interface Event {
    readonly id: string;
    readonly event: string;
    readonly data: MPDOperation;
  }

  /** Reads events until one is what is wanted. */
  async function readStream(options: Options, path: string, until: (event: Event) => boolean): Promise<Event[]> {
    const response = await open('GET', path, options);
    expect([response.statusCode, response.headers['content-type']]).toEqual([200, 'text/event-stream']);
    const events: Event[] = [];
    let rest = '';
    for await (const chunk of response.setEncoding('utf8') as AsyncIterable<string>) {
      const parts = (rest + chunk).split('\n\n');
      rest = parts.pop() ?? '';
      for (const part of parts) {
        const fields = Object.fromEntries(part.split('\n').map((line) => line.split(/: (.*)/s) as [string, string]));
        if (fields.event === undefined) continue;
        const event = {
          id: fields.id ?? '',
          event: fields.event,
          data: JSON.parse(fields.data ?? '{}') as MPDOperation,
        };
        events.push(event);
        if (until(event)) {
          response.destroy();
          return events;
        }
      }
    }
    throw new Error(`the stream ended after ${events.length} events`);
  }

  test('live progress: everything there is, then each change; a client that comes back misses nothing', {
    timeout: TEST_MS,
  }, async () => {
    const path = '/api/v1/stream?namespace=default&cluster=shop';
    const isEnd = ({ event, data }: Event): boolean =>
      event === 'operation' && data.spec.type === 'RestartIns' && data.status?.phase === 'Succeeded';
    const first = await readStream(
      { token: read },
      path,
      ({ event, data }) => event === 'operation' && data.spec.type === 'Create',
    );
    expect(first.map(({ event }) => event).slice(0, 2)).toEqual(['reset', 'cluster']);
    const [ro] = Object.values((await cluster()).status?.dbInstanceStatus ?? {}).filter(
      ({ insType }) => insType === 'ro',
    );
    const body = { type: 'RestartIns', parameters: { instance: ro?.insId } };
    const made = JSON.parse((await call('POST', `${shop}/operations`, { token: operate, body })).text) as MPDOperation;
    await ended(made.metadata.name ?? '');
    const headers = { 'last-event-id': first.at(-1)?.id ?? '' };
    const missed = await readStream({ token: read, headers }, path, isEnd);
    expect(missed.some(({ event }) => event === 'reset')).toBe(false);
    const running = missed
      .filter(({ data }) => data.metadata.name === made.metadata.name)
      .map(({ data }) => data.status?.phase);
    expect(running.filter((phase, i) => phase !== running[i - 1])).toEqual(
      expect.arrayContaining(['Running', 'Succeeded']),
    );
    const resumed = await readStream(
      { token: read, headers: { 'last-event-id': missed.at(-2)?.id ?? '' } },
      path,
      isEnd,
    );
    expect(resumed.map(({ id }) => id)).toEqual([missed.at(-1)?.id]);
    const stranger = await readStream({ token: read, headers: { 'last-event-id': 'other-7' } }, path, () => true);
    expect(stranger[0]?.event).toBe('reset');
  });

  test("the original's routes keep working", { timeout: TEST_MS }, async () => {
    const base = '/api/v1/namespace/default/name/shop';
    const endpointOf = async (insType: 'rw' | 'ro'): Promise<string> => {
      const found = Object.values((await cluster()).status?.dbInstanceStatus ?? {}).find(
        (one) => one.insType === insType,
      );
      return `${found?.netInfo?.workingHostIP}:${found?.netInfo?.workingPort}`;
    };
    const post = async (route: string, body: object): Promise<Answer> =>
      await call('POST', `${base}/${route}`, { token: operate, body });
    const okay = { status: 200, text: '{"status":"ok","msg":{}}' };
    expect(await post('rw_ins', { endpoint: await endpointOf('rw') })).toMatchObject(okay);
    expect((await post('rw_ins', {})).status).toBe(400);
    const unknown = await post('rw_ins', { endpoint: '9.9.9.9:1' });
    expect([unknown.status, unknown.headers['content-type']]).toEqual([500, 'text/plain; charset=utf-8']);
    const wanted = await endpointOf('ro');
    expect(await post('rw_ins', { endpoint: wanted })).toMatchObject(okay);
    expect(await post('rw_ins', { endpoint: wanted })).toMatchObject(okay);
    await waitFor('the switch', async () => (await endpointOf('rw')) === wanted || undefined, {
      signal,
      timeoutMs: 120_000,
      intervalMs: 200,
    });
    const { items } = await get<{ items: MPDOperation[] }>(`${shop}/operations`);
    expect(items.filter(({ spec }) => spec.reason === `rw_ins ${wanted}`)).toHaveLength(1);
    const report = { endpoint: wanted, engineStatus: 'RUNNING', reason: 'seen' };
    expect(await post('meta/engine_status', report)).toMatchObject(okay);
    expect(await post('meta/engine_status', { ...report, engineStatus: 'STOPPED' })).toMatchObject(okay);
    // Written as it was reported, then put right by what the agent says.
    const reported = await waitFor(
      'what the agent says',
      async () => {
        const all = Object.values((await cluster()).status?.dbInstanceStatus ?? {});
        return all.find(
          ({ currentState, lastState }) => currentState?.state === 'RUNNING' && lastState?.state === 'STOPPED',
        );
      },
      { signal, timeoutMs: 60_000, intervalMs: 100 },
    );
    expect(reported.lastState?.reason).toBe('seen');
    expect((await post('meta/engine_status', { endpoint: wanted })).status).toBe(400);
    expect((await call('POST', `${base}/rw_ins`, { body: { endpoint: wanted } })).status).toBe(401);
  });

  test('the OpenAPI document that is served is the one of the reference, and needs no token', async () => {
    const { text } = await call('GET', '/api/v1/openapi.json');
    const committed = readFileSync(join(import.meta.dirname, '../../docs/reference/rest-api.openapi.json'), 'utf8');
    expect(JSON.parse(text)).toEqual(JSON.parse(committed));
  });

  test('tokens: listed without what is secret, kept hashed, in no log, and worth nothing once revoked', {
    timeout: TEST_MS,
  }, async () => {
    expect(await home.polarstackOk(['token', 'list'])).toMatch(
      /robot +operate[\s\S]*viewer +read|viewer +read[\s\S]*robot +operate/,
    );
    const secrets = [read, operate].map((token) => token.split('_')[2] ?? '');
    const kept = await home.kubectlOk([
      'get',
      'secret',
      '-n',
      'polarstack-system',
      'polarstack-api-tokens',
      '-o',
      'json',
    ]);
    const values = Object.values((JSON.parse(kept) as { data: Record<string, string> }).data);
    const stored = values.map((data) => Buffer.from(data, 'base64').toString()).join('\n');
    const log = readFileSync(join(home.dir, 'logs', 'control.log'), 'utf8');
    expect(log).toContain('a call was carried out');
    for (const secret of secrets) for (const place of [stored, log]) expect(place).not.toContain(secret);
    expect((await home.polarstack(['token', 'create', 'viewer'])).code).toBe(5);
    const stream = readStream({ token: read }, '/api/v1/stream', () => false).catch((error: Error) => error.message);
    await home.polarstackOk(['token', 'revoke', 'viewer']);
    await waitFor(
      'the end of the token',
      async () => (await call('GET', shop, { token: read })).status === 401 || undefined,
      {
        signal,
        timeoutMs: 30_000,
      },
    );
    expect(await stream).toMatch(/the stream ended after \d+ events/);
    expect((await call('GET', shop, { token: operate })).status).toBe(200);
  });
});
