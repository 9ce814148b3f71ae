import { StackError } from '@polarstack/base';
import { createVirtualClock } from '@polarstack/testkit';
import type { Event } from 'kubernetes-types/core/v1.js';
import { expect, test } from 'vitest';
import { createEventRecorder } from './event-recorder.ts';

const cluster = {
  apiVersion: 'mpd.polardb.aliyun.com/v1',
  kind: 'MPDCluster',
  metadata: { name: 'demo', namespace: 'db', uid: 'u1', resourceVersion: '7' },
};

/** Just enough of a server for events. */
function fakeEvents() {
  const stored = new Map<string, Event>();
  let failure: StackError | undefined;
  let writes = 0;
  const client = {
    create: async (_: unknown, event: Event) => {
      writes++;
      if (failure !== undefined) throw failure;
      const key = `${event.metadata.namespace}/${event.metadata.name}`;
      if (stored.has(key)) throw new StackError('AlreadyExists', key);
      stored.set(key, event);
      return event;
    },
    get: async (_: unknown, { namespace, name }: { namespace?: string; name: string }) => {
      const event = stored.get(`${namespace}/${name}`);
      if (event === undefined) throw new StackError('NotFound', name);
      return event;
    },
    patch: async (_: unknown, { namespace, name }: { namespace?: string; name: string }, patch: { body: object }) => {
      writes++;
      const changed = { ...stored.get(`${namespace}/${name}`), ...patch.body } as Event;
      stored.set(`${namespace}/${name}`, changed);
      return changed;
    },
  };
  return {
    client: client as never,
    events: () => [...stored.values()],
    writes: () => writes,
    fail: (error: StackError | undefined) => {
      failure = error;
    },
  };
}

const signal = new AbortController().signal;
const started = { type: 'Normal', reason: 'Started', message: 'it started' } as const;

test('an event says about what, by whom, what and when', async () => {
  const server = fakeEvents();
  const now = new Date('2026-01-02T03:04:05.678Z');
  const clock = { now: () => now, monotonic: () => 0, sleep: async () => {} };
  const recorder = createEventRecorder({ client: server.client, component: 'polarstack-operator', signal, clock });
  recorder.record(cluster, started);
  await recorder.flush();
  const [event] = server.events();
  expect(event).toMatchObject({
    ...started,
    metadata: { namespace: 'db', name: expect.stringMatching(/^demo\.[0-9a-f]{16}$/) },
    involvedObject: { kind: 'MPDCluster', name: 'demo', namespace: 'db', uid: 'u1', apiVersion: cluster.apiVersion },
    source: { component: 'polarstack-operator' },
    count: 1,
    firstTimestamp: '2026-01-02T03:04:05Z',
    lastTimestamp: '2026-01-02T03:04:05Z',
  });
});

test('the same said again is counted, also by another run of the program (E1)', async () => {
  const server = fakeEvents();
  const first = createEventRecorder({ client: server.client, component: 'c', signal });
  first.record(cluster, started);
  await first.flush();
  first.record(cluster, started);
  await first.flush();
  const second = createEventRecorder({ client: server.client, component: 'c', signal });
  second.record(cluster, started);
  second.record(cluster, { ...started, message: 'something else' });
  await second.flush();
  expect(server.events().map((event) => [event.message, event.count])).toEqual([
    ['it started', 3],
    ['something else', 1],
  ]);
});

test('repeats that come while a write is under way are one write (E3)', async () => {
  const server = fakeEvents();
  const recorder = createEventRecorder({ client: server.client, component: 'c', signal });
  for (let i = 0; i < 50; i++) recorder.record(cluster, started);
  await recorder.flush();
  expect(server.events()[0]?.count).toBe(50);
  expect(server.writes()).toBe(1);
});

test('what the server refuses is reported and dropped; the next is written (E2)', async () => {
  const server = fakeEvents();
  const errors: unknown[] = [];
  const recorder = createEventRecorder({
    client: server.client,
    component: 'c',
    signal,
    onError: (error) => {
      errors.push(error);
      throw new Error('a report that fails stops nothing');
    },
  });
  const warnings: Error[] = [];
  const warned = (warning: Error): void => void warnings.push(warning);
  process.on('warning', warned);
  server.fail(new StackError('Forbidden', 'the namespace ends'));
  recorder.record(cluster, started);
  await recorder.flush();
  server.fail(undefined);
  recorder.record({ kind: 'Node', apiVersion: 'v1', metadata: { name: 'node-1' } }, started);
  await recorder.flush();
  expect(errors).toHaveLength(1);
  expect(server.events().map((event) => event.metadata.namespace)).toEqual(['default']);
  await new Promise((resolve) => setImmediate(resolve));
  process.off('warning', warned);
  expect(warnings).toHaveLength(1);
});

test('while the server is away events wait, in number and age bounded, and come in order when it is back (E2, E3)', async () => {
  const server = fakeEvents();
  const clock = createVirtualClock();
  const errors: StackError[] = [];
  const recorder = createEventRecorder({
    client: server.client,
    component: 'c',
    signal,
    clock,
    onError: (error) => errors.push(error as StackError),
  });
  const about = (i: number) => ({ ...cluster, metadata: { ...cluster.metadata, name: `c${i}`, uid: `u${i}` } });
  server.fail(new StackError('ApiUnreachable', 'away'));
  recorder.record(about(0), started);
  await clock.advance(1);
  for (let i = 1; i <= 1_001; i++) recorder.record(about(i), started);
  recorder.record(about(0), started);
  await clock.advance(120_000);
  // One report of the outage, two of what there is no room for.
  expect(errors.map(({ message }) => message)).toEqual([
    'away',
    'event dropped, too many are waiting: Started',
    'event dropped, too many are waiting: Started',
  ]);
  const flushed = recorder.flush();
  await clock.advance(3_000);
  await flushed;
  server.fail(undefined);
  await clock.advance(60_000);
  await recorder.flush();
  expect(server.events().map(({ involvedObject }) => involvedObject.name)).toEqual(
    Array.from({ length: 1_001 }, (_, i) => `c${i}`),
  );
  server.fail(new StackError('ApiUnreachable', 'away again'));
  recorder.record(about(5_000), started);
  await clock.advance(700_000);
  expect(errors.at(-1)?.message).toContain('could not be written for long');
});

test('a flood about one object is combined and held back, and its count is right in the end (E4)', async () => {
  const server = fakeEvents();
  const clock = createVirtualClock();
  const recorder = createEventRecorder({ client: server.client, component: 'c', signal, clock });
  for (let i = 0; i < 200; i++) {
    recorder.record(cluster, { ...started, message: `try ${i}` });
    await recorder.flush();
  }
  expect(server.events().map(({ message, count }) => [message, count])).toEqual([
    ...Array.from({ length: 10 }, (_, i) => [`try ${i}`, 1]),
    ['(combined from similar events): try 49', 40],
  ]);
  expect(server.writes()).toBeLessThanOrEqual(100);
  await clock.advance(60_000);
  recorder.record(cluster, { ...started, message: 'try 200' });
  await recorder.flush();
  expect(server.events().at(-1)).toMatchObject({ message: '(combined from similar events): try 200', count: 191 });
});

test('after the signal aborted nothing is written, and flush returns', async () => {
  const server = fakeEvents();
  const abort = new AbortController();
  const recorder = createEventRecorder({ client: server.client, component: 'c', signal: abort.signal });
  abort.abort();
  recorder.record(cluster, started);
  await recorder.flush();
  expect(server.writes()).toBe(0);
});
