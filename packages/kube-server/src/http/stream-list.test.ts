import { createServer, request, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { waitFor } from '@polarstack/base';
import { afterEach, expect, it } from 'vitest';
import { streamList } from './stream-list.ts';

let server: Server | undefined;
afterEach(() => {
  server?.closeAllConnections();
  server?.close();
});

const patience = { signal: new AbortController().signal, timeoutMs: 30_000 };
const COUNT = 2_000;
const item = JSON.stringify('x'.repeat(50_000));

/** Counts what is made of a list of a hundred megabytes. */
async function serve(): Promise<{ readonly port: number; readonly made: () => number; readonly over: () => boolean }> {
  let made = 0;
  let isOver = false;
  function* items(): Generator<string> {
    for (; made < COUNT; made++) yield item;
  }
  server = createServer((_asked, response) => {
    void streamList(response, { kind: 'List' }, 'items', items()).finally(() => {
      isOver = true;
    });
  });
  await new Promise<void>((resolve) => server?.listen(0, '127.0.0.1', resolve));
  return { port: (server.address() as AddressInfo).port, made: () => made, over: () => isOver };
}

it('makes no more of a list than its reader takes', async () => {
  const { port, made } = await serve();
  let size = 0;
  await new Promise<void>((resolve, reject) => {
    const asked = request({ host: '127.0.0.1', port }, (response) => {
      response.pause();
      // What fits into the sockets on the way is made; then nothing more, for as long as nobody reads.
      const settle = async () => {
        let before = -1;
        const isStill = (): Promise<true | undefined> => {
          const same = made() === before;
          before = made();
          return Promise.resolve(same ? true : undefined);
        };
        await waitFor('the writer to wait', isStill, { ...patience, intervalMs: 200 });
        expect(made()).toBeLessThan(COUNT / 2);
        response.on('data', (chunk: Buffer) => {
          size += chunk.length;
        });
        response.on('end', resolve);
        response.resume();
      };
      settle().catch(reject);
    });
    asked.on('error', reject);
    asked.end();
  });
  expect(made()).toBe(COUNT);
  expect(size).toBe(`{"kind":"List","items":[]}\n`.length + COUNT * item.length + COUNT - 1);
});

it('stops when its reader goes', async () => {
  const { port, made, over } = await serve();
  const asked = request({ host: '127.0.0.1', port }, (response) => response.destroy());
  asked.on('error', () => {});
  asked.end();
  await waitFor('the list to end', () => Promise.resolve(over() ? true : undefined), patience);
  expect(made()).toBeLessThan(COUNT);
});
