import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import { waitFor } from '@polarstack/base';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { type FaultProxy, startFaultProxy } from './fault-proxy.ts';

let echo: Server;
let proxy: FaultProxy;
let heard: string;
const sockets: Socket[] = [];

beforeEach(async () => {
  heard = '';
  echo = createServer((socket) => {
    sockets.push(socket);
    socket.on('error', () => {});
    socket.on('data', (chunk) => {
      heard += String(chunk);
      socket.write(chunk);
    });
  }).listen(0, '127.0.0.1');
  await once(echo, 'listening');
  proxy = await startFaultProxy({ host: '127.0.0.1', port: (echo.address() as AddressInfo).port });
});

afterEach(async () => {
  await proxy.stop();
  for (const socket of sockets.splice(0)) socket.destroy();
  await new Promise((resolve) => echo.close(resolve));
});

async function dial() {
  const socket = connect({ host: '127.0.0.1', port: proxy.port });
  sockets.push(socket);
  const client = { socket, text: '', error: undefined as string | undefined, hasEnded: false };
  socket.on('data', (chunk) => {
    client.text += String(chunk);
  });
  socket.on('error', (error: NodeJS.ErrnoException) => {
    client.error = error.code;
  });
  socket.on('end', () => {
    client.hasEnded = true;
  });
  await once(socket, 'connect');
  return client;
}

const until = async (what: string, holds: () => boolean): Promise<void> => {
  await waitFor(what, () => Promise.resolve(holds() || undefined), {
    signal: AbortSignal.timeout(20_000),
    timeoutMs: 15_000,
    intervalMs: 2,
  });
};

test('passes both directions and both ends of a connection on', async () => {
  const client = await dial();
  proxy.delay(1);
  client.socket.write('a');
  client.socket.write('b');
  await until('the echo', () => client.text === 'ab');
  client.socket.end();
  await until('the end of the server', () => sockets.some((each) => each.readableEnded));
  sockets.at(-1)?.end();
  await until('no connection', () => proxy.open === 0);
  expect(proxy.accepted).toBe(1);
});

test('swallows what open connections say for ever, and new ones only until it passes again (X1)', async () => {
  const old = await dial();
  old.socket.write('a');
  await until('the echo', () => old.text === 'a');
  proxy.swallow('all');
  old.socket.write('lost');
  const deaf = await dial();
  deaf.socket.write('lost too');
  proxy.pass();
  old.socket.write('lost as well');
  const fresh = await dial();
  fresh.socket.write('b');
  await until('the new echo', () => fresh.text === 'b');
  expect([old.text, deaf.text, heard, old.error, old.hasEnded]).toEqual(['a', '', 'ab', undefined, false]);
  proxy.swallow('open');
  const another = await dial();
  another.socket.write('c');
  await until('the third echo', () => another.text === 'c');
});

test('resets after so many bytes, and at once when told', async () => {
  proxy.limit(3);
  const client = await dial();
  client.socket.write('abcdef');
  // A receiver that has data to read when the reset comes may be told of an end instead, depending on the system.
  await until('the break', () => client.error === 'ECONNRESET' || client.hasEnded);
  expect('abc'.startsWith(client.text)).toBe(true);
  proxy.limit(undefined);
  const other = await dial();
  other.socket.write('abcdef');
  await until('the echo', () => other.text === 'abcdef');
  proxy.reset();
  await until('the reset', () => other.error === 'ECONNRESET');
});

test('refuses while it is down, and has the same port when it is up again', async () => {
  const client = await dial();
  await proxy.down();
  await until('the reset', () => client.error === 'ECONNRESET');
  const refused = connect({ host: '127.0.0.1', port: proxy.port });
  const [error] = (await once(refused, 'error')) as [NodeJS.ErrnoException];
  expect(error.code).toBe('ECONNREFUSED');
  await proxy.up();
  const again = await dial();
  again.socket.write('x');
  await until('the echo', () => again.text === 'x');
});
