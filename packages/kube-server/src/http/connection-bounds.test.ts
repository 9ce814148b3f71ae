import { connect as connectTcp, type Socket } from 'node:net';
import { connect } from 'node:tls';
import { afterEach, describe, expect, it } from 'vitest';
import { startTestServer, type TestServer } from '../testing/test-server.ts';
import { defaultMaxConnections } from './connection-bounds.ts';

let running: TestServer | undefined;
const opened: Socket[] = [];
afterEach(async () => {
  for (const socket of opened.splice(0)) socket.destroy();
  await running?.stop();
  running = undefined;
});

async function start(server: { maxConnections?: number; patienceMs?: number }): Promise<TestServer> {
  running = await startTestServer({ server });
  return running;
}

async function open(socket: Socket, ready: 'connect' | 'secureConnect'): Promise<Socket> {
  opened.push(socket);
  socket.on('error', () => {});
  socket.resume();
  await new Promise<void>((resolve) => socket.once(ready, () => resolve()).once('close', () => resolve()));
  return socket;
}
const raw = ({ server }: TestServer): Promise<Socket> => open(connectTcp(server.port, '127.0.0.1'), 'connect');
const shaken = ({ server, caPem: ca }: TestServer, keys?: TestServer['adminKeys']): Promise<Socket> => {
  const own = keys ? { cert: keys.certPem, key: keys.keyPem } : {};
  return open(connect({ port: server.port, host: '127.0.0.1', ca, ...own }), 'secureConnect');
};
const closed = async (socket: Socket): Promise<void> => {
  if (!socket.closed) await new Promise((resolve) => socket.once('close', resolve));
};
const living = (sockets: readonly Socket[]): number => sockets.filter((socket) => !socket.closed).length;

async function until(holds: () => boolean): Promise<void> {
  while (!holds()) await new Promise((resolve) => setImmediate(resolve));
}

describe('connections', () => {
  it('without a certificate take no more than half of the places, and the newest stay (L2)', async () => {
    const server = await start({ maxConnections: 20 });
    const silent: Socket[] = [];
    for (let i = 0; i < 60; i++) silent.push(await raw(server));
    await until(() => living(silent) <= 10);
    expect((await server.admin.call('GET', '/version')).code).toBe(200);
    const nameless: Socket[] = [];
    for (let i = 0; i < 30; i++) nameless.push(await shaken(server));
    await until(() => living([...silent, ...nameless]) <= 10);
    expect(living(silent)).toBe(0);
    expect((await server.admin.call('GET', '/version')).code).toBe(200);
  });

  it('are bounded also for those with a certificate, who lose none that they have (L1)', async () => {
    const server = await start({ maxConnections: 10 });
    const known: Socket[] = [];
    for (let i = 0; i < 10; i++) known.push(await shaken(server, server.adminKeys));
    await closed(await shaken(server, server.adminKeys));
    await expect(server.admin.call('GET', '/version')).rejects.toThrow();
    expect(living(known)).toBe(10);
    known[0]?.end();
    await until(() => known[0]?.closed ?? false);
    let code = 0;
    while (code !== 200)
      code = await server.admin.call('GET', '/version').then(
        (answer) => answer.code,
        () => 0,
      );
  });

  it('that do not shake hands, or send no request, are closed', async () => {
    const server = await start({ patienceMs: 200 });
    const half = await shaken(server, server.adminKeys);
    half.write('GET /version HTTP/1.1\r\nHost:');
    await Promise.all([closed(await raw(server)), closed(await shaken(server)), closed(half)]);
  });

  it('leave descriptors for files', () => {
    const limits = (soft: string): string =>
      `Limit  Soft Limit  Hard Limit  Units\nMax open files  ${soft}  4096  files\n`;
    expect(defaultMaxConnections(limits('1024'))).toBe(512);
    expect(defaultMaxConnections(limits('1048576'))).toBe(2000);
    expect(defaultMaxConnections(limits('unlimited'))).toBe(2000);
    expect(defaultMaxConnections()).toBeGreaterThan(0);
  });
});
