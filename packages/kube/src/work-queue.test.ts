import type { Clock } from '@polarstack/base';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { createWorkQueue } from './work-queue.ts';

/** A clock that stands still until it is moved. */
function createTestClock(): Clock & { advance(ms: number): void } {
  let now = 0;
  const sleepers = new Set<{ readonly at: number; readonly wake: () => void }>();
  return {
    now: () => new Date(now),
    monotonic: () => now,
    sleep: async (ms, signal) =>
      await new Promise<void>((resolve, reject) => {
        const sleeper = { at: now + ms, wake: resolve };
        sleepers.add(sleeper);
        signal?.addEventListener('abort', () => {
          sleepers.delete(sleeper);
          reject(signal.reason);
        });
      }),
    advance: (ms) => {
      now += ms;
      for (const sleeper of [...sleepers].sort((a, b) => a.at - b.at)) {
        if (sleeper.at > now) continue;
        sleepers.delete(sleeper);
        sleeper.wake();
      }
    },
  };
}

const settle = async (): Promise<void> => await new Promise((resolve) => setImmediate(resolve));

describe('properties', () => {
  const action = fc.oneof(
    { weight: 5, arbitrary: fc.record({ do: fc.constant('add' as const), key: fc.nat(3) }) },
    { weight: 2, arbitrary: fc.record({ do: fc.constant('addAfter' as const), key: fc.nat(3), ms: fc.nat(20) }) },
    { weight: 2, arbitrary: fc.record({ do: fc.constant('addRateLimited' as const), key: fc.nat(3) }) },
    { weight: 3, arbitrary: fc.record({ do: fc.constant('finish' as const), which: fc.nat(5) }) },
    { weight: 2, arbitrary: fc.record({ do: fc.constant('advance' as const), ms: fc.nat(30) }) },
  );

  test('Q1, Q2, Q3: no key runs twice at once, every add is followed by a run that starts after it, and no run is without an add', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(action, { maxLength: 80 }),
        fc.integer({ min: 1, max: 3 }),
        async (actions, workers) => {
          const clock = createTestClock();
          const queue = createWorkQueue({ clock, backoff: { baseMs: 4, maxMs: 16 }, random: () => 0.5 });
          let step = 0;
          const running: { readonly key: string; readonly finish: () => void }[] = [];
          /** Step of the last demand for a key, and of the last start of its run. */
          const demanded = new Map<string, number>();
          const started = new Map<string, number>();
          const demands = new Map<string, number>();
          const runs = new Map<string, number>();
          const demand = (key: string): void => {
            demanded.set(key, step);
            demands.set(key, (demands.get(key) ?? 0) + 1);
          };
          const worker = async (): Promise<void> => {
            for (let key = await queue.next(); key !== undefined; key = await queue.next()) {
              expect(running.some((run) => run.key === key)).toBe(false);
              started.set(key, ++step);
              runs.set(key, (runs.get(key) ?? 0) + 1);
              await new Promise<void>((resolve) => {
                running.push({ key: key as string, finish: resolve });
              });
              queue.done(key);
            }
          };
          const done = Promise.all(Array.from({ length: workers }, worker));
          const finishOne = (which: number): void => {
            const [run] = running.splice(which % Math.max(1, running.length), 1);
            run?.finish();
          };
          for (const each of actions) {
            step++;
            switch (each.do) {
              case 'add':
                demand(`k${each.key}`);
                queue.add(`k${each.key}`);
                break;
              case 'addAfter':
                demand(`k${each.key}`);
                queue.addAfter(`k${each.key}`, each.ms);
                break;
              case 'addRateLimited':
                demand(`k${each.key}`);
                queue.addRateLimited(`k${each.key}`);
                break;
              case 'finish':
                finishOne(each.which);
                break;
              case 'advance':
                clock.advance(each.ms);
                break;
            }
            await settle();
            expect(queue.length).toBeLessThanOrEqual(4);
            expect(running.length).toBeLessThanOrEqual(workers);
          }
          clock.advance(1000);
          await settle();
          while (running.length > 0) {
            finishOne(0);
            await settle();
          }
          for (const [key, at] of demanded) expect(started.get(key)).toBeGreaterThan(at);
          for (const [key, count] of runs) expect(count).toBeLessThanOrEqual(demands.get(key) ?? 0);
          expect(queue.length).toBe(0);
          await queue.shutDown();
          await done;
        },
      ),
      { numRuns: 300 },
    );
  });
});

describe('fairness and the end', () => {
  test('a key that never rests waits behind those that waited before it, and a drain loses none (Q2, Q3)', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.nat(6), { minLength: 1, maxLength: 60 }), fc.nat(60), async (keys, drainAt) => {
        const queue = createWorkQueue({ clock: createTestClock() });
        /** As it must be: who waits, in order. */
        const model: string[] = [];
        const want = (key: string): void => {
          if (!model.includes(key)) model.push(key);
        };
        for (const [i, each] of keys.entries()) {
          if (i === drainAt) break;
          queue.add(`k${each}`);
          want(`k${each}`);
          queue.add('busy');
          want('busy');
          if (each % 2 === 1) continue;
          const key = await queue.next();
          expect(key).toBe(model.shift());
          // Comes again at once, as an object does that somebody changes all the time.
          queue.add(key ?? '');
          want(key ?? '');
          queue.done(key ?? '');
        }
        const down = queue.shutDown({ drain: true });
        queue.add('too late');
        for (const expected of model) {
          const key = await queue.next();
          expect(key).toBe(expected);
          queue.done(key ?? '');
        }
        expect(await queue.next()).toBeUndefined();
        await down;
      }),
      { numRuns: 200 },
    );
  });
});

describe('keys', () => {
  test('a key added often while it waits, and often while it is worked on, runs twice (Q3)', async () => {
    const queue = createWorkQueue();
    for (let i = 0; i < 5; i++) queue.add('a');
    expect(queue.length).toBe(1);
    expect(await queue.next()).toBe('a');
    for (let i = 0; i < 5; i++) queue.add('a');
    expect(queue.length).toBe(0);
    queue.done('a');
    expect(queue.length).toBe(1);
    expect(await queue.next()).toBe('a');
    queue.done('a');
    expect(queue.length).toBe(0);
  });

  test('keys come in the order in which they began to wait (Q3)', async () => {
    const queue = createWorkQueue();
    for (const key of ['b', 'a', 'b', 'c']) queue.add(key);
    expect([await queue.next(), await queue.next(), await queue.next()]).toEqual(['b', 'a', 'c']);
  });

  test('a waiting taker that leaves takes nothing with it', async () => {
    const queue = createWorkQueue();
    const abort = new AbortController();
    const taker = queue.next(abort.signal);
    abort.abort();
    queue.add('a');
    expect(await taker).toBeUndefined();
    expect(await queue.next()).toBe('a');
  });
});

describe('dates', () => {
  test('the earlier date of a key holds (Q4)', async () => {
    const clock = createTestClock();
    const queue = createWorkQueue({ clock });
    queue.addAfter('a', 100);
    queue.addAfter('a', 10);
    queue.addAfter('a', 50);
    clock.advance(9);
    await settle();
    expect(queue.length).toBe(0);
    clock.advance(1);
    await settle();
    expect(await queue.next()).toBe('a');
    queue.done('a');
    clock.advance(1000);
    await settle();
    expect(queue.length).toBe(0);
  });

  test('back-off grows by key, up to its limit, until forget', () => {
    const queue = createWorkQueue({ clock: createTestClock(), backoff: { baseMs: 10, maxMs: 50 }, random: () => 0 });
    expect([1, 2, 3, 4, 5].map(() => queue.addRateLimited('a'))).toEqual([5, 10, 20, 25, 25]);
    expect(queue.addRateLimited('b')).toBe(5);
    expect(queue.failures('a')).toBe(5);
    queue.forget('a');
    expect(queue.addRateLimited('a')).toBe(5);
  });
});

describe('shutting down', () => {
  test('with drain what waits is still handed out, what comes or has a date is not', async () => {
    const clock = createTestClock();
    const queue = createWorkQueue({ clock });
    queue.add('a');
    queue.add('b');
    queue.addAfter('later', 10);
    let down = false;
    const shutDown = queue.shutDown({ drain: true }).then(() => {
      down = true;
    });
    queue.add('c');
    expect(await queue.next()).toBe('a');
    expect(await queue.next()).toBe('b');
    queue.done('a');
    await settle();
    expect(down).toBe(false);
    queue.done('b');
    await shutDown;
    clock.advance(100);
    expect(await queue.next()).toBeUndefined();
  });

  test('without drain what waits is dropped, and what is under way is awaited', async () => {
    const queue = createWorkQueue();
    queue.add('a');
    queue.add('b');
    expect(await queue.next()).toBe('a');
    queue.add('a');
    let down = false;
    const shutDown = queue.shutDown().then(() => {
      down = true;
    });
    expect(await queue.next()).toBeUndefined();
    await settle();
    expect(down).toBe(false);
    queue.done('a');
    await shutDown;
    expect(queue.length).toBe(0);
  });

  test('takers that wait are let go', async () => {
    const queue = createWorkQueue();
    const taker = queue.next();
    await queue.shutDown({ drain: true });
    expect(await taker).toBeUndefined();
  });
});
