import { isStackError, waitFor } from '@polarstack/base';
import type { ConfigMap } from 'kubernetes-types/core/v1.js';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { createKubeClient, type KubeHttpClient } from './create-client.ts';
import { type Change, createInformer, type Informer } from './informer.ts';
import { ConfigMaps } from './resources.ts';
import { type FakeServer, startFakeServer } from './testing/fake-server.ts';

let server: FakeServer;
let client: KubeHttpClient;
let stop: AbortController;
let running: Promise<void>[];
let errors: unknown[];

beforeEach(async () => {
  server = await startFakeServer();
  client = createKubeClient({ server: server.url });
  stop = new AbortController();
  running = [];
  errors = [];
});

afterEach(async () => {
  stop.abort();
  await Promise.all(running);
  await client.close();
  await server.close();
});

function start(): Informer<ConfigMap, 'color'> & { readonly seen: string[] } {
  const informer = createInformer({
    client,
    resource: ConfigMaps,
    backoff: { baseMs: 1, maxMs: 20 },
    onError: (error) => errors.push(error),
    indexes: { color: (object) => Object.values(object.data ?? {}) },
  });
  const seen: string[] = [];
  informer.onChange((change: Change<ConfigMap>) => {
    seen.push(`${change.type} ${change.object.metadata?.name}`);
  });
  running.push(informer.start(stop.signal));
  return Object.assign(informer, { seen });
}

const until = async (what: string, holds: () => boolean): Promise<void> => {
  await waitFor(what, async () => (holds() ? true : undefined), {
    signal: stop.signal,
    timeoutMs: 20_000,
    intervalMs: 2,
  });
};

describe('a copy', () => {
  test('holds what the server holds, found by key and by index (I1)', async () => {
    server.put('a', { data: { c: 'red' } });
    server.put('b', { data: { c: 'red', d: 'blue' } });
    const informer = start();
    await informer.synced;
    expect(informer.hasSynced).toBe(true);
    expect(informer.get('default/a')?.data).toEqual({ c: 'red' });
    const named = (color: string) => informer.byIndex('color', color).map((o) => o.metadata?.name);
    expect(named('red')).toEqual(['a', 'b']);
    expect(named('blue')).toEqual(['b']);
    await until('the watch', () => server.watchers === 1);
    server.put('a', { data: { c: 'blue' } });
    server.remove('b');
    await until('the events', () => informer.seen.length === 4);
    expect(informer.seen).toEqual(['ADDED a', 'ADDED b', 'MODIFIED a', 'DELETED b']);
    expect([named('red'), named('blue')]).toEqual([[], ['a']]);
    expect(informer.list()).toHaveLength(1);
  });

  test('an object made anew under the same name is told as DELETED and ADDED', async () => {
    server.put('a');
    const informer = start();
    await until('the watch', () => server.watchers === 1);
    server.answer({ status: 503, body: '' });
    server.resetWatches();
    server.remove('a');
    server.put('a');
    server.forgetHistory();
    await until('the new object', () => informer.seen.length === 3);
    expect(informer.seen).toEqual(['ADDED a', 'DELETED a', 'ADDED a']);
  });
});

describe('what a copy never does', () => {
  const line = (type: string, name: string, version: number, data = {}): string =>
    JSON.stringify({
      type,
      object: {
        metadata: { name, namespace: 'default', uid: `uid-${name}-2`, resourceVersion: String(version) },
        data,
      },
    });

  test('it goes back to no older version, of an object or of itself (I4)', async () => {
    server.put('a', { data: { v: 'new' } });
    const informer = start();
    await until('the watch', () => server.watchers === 1);
    server.sendLine(line('MODIFIED', 'a', 9, { v: 'newer' }));
    await until('the change', () => informer.resourceVersion === '9');
    server.sendLine(line('MODIFIED', 'a', 5, { v: 'older' }));
    server.sendLine(line('DELETED', 'a', 6));
    server.sendLine(JSON.stringify({ type: 'BOOKMARK', object: { metadata: { resourceVersion: '7' } } }));
    await until('the bookmark', () => informer.stats().bookmarks === 1);
    expect([informer.resourceVersion, informer.get('default/a')?.data]).toEqual(['9', { v: 'newer' }]);
    server.closeWatches();
    await until('the next watch', () => server.watchers === 1);
    expect(server.requests.at(-1)?.query.get('resourceVersion')).toBe('9');
  });

  test('an object that an index cannot take holds up no other, and is left as it was (I5)', async () => {
    server.put('a', { data: { c: 'red' } });
    server.put('b', { data: { c: 'bad' } });
    const informer = createInformer({
      client,
      resource: ConfigMaps,
      onError: (error) => errors.push(error),
      indexes: {
        color: ({ data }) => {
          if (data?.c === 'bad') throw new Error('not this one');
          return [data?.c ?? ''];
        },
      },
    });
    running.push(informer.start(stop.signal));
    await informer.synced;
    await until('the watch', () => server.watchers === 1);
    server.put('a', { data: { c: 'bad' } });
    server.put('c', { data: { c: 'blue' } });
    await until('the last', () => informer.get('default/c') !== undefined);
    expect([informer.get('default/a')?.data, informer.get('default/b')]).toEqual([{ c: 'red' }, undefined]);
    expect(informer.byIndex('color', 'red')).toHaveLength(1);
    expect(errors.map((error) => (error as Error).message)).toEqual(['not this one', 'not this one']);
    expect(informer.stats().lists).toBe(1);
  });

  test('it tells no deletion that it only inferred as if it had seen it (I3)', async () => {
    server.put('seen');
    server.put('missed');
    const informer = start();
    const stale: unknown[] = [];
    informer.onChange((change) => {
      if (change.type === 'DELETED') stale.push([change.object.metadata?.name, change.isStale === true]);
    });
    await until('the watch', () => server.watchers === 1);
    server.remove('seen');
    await until('the first', () => stale.length === 1);
    server.answer({ status: 503, body: '' });
    server.resetWatches();
    server.remove('missed');
    server.forgetHistory();
    await until('the second', () => stale.length === 2);
    expect(stale).toEqual([
      ['seen', false],
      ['missed', true],
    ]);
  });
});

describe('a handler', () => {
  test('that throws is reported, and neither it nor the others lose a change (I2)', async () => {
    const informer = start();
    const told: string[] = [];
    informer.onChange(({ object }) => {
      told.push(object.metadata?.name ?? '');
      if (told.length === 1) throw new Error('handler broke');
    });
    const asynchronous: string[] = [];
    informer.onChange(async ({ object }) => {
      await Promise.resolve();
      asynchronous.push(object.metadata?.name ?? '');
      throw new Error('rejected');
    });
    await until('the watch', () => server.watchers === 1);
    server.put('a');
    server.put('b');
    await until('the changes', () => told.length === 2 && asynchronous.length === 2 && informer.seen.length === 2);
    await until('the reports', () => errors.length === 3);
    expect(errors.map((e) => (e as Error).message).sort()).toEqual(['handler broke', 'rejected', 'rejected']);
    expect(informer.stats()).toMatchObject({ lists: 1, watches: 1 });
  });

  test('that never ends delays neither the copy nor the other handlers (I2)', async () => {
    const informer = start();
    informer.onChange(async () => await new Promise<void>(() => {}));
    await until('the watch', () => server.watchers === 1);
    server.put('a');
    server.put('b');
    await until('the changes', () => informer.seen.length === 2);
    expect(informer.list()).toHaveLength(2);
  });

  test('that comes late is told what is there; one that left is told nothing', async () => {
    server.put('a');
    const informer = start();
    await informer.synced;
    const late: string[] = [];
    const leave = informer.onChange(({ type, object }) => {
      late.push(`${type} ${object.metadata?.name}`);
    });
    await until('the late one', () => late.length === 1);
    leave();
    await until('the watch', () => server.watchers === 1);
    server.put('b');
    await until('the first handler', () => informer.seen.length === 2);
    expect(late).toEqual(['ADDED a']);
  });
});

describe('trouble', () => {
  test('a TCP reset: the watch resumes after the last event, without a list (R2, F3)', async () => {
    server.put('a');
    const informer = start();
    for (const name of ['b', 'c', 'd', 'e']) {
      await until('the watch', () => server.watchers === 1);
      server.put(name);
      await until(`the event of ${name}`, () => informer.get(`default/${name}`) !== undefined);
      server.resetWatches();
    }
    // Nobody is connected now:
    server.put('f');
    server.remove('a');
    await until('what happened meanwhile', () => informer.seen.includes('DELETED a'));
    expect(informer.seen).toEqual(['ADDED a', 'ADDED b', 'ADDED c', 'ADDED d', 'ADDED e', 'ADDED f', 'DELETED a']);
    expect(informer.stats()).toMatchObject({ lists: 1, watches: 5 });
    expect(errors.every((error) => isStackError(error, 'ApiUnreachable'))).toBe(true);
    const versions = server.requests
      .filter((r) => r.query.has('watch') && !r.query.has('sendInitialEvents'))
      .map((r) => r.query.get('resourceVersion'));
    expect(versions).toEqual(['2', '3', '4', '5', '6']);
  });

  test('a reset in the middle of a line: the event comes whole with the next connection', async () => {
    const informer = start();
    await until('the watch', () => server.watchers === 1);
    server.sendLine('{"type":"ADDED","object":{"metadata":');
    server.resetWatches();
    server.put('a');
    await until('the event', () => informer.seen.length === 1);
    expect(informer.stats()).toMatchObject({ lists: 1 });
  });

  test('410 in the answer: one new list, and what went away is told as DELETED (I3, F2)', async () => {
    for (const name of ['a', 'b', 'c']) server.put(name, { data: { v: name } });
    const informer = start();
    const deleted: (ConfigMap | undefined)[] = [];
    informer.onChange((change) => {
      if (change.type === 'DELETED') deleted.push(change.object);
    });
    await until('the watch', () => server.watchers === 1);
    server.answer({ status: 503, body: '' }, { status: 503, body: '' });
    server.resetWatches();
    server.remove('b');
    server.put('d');
    server.put('a', { data: { v: 'new' } });
    server.forgetHistory();
    await until('the second list', () => informer.stats().lists === 2 && informer.get('default/d') !== undefined);
    await until('the handlers', () => informer.seen.length === 6);
    expect(informer.seen).toEqual(['ADDED a', 'ADDED b', 'ADDED c', 'DELETED b', 'MODIFIED a', 'ADDED d']);
    expect(deleted[0]?.data).toEqual({ v: 'b' });
    expect(errors.filter((error) => isStackError(error, 'Gone'))).toHaveLength(1);
  });

  test('an ERROR event 410: a new list; an ERROR event 500: the watch resumes (F3)', async () => {
    const informer = start();
    await until('the watch', () => server.watchers === 1);
    const error = (code: number, reason: string) =>
      JSON.stringify({ type: 'ERROR', object: { kind: 'Status', code, reason, message: `test ${code}` } });
    server.sendLine(error(500, 'InternalError'));
    await until('the second watch', () => informer.stats().watches === 2 && server.watchers === 1);
    expect(informer.stats().lists).toBe(1);
    server.sendLine(error(410, 'Expired'));
    await until('the second list', () => informer.stats().lists === 2 && server.watchers === 1);
    server.put('a');
    await until('an event', () => informer.seen.length === 1);
    expect(errors.map((e) => (e as Error).message)).toEqual(['test 500', 'test 410']);
  });

  test('a server that fails to list at first is asked until it answers (F1)', async () => {
    server.put('a');
    server.answer({ status: 0, body: '', reset: true }, { status: 500, body: 'no' }, { status: 429, body: '' });
    const informer = start();
    await informer.synced;
    expect(informer.stats().lists).toBe(4);
    expect(informer.list()).toHaveLength(1);
  });

  test('a watch resumes from a bookmark, so that its version does not age away', async () => {
    server.put('a');
    const informer = start();
    await until('the watch', () => server.watchers === 1);
    server.forgetHistory();
    server.bookmark();
    await until('the bookmark', () => informer.stats().bookmarks === 1);
    server.closeWatches();
    await until('the second watch', () => informer.stats().watches === 2 && server.watchers === 1);
    expect(informer.stats().lists).toBe(1);
    expect(server.requests.at(-1)?.query.get('resourceVersion')).toBe('3');
    expect(server.requests.at(-1)?.query.get('allowWatchBookmarks')).toBe('true');
  });

  test('a server that closes every watch at once is not hammered (R3)', async () => {
    const slow = createInformer({ client, resource: ConfigMaps, backoff: { baseMs: 10_000, maxMs: 10_000 } });
    running.push(slow.start(stop.signal));
    await until('the watch', () => server.watchers === 1);
    server.closeWatches();
    server.put('a');
    const other = start();
    await until('another informer', () => other.seen.length === 1);
    expect(slow.stats().watches).toBe(1);
  });

  test('nothing outlives the signal', async () => {
    start();
    await until('the watch', () => server.watchers === 1);
    stop.abort();
    await Promise.all(running);
    stop = new AbortController();
    await until('no watch left', () => server.watchers === 0);
  });
});
