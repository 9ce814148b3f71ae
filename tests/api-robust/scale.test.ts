/**
 * Ten thousand objects and two hundred watchers: everyone sees every change once and in order, a watcher that reads
 * nothing is cut off and harms nobody, and memory stays bounded.
 */
import { waitFor } from '@polarstack/base';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type ApiChild, type Bench, createBench } from './child.ts';
import { createClient, type HttpClient } from './http-client.ts';
import { type RawWatch, watchLines } from './watch-lines.ts';

const OBJECTS = 10_000;
const WATCHERS = 200;
const CHANGES = 300;
/** How many watchers have all objects sent at their beginning, beside those that begin with a version. */
const FROM_NOTHING = 5;
/** MiB. Ten thousand objects of 1 KiB take about 60; a leak of what passes by here would be a gigabyte. */
const MAX_MEMORY = 450;

const path = '/api/v1/namespaces/default/configmaps';
const signal = new AbortController().signal;
let bench: Bench;
let server: ApiChild;
let admin: HttpClient;
const clients: HttpClient[] = [];

beforeAll(async () => {
  bench = await createBench();
  server = await bench.start({ server: { maxWatchBufferBytes: 8 * 1024 * 1024, bookmarkMs: 1_000 } });
  admin = createClient(server.port, bench.identity);
});
afterAll(async () => {
  for (const client of [admin, ...clients]) client.close();
  await bench.remove();
});

/** Runs `work` for 0 to `count`, so many at once. */
async function many(count: number, atOnce: number, work: (i: number) => Promise<void>): Promise<void> {
  let next = 0;
  const worker = async (): Promise<void> => {
    for (let i = next++; i < count; i = next++) await work(i);
  };
  await Promise.all(Array.from({ length: atOnce }, worker));
}

const versionOf = (line: string): number => Number(/"resourceVersion":"(\d+)"/.exec(line)?.[1]);

/** Changes objects and answers the versions of the changes, in order. */
async function change(count: number, size: number): Promise<readonly number[]> {
  const versions: number[] = [];
  await many(count, 16, async (i) => {
    const body = { data: { change: `${i}-${size}`, pad: 'y'.repeat(size) } };
    const { code, text } = await admin.call('PATCH', `${path}/o-${(i * 31) % OBJECTS}`, body, {
      'content-type': 'application/merge-patch+json',
    });
    expect(code, text).toBe(200);
    versions.push(versionOf(text));
  });
  return versions.toSorted((a, b) => a - b);
}

describe('ten thousand objects', () => {
  it(`and ${WATCHERS} watchers: each sees every change once, in order`, async () => {
    const empty = server.memory();
    await many(OBJECTS, 64, async (i) => {
      const { code } = await admin.call('POST', path, {
        metadata: { name: `o-${i}`, labels: { third: String(i % 3) } },
        data: { pad: 'x'.repeat(700) },
      });
      expect(code).toBe(201);
    });
    const filled = server.memory();
    const listed = await admin.call('GET', path);
    const from = versionOf(listed.text.slice(0, 500));
    const seen = Array.from({ length: WATCHERS }, () => ({ initial: 0, versions: [] as number[] }));
    const watches = await Promise.all(
      seen.map(async (one, i) => {
        const client = createClient(server.port, bench.identity, undefined, 1);
        clients.push(client);
        const start = i < FROM_NOTHING ? '' : `&resourceVersion=${from}`;
        return await watchLines(client, server.port, `${path}?watch=true${start}`, (line) => {
          const version = versionOf(line);
          if (line.startsWith('{"type":"ADDED"') && version <= from) one.initial += 1;
          else one.versions.push(version);
        });
      }),
    );
    for (const { code } of watches) expect(code).toBe(200);
    const versions = await change(CHANGES, 200);
    expect(new Set(versions).size).toBe(CHANGES);
    await waitFor(
      'all watchers to hear of all',
      async () => (seen.every((one) => one.versions.length >= CHANGES) ? true : undefined),
      { signal, timeoutMs: 100_000 },
    );
    for (const [i, one] of seen.entries()) {
      expect(one.versions, `watcher ${i}`).toEqual(versions);
      expect(one.initial, `watcher ${i}`).toBe(i < FROM_NOTHING ? OBJECTS : 0);
    }
    const { now, peak } = server.memory();
    console.log(
      `scale: resident memory empty ${empty.now} MiB, with ${OBJECTS} objects ${filled.now} MiB, with ${WATCHERS} watchers ${now} MiB, peak ${peak} MiB`,
    );
    expect(peak).toBeLessThan(MAX_MEMORY);
    for (const watch of watches) watch.close();
  });

  it('a watcher that reads nothing is cut off, and harms nobody', async () => {
    const before = server.memory();
    const heard: number[] = [];
    const reading = createClient(server.port, bench.identity, undefined, 1);
    clients.push(reading);
    const current = versionOf((await admin.call('GET', `${path}?limit=1`)).text.slice(0, 500));
    const start = `${path}?watch=true&resourceVersion=${current}`;
    await watchLines(reading, server.port, start, (line) => void heard.push(versionOf(line)));
    const idle: RawWatch[] = [];
    for (let i = 0; i < 20; i++) {
      const client = createClient(server.port, bench.identity, undefined, 1);
      clients.push(client);
      const watch = await watchLines(client, server.port, start, () => {});
      watch.pause();
      idle.push(watch);
    }
    const watchers = async (): Promise<number> =>
      Number(
        /^apiserver_longrunning_requests\{verb="watch"\} (\d+)$/m.exec((await admin.call('GET', '/metrics')).text)?.[1],
      );
    const onlyOneLeft = async (): Promise<true | undefined> => {
      const left = await watchers();
      if (left === 1) return true;
      throw new Error(`${left} are watching, and the one that reads has heard ${heard.length} of ${versions.length}`);
    };
    // 20 watchers that each have 36 MB coming: together more than this server may hold by far.
    const versions = await change(600, 60_000);
    await waitFor('the idle ones to be cut off', async () => await onlyOneLeft(), { signal, timeoutMs: 60_000 });
    await waitFor('the reader to hear of all', async () => (heard.length >= versions.length ? true : undefined), {
      signal,
      timeoutMs: 60_000,
    });
    expect(heard).toEqual(versions);
    expect(server.errors()).toContain('a watcher does not read and is cut off');
    const { now, peak } = server.memory();
    console.log(`slow watchers: resident memory before ${before.now} MiB, after ${now} MiB, peak ${peak} MiB`);
    expect(peak).toBeLessThan(MAX_MEMORY + 100); // the changed objects themselves take more
    for (const watch of idle) watch.close();
  });
});
