/**
 * The server is killed again and again while clients write and watch.
 *
 * - No acknowledged write is lost, and none that was refused is there.
 * - A watcher that resumes where it was sees no version twice, none out of order, and in the end what everybody sees.
 * - Every start opens the log.
 */
import { join } from 'node:path';
import { silentLogger } from '@polarstack/base';
import { inspect, openObjectStore } from '@polarstack/kube-server';
import { seededRandom } from '@polarstack/testkit';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type ApiChild, type Bench, createBench } from './child.ts';
import { robustConfig } from './config.ts';
import { createClient, type HttpClient } from './http-client.ts';
import { watchLines } from './watch-lines.ts';

const path = '/api/v1/namespaces/default/configmaps';
const WRITERS = 8;
const WATCHERS = 4;
/** Between two kills. */
const MOST_WRITES = 150;
/** Objects that a writer changes in turn. */
const OWN = 5;

let bench: Bench;
beforeAll(async () => {
  bench = await createBench();
});
afterAll(async () => await bench.remove());

interface Meta {
  readonly name: string;
  readonly resourceVersion: string;
}
interface Item {
  readonly metadata: Meta;
  readonly data?: { readonly n?: string };
}

/** What one writer knows of one of its objects. */
interface Belief {
  /** The last number that was acknowledged, and at which version; nothing before the first. */
  acknowledged?: { readonly n: number; readonly version: number; readonly isGone: boolean };
  /** Numbers sent without an answer since: any of them may be there. */
  unsure: { readonly n: number; readonly isGone: boolean }[];
}

function createWriter(id: number, random: () => number) {
  const beliefs = new Map<string, Belief>();
  let count = 0;
  const run = async (client: HttpClient, onDone: () => boolean): Promise<void> => {
    for (let goesOn = true; goesOn; goesOn = onDone()) {
      count += 1;
      const name = `w-${id}-${Math.floor(random() * OWN)}`;
      const belief = beliefs.get(name) ?? { unsure: [] };
      beliefs.set(name, belief);
      const isGone = random() < 0.15;
      const attempt = { n: count, isGone };
      belief.unsure.push(attempt);
      const body = {
        apiVersion: 'v1',
        kind: 'ConfigMap',
        metadata: { name },
        data: { n: String(count), pad: 'x'.repeat(Math.floor(random() * 2_000)) },
      };
      try {
        const type = { 'content-type': 'application/apply-patch+yaml' };
        const answer = isGone
          ? await client.call('DELETE', `${path}/${name}`)
          : await client.call('PATCH', `${path}/${name}?fieldManager=w&force=true`, body, type);
        if (isGone && answer.code === 404) belief.unsure = belief.unsure.filter((one) => one !== attempt);
        else if (answer.code === 200 || answer.code === 201) {
          const { metadata } = JSON.parse(answer.text) as Item;
          belief.acknowledged = { n: count, version: Number(metadata.resourceVersion ?? 0), isGone };
          belief.unsure = [];
        } else throw new Error(`${answer.code}: ${answer.text}`);
      } catch (error) {
        if (!isBroken(error)) throw error;
        return; // killed: whether it was stored nobody knows
      }
    }
  };
  const check = (items: ReadonlyMap<string, Item>): void => {
    for (const [name, { acknowledged, unsure }] of beliefs) {
      const found = items.get(name);
      const possible = [...(acknowledged ? [acknowledged] : []), ...unsure];
      const fits = found
        ? possible.some(({ n, isGone }) => !isGone && String(n) === found.data?.n)
        : !acknowledged || possible.some(({ isGone }) => isGone);
      expect(fits, `${name} is ${found?.data?.n ?? 'gone'}, of ${JSON.stringify(possible)}`).toBe(true);
      // From here on what is there is known.
      beliefs.set(name, {
        unsure: [],
        ...(found
          ? {
              acknowledged: {
                n: Number(found.data?.n),
                version: Number(found.metadata.resourceVersion),
                isGone: false,
              },
            }
          : {}),
      });
    }
  };
  return { run, check, acknowledged: () => count };
}

const isBroken = (error: unknown): boolean =>
  error instanceof Error &&
  /ECONN|EPIPE|socket hang up|socket disconnected|aborted/.test(
    `${(error as NodeJS.ErrnoException).code} ${error.message}`,
  );

/** Follows the objects through all lives of the server, as an informer does: resumes, and lists anew where it must. */
function createWatcher(seen: Map<number, string>) {
  const view = new Map<string, Item>();
  let version = 0;
  let relists = 0;
  const list = async (client: HttpClient): Promise<void> => {
    const { code, text } = await client.call('GET', path);
    expect(code, text).toBe(200);
    const { metadata, items } = JSON.parse(text) as { readonly metadata: Meta; readonly items: readonly Item[] };
    expect(Number(metadata.resourceVersion), 'versions never go back').toBeGreaterThanOrEqual(version);
    version = Number(metadata.resourceVersion);
    view.clear();
    for (const item of items) view.set(item.metadata.name, item);
    relists += 1;
  };
  const hear = (line: string): boolean => {
    const { type, object } = JSON.parse(line) as { readonly type: string; readonly object: Item };
    if (type === 'ERROR') return false;
    const at = Number(object.metadata.resourceVersion);
    if (type === 'BOOKMARK') {
      expect(at).toBeGreaterThanOrEqual(version);
      version = at;
      return true;
    }
    expect(at, 'no version twice, none out of order').toBeGreaterThan(version);
    const said = `${type} ${object.metadata.name} ${object.data?.n}`;
    expect(seen.get(at) ?? said, `version ${at} means one thing to everybody`).toBe(said);
    seen.set(at, said);
    version = at;
    if (type === 'DELETED') view.delete(object.metadata.name);
    else view.set(object.metadata.name, object);
    return true;
  };
  const follow = async (client: HttpClient, port: number, failed: (error: unknown) => void): Promise<void> => {
    if (version === 0) await list(client);
    for (;;) {
      let isExpired = false;
      const watch = await watchLines(
        client,
        port,
        `${path}?watch=true&allowWatchBookmarks=true&resourceVersion=${version}`,
        (line) => {
          try {
            if (!hear(line)) isExpired = true;
          } catch (error) {
            failed(error);
          }
        },
      );
      if (watch.code === 200) await watch.closed;
      if (watch.code !== 410 && !isExpired) return;
      watch.close();
      await list(client);
    }
  };
  return { follow, view, version: () => version, relists: () => relists };
}

/** Name, version and content, in order: lists leave out what they say themselves. */
const known = (items: ReadonlyMap<string, Item>): readonly string[] =>
  [...items.values()].map(({ metadata, data }) => `${metadata.name} ${metadata.resourceVersion} ${data?.n}`).toSorted();

it(
  `nothing is lost over ${robustConfig.kills} kills under load`,
  async () => {
    const random = seededRandom('kills');
    const writers = Array.from({ length: WRITERS }, (_, id) => createWriter(id, random));
    const seen = new Map<number, string>();
    const watchers = Array.from({ length: WATCHERS }, () => createWatcher(seen));
    let server: ApiChild | undefined;
    let newest = 0;
    for (let life = 0; life <= robustConfig.kills; life++) {
      const isLast = life === robustConfig.kills;
      server = await bench.start({ server: { bookmarkMs: 50 } });
      const client = createClient(server.port, bench.identity);
      const { code, text } = await client.call('GET', path);
      expect(code).toBe(200);
      const listed = JSON.parse(text) as { readonly metadata: Meta; readonly items: readonly Item[] };
      expect(Number(listed.metadata.resourceVersion), 'versions are never used twice').toBeGreaterThanOrEqual(newest);
      const items = new Map(listed.items.map((item) => [item.metadata.name, item]));
      for (const writer of writers) writer.check(items);
      const failures: unknown[] = [];
      const { port } = server;
      const following = watchers.map(async (watcher) => {
        await watcher
          .follow(client, port, (error) => failures.push(error))
          .catch((error: unknown) => {
            if (!isBroken(error)) failures.push(error);
          });
      });
      if (isLast) {
        // Nobody writes any more: all must see the same.
        const end = Number(listed.metadata.resourceVersion);
        const late = () => watchers.filter((watcher) => watcher.version() < end).length;
        while (late() > 0 && failures.length === 0) await new Promise((resolve) => setTimeout(resolve, 20));
        expect(failures).toEqual([]);
        for (const { view } of watchers) expect(known(view)).toEqual(known(items));
        client.close();
        await server.stop();
        await Promise.all(following);
        break;
      }
      // Killed when so many more were answered: others are then at any point of their way.
      let left = Math.floor(random() ** 2 * MOST_WRITES);
      let isKilled = false;
      const onDone = (): boolean => {
        left -= 1;
        if (left < 0 && !isKilled) {
          isKilled = true;
          server?.kill('SIGKILL');
        }
        return !isKilled;
      };
      const working = Promise.all(writers.map(async (writer) => await writer.run(client, onDone))).catch(
        (error: unknown) => {
          failures.push(error);
          server?.kill('SIGKILL');
        },
      );
      const [, signal] = await server.ended;
      expect(signal, server.errors()).toBe('SIGKILL');
      await working;
      client.close();
      await Promise.all(following);
      if (failures.length > 0) throw failures[0];
      newest = Math.max(newest, ...watchers.map((watcher) => watcher.version()));
    }
    const total = writers.reduce((sum, writer) => sum + writer.acknowledged(), 0);
    const relists = watchers.reduce((sum, watcher) => sum + watcher.relists(), 0) - WATCHERS;
    console.log(
      `kills: ${total} writes tried, ${seen.size} versions seen by ${WATCHERS} watchers, ${relists} lists after the first`,
    );
    expect(seen.size).toBeGreaterThan(robustConfig.kills);
    const dir = join(bench.folder, 'state');
    expect((await inspect(dir)).problems).toEqual([]);
    await (await openObjectStore({ dir, logger: silentLogger })).close();
  },
  60_000 + robustConfig.kills * 6_000,
);
