import { StackError, silentLogger, waitFor } from '@polarstack/base';
import type { ConfigMap } from 'kubernetes-types/core/v1.js';
import { afterEach, expect, test, vi } from 'vitest';
import type { WatchEvent } from './client.ts';
import { createController, source } from './controller.ts';
import { createInformer } from './informer.ts';
import { objectKey } from './object.ts';
import { ConfigMaps } from './resources.ts';
import { createWorkQueue } from './work-queue.ts';

let stop = new AbortController();
let running: Promise<void>[] = [];
afterEach(async () => {
  stop.abort();
  await Promise.all(running);
  stop = new AbortController();
  running = [];
});

const configMap = (name: string, version: number): ConfigMap => ({
  metadata: { name, namespace: 'default', uid: name, resourceVersion: String(version) },
});

/** A client whose list waits for `release`, and whose watch says what is pushed. */
function scriptedClient(items: readonly ConfigMap[]) {
  let release: () => void = () => {};
  const released = new Promise<void>((resolve) => {
    release = resolve;
  });
  let push: (event: WatchEvent<ConfigMap>) => void = () => {};
  const queue: WatchEvent<ConfigMap>[] = [];
  let wake: () => void = () => {};
  push = (event) => {
    queue.push(event);
    wake();
  };
  return {
    release: () => release(),
    push: (event: WatchEvent<ConfigMap>) => push(event),
    client: {
      list: async (_: unknown, __: unknown, signal: AbortSignal) => {
        signal.addEventListener('abort', () => release(), { once: true });
        await released;
        signal.throwIfAborted();
        return { items, resourceVersion: '1' };
      },
      watch: async function* (_: unknown, __: unknown, signal: AbortSignal) {
        while (!signal.aborted) {
          while (queue.length > 0) yield queue.shift();
          await new Promise<void>((resolve) => {
            wake = resolve;
            signal.addEventListener('abort', () => resolve(), { once: true });
          });
        }
      },
    },
  };
}

async function until(what: string, holds: () => boolean): Promise<void> {
  await waitFor(what, async () => (holds() ? true : undefined), {
    signal: AbortSignal.timeout(30_000),
    timeoutMs: 20_000,
    intervalMs: 2,
  });
}

function setUp(items: readonly ConfigMap[], reconcile: (key: string, signal: AbortSignal) => Promise<void>) {
  const script = scriptedClient(items);
  const informer = createInformer<ConfigMap>({ client: script.client as never, resource: ConfigMaps });
  const failures: { readonly key: string; readonly error: unknown }[] = [];
  const controller = createController({
    sources: [source(informer, ({ object }) => [objectKey(object)])],
    reconcile,
    queue: createWorkQueue({ backoff: { baseMs: 1, maxMs: 5 } }),
    onError: (error, key, retryInMs) => {
      failures.push({ key, error });
      silentLogger.warn({ key, retryInMs }, 'failed');
    },
  });
  running.push(informer.start(stop.signal), controller.run(stop.signal));
  return { ...script, informer, controller, failures };
}

test('nothing runs before the first whole list; then everything does (C1)', async () => {
  const runs: string[] = [];
  const { release, controller } = setUp([configMap('a', 1), configMap('b', 1)], async (key) => {
    runs.push(key);
  });
  controller.queue.add('early');
  await new Promise((resolve) => setImmediate(resolve));
  expect(runs).toEqual([]);
  release();
  await until('the runs', () => runs.length === 3);
  expect(runs.toSorted()).toEqual(['default/a', 'default/b', 'early']);
});

test('a change during a run makes another run, which sees the change in the copy (C2)', async () => {
  const seen: (string | undefined)[] = [];
  let go: () => void = () => {};
  const blocked = new Promise<void>((resolve) => {
    go = resolve;
  });
  const { release, push, informer } = setUp([configMap('a', 1)], async (key) => {
    seen.push(informer.get(key)?.metadata?.resourceVersion);
    if (seen.length === 1) await blocked;
  });
  release();
  await until('the first run', () => seen.length === 1);
  push({ type: 'MODIFIED', object: configMap('a', 2) });
  push({ type: 'MODIFIED', object: configMap('a', 3) });
  await until('the copy', () => informer.get('default/a')?.metadata?.resourceVersion === '3');
  await new Promise((resolve) => setImmediate(resolve));
  expect(seen).toEqual(['1']);
  go();
  await until('the second run', () => seen.length === 2);
  expect(seen).toEqual(['1', '3']);
});

test('a failed run is reported and comes again with back-off until it succeeds', async () => {
  let runs = 0;
  const { release, controller, failures } = setUp([configMap('a', 1)], async () => {
    runs++;
    if (runs === 1) throw new StackError('Conflict', 'somebody was faster');
    if (runs === 2) throw new TypeError('a defect');
  });
  release();
  await until('the third run', () => runs === 3 && controller.queue.failures('default/a') === 0);
  expect(failures.map(({ key, error }) => [key, (error as StackError).code])).toEqual([
    ['default/a', 'Conflict'],
    ['default/a', 'Internal'],
  ]);
});

test('one stuck key delays no other', async () => {
  const runs: string[] = [];
  const { release } = setUp([configMap('stuck', 1), configMap('a', 1), configMap('b', 1)], async (key, signal) => {
    if (key === 'default/stuck') {
      await new Promise<void>((resolve) => {
        signal.addEventListener('abort', () => resolve());
      });
    } else runs.push(key);
  });
  release();
  await until('the others', () => runs.length === 2);
});

test('a run can ask to be looked at again later', async () => {
  let runs = 0;
  const script = scriptedClient([configMap('a', 1)]);
  const informer = createInformer<ConfigMap>({ client: script.client as never, resource: ConfigMaps });
  const controller = createController({
    sources: [source(informer, ({ object }) => [objectKey(object)])],
    reconcile: async () => {
      runs++;
      return runs < 3 ? { requeueAfterMs: 1 } : {};
    },
  });
  running.push(informer.start(stop.signal), controller.run(stop.signal));
  script.release();
  await until('three runs', () => runs === 3);
});

test('after an abort no run starts, and run() waits for those under way (C3)', async () => {
  let ended = false;
  let started = 0;
  const { release, controller } = setUp([configMap('a', 1)], async (_, signal) => {
    started++;
    await new Promise<void>((resolve) => {
      signal.addEventListener('abort', () => setImmediate(resolve));
    });
    ended = true;
  });
  release();
  await until('the run', () => started === 1);
  stop.abort();
  controller.queue.add('more');
  await Promise.all(running);
  expect([started, ended]).toEqual([1, true]);
});

test('an abort before the first list ends it too', async () => {
  const { controller } = setUp([], async () => {});
  stop.abort();
  await Promise.all(running);
  expect(await controller.queue.next()).toBeUndefined();
});

test('more stuck keys than there are places: the others run, and no stuck key runs twice (C4)', async () => {
  const names = Array.from({ length: 8 }, (_, i) => `stuck-${i}`);
  const script = scriptedClient([...names, 'a', 'b'].map((name) => configMap(name, 1)));
  const informer = createInformer<ConfigMap>({ client: script.client as never, resource: ConfigMaps });
  const runs: string[] = [];
  const slow: string[] = [];
  const controller = createController({
    sources: [source(informer, ({ object }) => [objectKey(object)])],
    reconcile: async (key, signal) => {
      runs.push(key);
      if (!key.includes('stuck')) return;
      await new Promise<void>((resolve) => {
        signal.addEventListener('abort', () => resolve(), { once: true });
      });
    },
    concurrency: 2,
    handOverMs: 5,
    onSlow: (key) => slow.push(key),
  });
  running.push(informer.start(stop.signal), controller.run(stop.signal));
  script.release();
  await until('the others', () => runs.includes('default/a') && runs.includes('default/b'));
  controller.queue.add('default/stuck-0');
  controller.queue.add('last');
  await until('the last', () => runs.includes('last'));
  expect(runs.filter((key) => key === 'default/stuck-0')).toHaveLength(1);
  expect(slow).toEqual(names.map((name) => `default/${name}`));
  stop.abort();
  await Promise.all(running);
  expect(controller.queue.length).toBe(0);
});

test('stuck keys that come again take no place, so that only their first runs can hold up another (C4)', async () => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
  try {
    const names = Array.from({ length: 8 }, (_, i) => `default/stuck-${i}`);
    const runs: string[] = [];
    const ends = new Map<string, () => void>();
    const controller = createController({
      sources: [],
      reconcile: async (key, signal) => {
        runs.push(key);
        if (!key.includes('stuck')) return;
        await new Promise<void>((resolve) => {
          ends.set(key, resolve);
          signal.addEventListener('abort', () => resolve(), { once: true });
        });
      },
      concurrency: 2,
      handOverMs: 1_000,
    });
    const turns = async (holds: () => boolean): Promise<void> => {
      while (!holds()) await new Promise((resolve) => setImmediate(resolve));
    };
    running.push(controller.run(stop.signal));
    for (const name of names) controller.queue.add(name);
    for (let taken = 2; taken <= names.length; taken += 2) {
      await turns(() => runs.length === taken);
      await vi.advanceTimersByTimeAsync(1_000);
    }
    for (const end of ends.values()) end();
    ends.clear();
    await new Promise((resolve) => setImmediate(resolve));
    // From here on no time passes: nobody hands over a place.
    for (const name of names) controller.queue.add(name);
    controller.queue.add('default/a');
    await turns(() => runs.includes('default/a'));
    expect(runs).toEqual([...names, ...names, 'default/a']);
    for (const end of ends.values()) end();
    // Those that ended in time take places again: two of them, and no third run starts.
    ends.clear();
    await new Promise((resolve) => setImmediate(resolve));
    for (const name of names.slice(0, 3)) controller.queue.add(name);
    await turns(() => ends.size === 2);
    for (let i = 0; i < 10; i++) await new Promise((resolve) => setImmediate(resolve));
    expect(ends.size).toBe(2);
    for (const end of ends.values()) end();
    await turns(() => ends.size === 3);
    for (const end of ends.values()) end();
  } finally {
    vi.useRealTimers();
  }
});

test('keys of which it is known that they will wait take no place from the start (C4)', async () => {
  const names = Array.from({ length: 8 }, (_, i) => `stuck-${i}`);
  const script = scriptedClient([...names, 'a'].map((name) => configMap(name, 1)));
  const informer = createInformer<ConfigMap>({ client: script.client as never, resource: ConfigMaps });
  const runs: string[] = [];
  const controller = createController({
    sources: [source(informer, ({ object }) => [objectKey(object)])],
    reconcile: async (key, signal) => {
      runs.push(key);
      if (!key.includes('stuck')) return;
      await new Promise<void>((resolve) => {
        signal.addEventListener('abort', () => resolve(), { once: true });
      });
    },
    concurrency: 1,
    willWait: (key) => key.includes('stuck'),
  });
  running.push(informer.start(stop.signal), controller.run(stop.signal));
  script.release();
  await until('the other', () => runs.includes('default/a'));
  stop.abort();
  await Promise.all(running);
});

test('a report of an error or of slowness that fails does not end the controller', async () => {
  let runs = 0;
  const script = scriptedClient([configMap('a', 1)]);
  const informer = createInformer<ConfigMap>({ client: script.client as never, resource: ConfigMaps });
  const controller = createController({
    sources: [source(informer, ({ object }) => [objectKey(object)])],
    queue: createWorkQueue({ backoff: { baseMs: 1, maxMs: 2 } }),
    reconcile: async () => {
      if (++runs < 3) throw new Error('no');
    },
    onError: () => {
      throw new Error('neither');
    },
  });
  running.push(informer.start(stop.signal), controller.run(stop.signal));
  script.release();
  await until('three runs', () => runs === 3);
});
