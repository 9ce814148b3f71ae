import { once } from 'node:events';
import { setTimeout as pause } from 'node:timers/promises';
import { connect, type TLSSocket } from 'node:tls';
import fc from 'fast-check';
import { afterEach, describe, expect, it } from 'vitest';
import { arrayAt, isObject, type JsonObject, stringAt, valueAt } from '../json.ts';
import { createMemoryStore } from '../store/memory-store.ts';
import { startTestServer, type TestServer, type TestServerOptions } from '../testing/test-server.ts';
import { type OpenWatch, openWatch } from '../testing/watch-client.ts';

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
const named = (name: string) => (event: { readonly object: JsonObject }) =>
  stringAt(event.object, 'metadata', 'name') === name;
const make = (server: TestServer, name: string, labels: object = {}) =>
  server.admin.call('POST', path, { metadata: { name, labels } });
const watch = (server: TestServer, query: string, accept?: string): Promise<OpenWatch> =>
  openWatch(server.admin, server.server.port, `${path}?watch=true&${query}`, accept);

async function watchers(server: TestServer): Promise<number> {
  const { text } = await server.admin.call('GET', '/metrics');
  return Number(/^apiserver_longrunning_requests\{verb="watch"\} (\d+)$/m.exec(text)?.[1]);
}

describe('a watch', () => {
  it('without a version begins with what is there', async () => {
    const server = await start();
    await make(server, 'before');
    const open = await watch(server, '');
    expect((await open.until(named('before'))).type).toBe('ADDED');
    await make(server, 'after');
    expect((await open.until(named('after'))).type).toBe('ADDED');
    await server.admin.call('PATCH', `${path}/after`, { data: { a: 'b' } }, merge);
    await open.until((event) => event.type === 'MODIFIED');
    await server.admin.call('DELETE', `${path}/after`);
    await open.until((event) => event.type === 'DELETED');
    open.close();
  });

  it('from a version tells what came after it, once and in order (W1)', async () => {
    const server = await start();
    const first = await make(server, 'one');
    await make(server, 'two');
    const open = await watch(server, `resourceVersion=${stringAt(first.body, 'metadata', 'resourceVersion')}`);
    await open.until(named('two'));
    await make(server, 'three');
    await open.until(named('three'));
    expect(open.events.map((event) => valueAt(event.object, 'metadata', 'name'))).toEqual(['two', 'three']);
    open.close();
  });

  it('shows what enters and leaves its selection as ADDED and DELETED (W1)', async () => {
    const server = await start();
    const listed = await server.admin.call('GET', path);
    const open = await watch(
      server,
      `labelSelector=on%3Dyes&resourceVersion=${stringAt(listed.body, 'metadata', 'resourceVersion')}`,
    );
    await make(server, 'x', { on: 'no' });
    await server.admin.call('PATCH', `${path}/x`, { metadata: { labels: { on: 'yes' } } }, merge);
    await server.admin.call('PATCH', `${path}/x`, { data: { a: 'b' } }, merge);
    await server.admin.call('PATCH', `${path}/x`, { metadata: { labels: { on: 'no' } } }, merge);
    await open.until((event) => event.type === 'DELETED');
    expect(open.events.map((event) => event.type)).toEqual(['ADDED', 'MODIFIED', 'DELETED']);
    open.close();
  });

  it('of a version that is no longer kept is told that it is expired (W6)', async () => {
    const store = createMemoryStore({ historyLimit: { events: 2, bytes: 1_000_000 } });
    const server = await start({ store });
    for (const name of ['a', 'b', 'c', 'd']) await make(server, name);
    const answer = await server.admin.call('GET', `${path}?watch=true&resourceVersion=1`);
    expect(answer.body).toMatchObject({ type: 'ERROR', object: { code: 410, reason: 'Expired' } });
  });

  it('of the state of a version that does not come is told so, so that clients list again (W6)', async () => {
    const server = await start();
    const initial = 'sendInitialEvents=true&resourceVersionMatch=NotOlderThan';
    const answer = await server.admin.call('GET', `${path}?watch=true&${initial}&resourceVersion=999999`);
    expect(answer.body).toMatchObject({
      type: 'ERROR',
      object: { code: 504, reason: 'Timeout', details: { causes: [{ reason: 'ResourceVersionTooLarge' }] } },
    });
  });

  it('of a version that does not come waits for it, says nothing and ends after its timeout (W7)', async () => {
    const server = await start({ server: { bookmarkMs: 20 } });
    const open = await watch(server, 'resourceVersion=999999&allowWatchBookmarks=true&timeoutSeconds=1');
    await make(server, 'early');
    await open.closed;
    expect([open.code, open.events]).toEqual([200, []]);
  });

  it('of a version that comes in time tells what is after it', async () => {
    const server = await start();
    const made = await make(server, 'one');
    const from = Number(stringAt(made.body, 'metadata', 'resourceVersion')) + 1;
    const open = await watch(server, `resourceVersion=${from}`);
    await make(server, 'two');
    await make(server, 'three');
    await open.until(named('three'));
    expect(open.events.map((event) => valueAt(event.object, 'metadata', 'name'))).toEqual(['three']);
    open.close();
  });

  it('has no body where only its head is asked for, and is plain text for old clients', async () => {
    const { server, admin, adminKeys, caPem } = await start();
    for (const [method, version, rest] of [
      ['HEAD', '1.1', /^$/],
      ['GET', '1.0', /^\{"type":"ADDED".*\}\n\{"type":"ADDED".*\}\n$/s],
      ['GET', '1.1', /^[0-9a-f]+\r\n\{"type":"ADDED".*\}\n\r\n0\r\n\r\n$/s],
    ] as const) {
      const socket = connect({
        port: server.port,
        host: '127.0.0.1',
        ca: caPem,
        cert: adminKeys.certPem,
        key: adminKeys.keyPem,
      });
      let text = '';
      socket.setEncoding('utf8').on('data', (chunk: string) => {
        text += chunk;
      });
      await once(socket, 'secureConnect');
      const query = 'watch=true&timeoutSeconds=1&resourceVersion=0';
      socket.write(`${method} ${path}?${query} HTTP/${version}\r\nHost: a\r\nConnection: close\r\n\r\n`);
      const ended = once(socket, 'close');
      while (!text.includes('\r\n\r\n')) await once(socket, 'data');
      const names = [`first-${method.toLowerCase()}-${version}`, `second-${method.toLowerCase()}-${version}`];
      for (const name of names) await admin.call('POST', path, { metadata: { name } });
      await ended;
      const [head, body] = [text.slice(0, text.indexOf('\r\n\r\n')), text.slice(text.indexOf('\r\n\r\n') + 4)];
      expect(head).toContain('200 OK');
      expect(body).toMatch(rest);
    }
  });

  it('refuses sendInitialEvents without what belongs to it', async () => {
    const server = await start();
    const answer = await server.admin.call('GET', `${path}?watch=true&sendInitialEvents=true&allowWatchBookmarks=true`);
    expect(answer.body).toMatchObject({ code: 422, reason: 'Invalid' });
  });

  it('carries bookmarks and ends after its timeout (W2)', async () => {
    const server = await start({ server: { bookmarkMs: 50 } });
    const open = await watch(server, 'allowWatchBookmarks=true&timeoutSeconds=1');
    const bookmark = await open.until((event) => event.type === 'BOOKMARK');
    expect(bookmark.object).toMatchObject({
      kind: 'ConfigMap',
      metadata: { resourceVersion: String(server.store.revision) },
    });
    await open.closed;
  });

  it('can show table rows', async () => {
    const server = await start();
    await make(server, 'row');
    const open = await watch(server, '', 'application/json;as=Table;v=v1;g=meta.k8s.io');
    const event = await open.until(() => true);
    expect(event.object).toMatchObject({ kind: 'Table', rows: [{ cells: ['row', 0, expect.any(String)] }] });
    open.close();
  });

  it('may begin with more than the bound', async () => {
    const server = await start({ server: { maxWatchBufferBytes: 64 * 1024 } });
    for (let i = 0; i < 30; i++) {
      await server.admin.call('POST', path, { metadata: { name: `big-${i}` }, data: { big: 'x'.repeat(200_000) } });
    }
    const open = await watch(server, '');
    await open.until(named('big-9')); // the last by name
    expect(open.events).toHaveLength(30);
    await make(server, 'small');
    await open.until(named('small'));
    open.close();
  });

  /** A watch that reads the head of its answer and then nothing more. */
  async function deaf(server: TestServer): Promise<TLSSocket> {
    const { certPem: cert, keyPem: key } = server.adminKeys;
    const socket = connect({ host: '127.0.0.1', port: server.server.port, ca: server.caPem, cert, key });
    await new Promise((resolve) => socket.once('secureConnect', resolve));
    socket.on('error', () => {});
    socket.write(`GET ${path}?watch=true HTTP/1.1\r\nHost: x\r\n\r\n`);
    await new Promise((resolve) => socket.once('readable', resolve));
    socket.pause();
    return socket;
  }

  it('is cut off when too much waits for all together, and those that read go on (W3)', async () => {
    // Far below what may wait for each.
    const server = await start({ server: { maxWatchBufferTotalBytes: 1024 * 1024 } });
    const sockets = await Promise.all(Array.from({ length: 8 }, () => deaf(server)));
    const other = await watch(server, '');
    expect(await watchers(server)).toBe(9);
    const data = { big: 'x'.repeat(200_000) };
    for (let i = 0; i < 60 && (await watchers(server)) > 4; i++) {
      await server.admin.call('POST', path, { metadata: { name: `big-${i}` }, data });
    }
    expect(await watchers(server)).toBeLessThanOrEqual(4);
    await make(server, 'last');
    await other.until(named('last'));
    other.close();
    for (const socket of sockets) socket.destroy();
  });

  it('that nobody reads is cut off, and others go on (W3)', async () => {
    const server = await start({ server: { maxWatchBufferBytes: 256 * 1024 } });
    const socket = await deaf(server);
    const closed = new Promise((resolve) => socket.once('close', resolve));
    const other = await watch(server, '');
    const data = { big: 'x'.repeat(200_000) };
    let isClosed = false;
    for (let i = 0; i < 200 && !isClosed; i++) {
      await server.admin.call('POST', path, { metadata: { name: `big-${i}` }, data });
      isClosed = (await watchers(server)) === 1;
    }
    expect(isClosed).toBe(true);
    await make(server, 'last');
    await other.until(named('last'));
    other.close();
    socket.destroy();
    await closed;
  });
});

describe('lists', () => {
  const names = (body: JsonObject): readonly unknown[] =>
    arrayAt(body, 'items').map((item) => valueAt(item, 'metadata', 'name'));

  it('come in pages of one moment', async () => {
    const server = await start();
    for (const name of ['a', 'b', 'c', 'd', 'e']) await make(server, name);
    const first = await server.admin.call('GET', `${path}?limit=2`);
    expect(names(first.body)).toEqual(['a', 'b']);
    expect(first.body.metadata).toMatchObject({ remainingItemCount: 3 });
    await server.admin.call('DELETE', `${path}/c`);
    await make(server, 'f');
    const next = stringAt(first.body, 'metadata', 'continue') ?? '';
    const second = await server.admin.call('GET', `${path}?limit=2&continue=${next}`);
    expect(names(second.body)).toEqual(['c', 'd']);
    expect(valueAt(second.body, 'metadata', 'resourceVersion')).toBe(
      valueAt(first.body, 'metadata', 'resourceVersion'),
    );
    const third = await server.admin.call(
      'GET',
      `${path}?limit=2&continue=${stringAt(second.body, 'metadata', 'continue') ?? ''}`,
    );
    expect(names(third.body)).toEqual(['e']);
    expect(valueAt(third.body, 'metadata', 'continue')).toBeUndefined();
    expect((await server.admin.call('GET', `${path}?limit=2&continue=nonsense`)).code).toBe(400);
  });

  it('go on in the present where the moment is forgotten (P1)', async () => {
    const store = createMemoryStore({ historyLimit: { events: 2, bytes: 1_000_000 } });
    const server = await start({ store, server: { pageMs: 0 } });
    for (const name of ['a', 'b', 'c', 'd', 'e']) await make(server, name);
    const next = (body: JsonObject) => stringAt(body, 'metadata', 'continue') ?? '';
    const first = await server.admin.call('GET', `${path}?limit=2`);
    for (const name of ['x', 'y', 'z']) await make(server, name);
    const second = await server.admin.call('GET', `${path}?limit=2&continue=${next(first.body)}`);
    expect(second.body).toMatchObject({ code: 410, reason: 'Expired' });
    const rest = await server.admin.call('GET', `${path}?continue=${next(second.body)}`);
    expect(names(rest.body)).toEqual(['c', 'd', 'e', 'x', 'y', 'z']);
  });

  it('show an exact older version', async () => {
    const server = await start();
    await make(server, 'kept');
    const made = await make(server, 'gone');
    const version = stringAt(made.body, 'metadata', 'resourceVersion') ?? '';
    await server.admin.call('DELETE', `${path}/gone`);
    await make(server, 'new');
    const exact = await server.admin.call('GET', `${path}?resourceVersion=${version}&resourceVersionMatch=Exact`);
    expect(names(exact.body)).toEqual(['gone', 'kept']);
    expect(valueAt(exact.body, 'metadata', 'resourceVersion')).toBe(version);
    const newer = await server.admin.call(
      'GET',
      `${path}?resourceVersion=${version}&resourceVersionMatch=NotOlderThan`,
    );
    expect(names(newer.body)).toEqual(['kept', 'new']);
  });
});

/** What a client holds after a list and a watch must be what the server holds. */
describe('a list and the watch that follows it', () => {
  const command = fc.record({
    name: fc.constantFrom('a', 'b', 'c', 'd'),
    what: fc.constantFrom('create', 'label', 'unlabel', 'touch', 'delete'),
  });

  it('agree with the server whatever happens', async () => {
    const server = await start();
    const apply = ({ name, what }: { readonly name: string; readonly what: string }) => {
      const one = `${path}/${name}`;
      switch (what) {
        case 'create':
          return make(server, name, { on: 'yes' });
        case 'label':
          return server.admin.call('PATCH', one, { metadata: { labels: { on: 'yes' } } }, merge);
        case 'unlabel':
          return server.admin.call('PATCH', one, { metadata: { labels: { on: null } } }, merge);
        case 'touch':
          return server.admin.call('PATCH', one, { data: { at: String(Math.random()) } }, merge);
        default:
          return server.admin.call('DELETE', one);
      }
    };
    const property = fc.asyncProperty(
      fc.array(command, { minLength: 1, maxLength: 12 }),
      fc.array(command, { maxLength: 20 }),
      async (before, after) => {
        await Promise.all(before.map(apply));
        const listed = await server.admin.call('GET', `${path}?labelSelector=on`);
        const held = new Map<string, unknown>();
        for (const item of arrayAt(listed.body, 'items'))
          held.set(stringAt(item, 'metadata', 'name') ?? '', version(item));
        const from = stringAt(listed.body, 'metadata', 'resourceVersion') ?? '';
        const [open] = await Promise.all([
          watch(server, `labelSelector=on&resourceVersion=${from}`),
          ...after.map(apply),
        ]);
        // A marker that the watch must show last: everything before it has been told by then.
        await make(server, 'marker', { on: 'yes' });
        await open.until(named('marker'));
        let last = Number(from);
        for (const { type, object } of open.events) {
          const name = stringAt(object, 'metadata', 'name') ?? '';
          expect(Number(version(object))).toBeGreaterThan(last);
          last = Number(version(object));
          expect(held.has(name)).toBe(type !== 'ADDED');
          if (type === 'DELETED') held.delete(name);
          else held.set(name, version(object));
        }
        open.close();
        const end = await server.admin.call('GET', `${path}?labelSelector=on`);
        const real = new Map(
          arrayAt(end.body, 'items').map((item) => [stringAt(item, 'metadata', 'name') ?? '', version(item)]),
        );
        expect(held).toEqual(real);
        await server.admin.call('DELETE', path);
      },
    );
    await fc.assert(property, { numRuns: 40 });
  });
});

const version = (object: unknown): unknown =>
  isObject(object) ? valueAt(object, 'metadata', 'resourceVersion') : undefined;

describe('stopping', () => {
  it('ends watches in order (K2)', async () => {
    const server = await start();
    const open = await watch(server, '');
    await pause(0);
    await server.server.close();
    await open.closed;
  });
});
