/** Connections that are there to cost something: none does for long, and whoever is honest is served meanwhile. */
import { once } from 'node:events';
import { connect as connectTcp, type Socket } from 'node:net';
import { connect } from 'node:tls';
import { waitFor } from '@polarstack/base';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { type ApiChild, type Bench, createBench } from './child.ts';
import { createClient, type HttpClient } from './http-client.ts';

const path = '/api/v1/namespaces/default/configmaps';
const signal = new AbortController().signal;
let bench: Bench;
let server: ApiChild;
let admin: HttpClient;
const opened: Socket[] = [];
const timers: NodeJS.Timeout[] = [];

beforeAll(async () => {
  bench = await createBench();
  server = await bench.start({ server: { patienceMs: 500, maxConnections: 200 } });
  admin = createClient(server.port, bench.identity);
});
afterEach(async () => {
  for (const timer of timers.splice(0)) clearInterval(timer);
  for (const socket of opened.splice(0)) socket.destroy();
  await waitFor('the connections to be let go', async () => (server.sockets() <= 70 ? true : undefined), {
    signal,
    timeoutMs: 30_000,
  });
});
afterAll(async () => {
  admin.close();
  await bench.remove();
});

async function ready(socket: Socket, event: 'connect' | 'secureConnect'): Promise<Socket> {
  opened.push(socket);
  socket.on('error', () => {});
  await Promise.race([once(socket, event), new Promise((resolve) => socket.once('close', resolve))]);
  return socket;
}
const raw = async (): Promise<Socket> => await ready(connectTcp(server.port, '127.0.0.1'), 'connect');
const known = async (): Promise<Socket> => {
  const { admin: keys, caPem: ca } = bench.identity;
  return await ready(
    connect({ host: '127.0.0.1', port: server.port, ca, cert: keys.certPem, key: keys.keyPem }),
    'secureConnect',
  );
};

/** What came until the server closed. */
async function whole(socket: Socket): Promise<string> {
  let text = '';
  socket.on('data', (chunk: Buffer) => {
    text += chunk.toString();
  });
  if (!socket.closed) await new Promise((resolve) => socket.once('close', resolve));
  return text;
}
const isServed = async (): Promise<void> => expect((await admin.call('GET', path)).code).toBe(200);

describe('connections', () => {
  it('that send heads without end are told so and closed; memory does not grow with them', async () => {
    const before = server.memory();
    const bombs = await Promise.all(
      Array.from({ length: 60 }, async (_, i) => {
        const socket = await known();
        const header = i % 2 === 0 ? `x-${'a'.repeat(1_000)}: ${'b'.repeat(1_000)}\r\n` : 'a: b\r\n';
        socket.write(`GET ${path} HTTP/1.1\r\nHost: a\r\n`);
        const pour = (): void => {
          while (!socket.destroyed && socket.write(header.repeat(100)));
        };
        socket.on('drain', pour);
        pour();
        return await whole(socket);
      }),
    );
    for (const text of bombs) expect(text === '' || text.startsWith('HTTP/1.1 431'), text.slice(0, 100)).toBe(true);
    await isServed();
    const { peak } = server.memory();
    console.log(`header bombs: resident memory before ${before.now} MiB, peak ${peak} MiB`);
    expect(peak).toBeLessThan(before.now + 150);
  });

  it('that send bodies without end, or announce them, are told so', async () => {
    const before = server.memory();
    const answers = await Promise.all(
      Array.from({ length: 30 }, async (_, i) => {
        const socket = await known();
        const head = `POST ${path} HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n`;
        if (i % 2 === 0) socket.write(`${head}Content-Length: 1000000000\r\n\r\n{`);
        else {
          socket.write(`${head}Transfer-Encoding: chunked\r\n\r\n`);
          const chunk = `10000\r\n${' '.repeat(0x10000)}\r\n`;
          const pour = (): void => {
            while (!socket.destroyed && socket.write(chunk));
          };
          socket.on('drain', pour);
          pour();
        }
        return await whole(socket);
      }),
    );
    // An answer may be lost where the client still writes into a connection that is closed.
    for (const text of answers) expect(text === '' || text.startsWith('HTTP/1.1 413'), text.slice(0, 100)).toBe(true);
    expect(answers.filter((text) => text !== '').length).toBeGreaterThanOrEqual(15);
    await isServed();
    const { peak } = server.memory();
    console.log(`body bombs: resident memory before ${before.now} MiB, peak ${peak} MiB`);
    expect(peak).toBeLessThan(before.now + 300);
  });

  it('that send a head byte by byte are closed when patience ends', async () => {
    const slow = await Promise.all(Array.from({ length: 30 }, known));
    for (const socket of slow) {
      socket.write('GET / HTTP/1.1\r\n');
      timers.push(setInterval(() => socket.write('x'), 50));
    }
    await Promise.all(slow.map(whole));
    await isServed();
  });

  it('that never finish a handshake, or speak nonsense, take no more than their half of the places', async () => {
    const before = server.memory();
    // The first bytes of a handshake: the rest is announced and does not come.
    const hello = Buffer.from([22, 3, 1, 0x02, 0, 1, 0, 0x01, 0xfc, 3, 3]);
    for (let round = 0; round < 5; round++) {
      await Promise.all(
        Array.from({ length: 100 }, async (_, i) => {
          const socket = await raw();
          if (i % 3 === 0) socket.write(hello);
          if (i % 3 === 1) socket.write('GET / HTTP/1.1\r\n\r\n');
          socket.resume();
        }),
      );
      expect(server.sockets()).toBeLessThanOrEqual(202);
      const fresh = createClient(server.port, bench.identity, undefined, 1);
      expect((await fresh.call('GET', path)).code, 'a new client comes through').toBe(200);
      fresh.close();
    }
    await Promise.all(opened.map(async (socket) => (socket.closed ? undefined : await whole(socket))));
    const { peak } = server.memory();
    console.log(`handshake flood: resident memory before ${before.now} MiB, peak ${peak} MiB`);
    expect(peak).toBeLessThan(before.now + 150);
  });
});
