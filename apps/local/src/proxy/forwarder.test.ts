import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import { silentLogger, waitFor } from '@polarstack/base';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { createForwarder, type Forwarder } from './forwarder.ts';
import type { Endpoint, Route } from './routes.ts';

let controller: AbortController;
let forwarder: Forwarder;
let refused: { route: Route; code: string | undefined }[];
let servers: Server[];
let sockets: Socket[];

beforeEach(() => {
  controller = new AbortController();
  refused = [];
  servers = [];
  sockets = [];
  forwarder = createForwarder({
    log: silentLogger,
    signal: controller.signal,
    onRefused: (route, { code }) => refused.push({ route, code }),
  });
});

afterEach(async () => {
  controller.abort();
  for (const socket of sockets) socket.destroy();
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
});

async function backend(onConnection: (socket: Socket) => void): Promise<Endpoint> {
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    sockets.push(socket);
    socket.on('error', () => {});
    onConnection(socket);
  });
  servers.push(server);
  await once(server.listen(0, '127.0.0.1'), 'listening');
  return { host: '127.0.0.1', port: (server.address() as AddressInfo).port, ready: true };
}

/** A port that is free now. */
async function freePort(): Promise<number> {
  const server = createServer();
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

const routeTo = (port: number, ...endpoints: Endpoint[]): Route => ({
  namespace: 'default',
  service: 's',
  host: '127.0.0.1',
  port,
  endpoints,
});

async function dial(port: number): Promise<Socket> {
  return await waitFor(
    'the proxy to listen',
    async () => {
      const socket = connect({ host: '127.0.0.1', port, allowHalfOpen: true });
      sockets.push(socket);
      await once(socket, 'connect');
      socket.on('error', () => {});
      return socket;
    },
    { signal: controller.signal, timeoutMs: 30_000, intervalMs: 5 },
  );
}

/** All that the other side says; the socket can still be written afterwards. */
async function readAll(socket: Socket): Promise<Buffer> {
  const chunks: Buffer[] = [];
  socket.on('data', (chunk: Buffer) => chunks.push(chunk));
  await once(socket, 'end');
  return Buffer.concat(chunks);
}

async function ask(port: number): Promise<string> {
  const socket = await dial(port);
  socket.end();
  return (await readAll(socket)).toString();
}

const named = (name: string) => (socket: Socket) => socket.end(name);

test('passes bytes both ways, with half-close', async () => {
  const echo = await backend((socket) => {
    void readAll(socket).then((all) => socket.end(all));
  });
  const port = await freePort();
  forwarder.apply([routeTo(port, echo)]);
  const socket = await dial(port);
  const sent = randomBytes(3_000_000);
  socket.end(sent);
  const received = await readAll(socket);
  expect(received.length).toBe(sent.length);
  expect(received.equals(sent)).toBe(true);
});

test('holds back a sender whose receiver does not read', async () => {
  const lazy = await backend((socket) => socket.pause());
  const port = await freePort();
  forwarder.apply([routeTo(port, lazy)]);
  const socket = await dial(port);
  const chunk = Buffer.alloc(1 << 20);
  let sent = 0;
  while (sent < 256 && socket.write(chunk, () => {})) sent++;
  // More than the buffers of three sockets would have to lie in the proxy's memory.
  expect(sent).toBeLessThan(64);
});

test('P1: refuses a client of a service without a ready endpoint, and serves it once there is one', async () => {
  const port = await freePort();
  const one = await backend(named('one'));
  forwarder.apply([routeTo(port, { ...one, ready: false })]);
  const refusedClient = connect(port, '127.0.0.1');
  const [error] = (await once(refusedClient, 'error')) as [NodeJS.ErrnoException];
  expect(error.code).toBe('ECONNREFUSED');
  forwarder.apply([routeTo(port, one)]);
  expect(await ask(port)).toBe('one');
});

test('takes the ready endpoints in turn, and the next where one does not answer', async () => {
  const port = await freePort();
  const gone = { host: '127.0.0.1', port: await freePort(), ready: true };
  forwarder.apply([routeTo(port, await backend(named('one')), await backend(named('two')))]);
  expect([await ask(port), await ask(port), await ask(port)].sort()).not.toEqual(['one', 'one', 'one']);
  forwarder.apply([routeTo(port, gone, await backend(named('three')))]);
  expect([await ask(port), await ask(port)]).toEqual(['three', 'three']);
});

test('P2: a connection whose endpoint left the service is reset; one whose endpoint is not ready goes on', async () => {
  const port = await freePort();
  const old = await backend((socket) => {
    socket.pipe(socket);
  });
  const fresh = await backend(named('fresh'));
  forwarder.apply([routeTo(port, old)]);
  const socket = await dial(port);
  socket.write('a');
  await once(socket, 'data');

  forwarder.apply([routeTo(port, { ...old, ready: false }, fresh)]);
  expect(await ask(port)).toBe('fresh');
  socket.write('b');
  expect(String((await once(socket, 'data'))[0])).toBe('b');

  const closed = new Promise((resolve) => {
    socket.on('close', resolve);
  });
  forwarder.apply([routeTo(port, fresh)]);
  await closed;
});

test('tells once of an address that a stranger holds, and takes it when it is free', async () => {
  const stranger = createServer();
  await once(stranger.listen(0, '127.0.0.1'), 'listening');
  const { port } = stranger.address() as AddressInfo;
  forwarder.apply([routeTo(port, await backend(named('ours')))]);
  await waitFor('the refusal', async () => refused[0], { signal: controller.signal, timeoutMs: 30_000 });
  await new Promise((resolve) => stranger.close(resolve));
  expect(await ask(port)).toBe('ours');
  expect(refused.map(({ code }) => code)).toEqual(['EADDRINUSE']);
});
