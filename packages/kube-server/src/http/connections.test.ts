import { EventEmitter, once } from 'node:events';
import type { Server } from 'node:https';
import { connect as connectTcp } from 'node:net';
import { connect, type TLSSocket } from 'node:tls';
import { afterEach, beforeEach, describe, expect, it, type Mock, vi } from 'vitest';
import { startTestServer, type TestServer } from '../testing/test-server.ts';
import { trackConnections } from './connections.ts';

let running: TestServer | undefined;
afterEach(async () => {
  await running?.stop();
  running = undefined;
});

async function start(): Promise<TestServer> {
  running = await startTestServer();
  return running;
}

describe('closing the server', () => {
  it('ends connections that rest, that never spoke and that watch (C1, C2)', async () => {
    const { server, admin, adminKeys, caPem } = await start();
    expect((await admin.call('GET', '/version')).code).toBe(200);
    const silent = connectTcp(server.port, '127.0.0.1');
    const shaken = connect({ port: server.port, host: '127.0.0.1', ca: caPem, ...tls(adminKeys) });
    const watching = connect({ port: server.port, host: '127.0.0.1', ca: caPem, ...tls(adminKeys) });
    await Promise.all([once(silent, 'connect'), once(shaken, 'secureConnect'), once(watching, 'secureConnect')]);
    watching.write('GET /api/v1/pods?watch=true&resourceVersion=0 HTTP/1.1\r\nHost: a\r\n\r\n');
    const [head] = (await once(watching, 'data')) as [Buffer];
    expect(head.toString()).toContain('200 OK');
    const gone = [silent, shaken, watching].map(async (socket) => {
      socket.on('error', () => {});
      socket.resume();
      if (!socket.closed) await once(socket, 'close');
    });
    await server.close();
    await Promise.all(gone);
    await expect(admin.call('GET', '/version')).rejects.toThrow();
  });
});

describe('many watches', () => {
  it('cause no warning about listeners', async () => {
    const warnings: Error[] = [];
    const onWarning = (warning: Error): void => void warnings.push(warning);
    process.on('warning', onWarning);
    try {
      const { server, adminKeys, caPem } = await start();
      for (let i = 0; i < 15; i++) {
        const socket = connect({ port: server.port, host: '127.0.0.1', ca: caPem, ...tls(adminKeys) });
        socket.on('error', () => {});
        await once(socket, 'secureConnect');
        socket.write('GET /api/v1/pods?watch=true&resourceVersion=0 HTTP/1.1\r\nHost: a\r\n\r\n');
        await once(socket, 'data');
      }
      await new Promise((resolve) => setImmediate(resolve));
      expect(warnings).toEqual([]);
    } finally {
      process.off('warning', onWarning);
    }
  });
});

function tls(keys: { readonly certPem: string; readonly keyPem: string }) {
  return { cert: keys.certPem, key: keys.keyPem };
}

describe('a watch whose request has a body', () => {
  it('ends when its client breaks the connection, although nobody reads that body', async () => {
    const { server, admin, adminKeys, caPem } = await start();
    const wire = connectTcp(server.port, '127.0.0.1');
    const socket = connect({ socket: wire, host: '127.0.0.1', ca: caPem, ...tls(adminKeys) });
    for (const one of [wire, socket]) one.on('error', () => {});
    await once(socket, 'secureConnect');
    const head = 'GET /api/v1/pods?watch=true&resourceVersion=0 HTTP/1.1\r\nHost: a\r\nContent-Length: 200000\r\n\r\n';
    socket.write(`${head}${' '.repeat(200_000)}`);
    await once(socket, 'data');
    wire.resetAndDestroy();
    const watching = async (): Promise<boolean> =>
      !(await admin.call('GET', '/metrics')).text.includes('apiserver_longrunning_requests{verb="watch"} 0');
    while (await watching());
  });
});

describe('a client that leaves', () => {
  /** As much of a server and of a connection as is asked. */
  function connection(): { readonly server: Server; readonly socket: TLSSocket; readonly destroy: Mock } {
    const server = new EventEmitter() as Server;
    trackConnections(server);
    const destroy = vi.fn();
    const socket = Object.assign(new EventEmitter(), { destroy }) as unknown as TLSSocket;
    server.emit('secureConnection', socket);
    return { server, socket, destroy };
  }
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => void vi.useRealTimers());

  it('is let go of, although something is still to be written that may never be (C3)', () => {
    const { server, socket, destroy } = connection();
    server.emit('request', { socket }, new EventEmitter());
    socket.emit('end');
    vi.advanceTimersByTime(4_000);
    expect(destroy).not.toHaveBeenCalled();
    vi.advanceTimersByTime(2_000);
    expect(destroy).toHaveBeenCalledOnce();
  });

  it('is not broken off when it has closed by then, nor when the connection is somebody else’s (C3)', () => {
    const closed = connection();
    closed.socket.emit('end');
    closed.socket.emit('close');
    const upgraded = connection();
    upgraded.server.emit('upgrade', { socket: upgraded.socket });
    upgraded.socket.emit('end');
    vi.advanceTimersByTime(60_000);
    expect(closed.destroy).not.toHaveBeenCalled();
    expect(upgraded.destroy).not.toHaveBeenCalled();
  });
});
