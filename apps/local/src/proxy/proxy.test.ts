import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { type AddressInfo, connect, createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { silentLogger, waitFor } from '@polarstack/base';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { runProxy } from './proxy.ts';
import { readRoutes, writeRoutes } from './routes-file.ts';

let folder: string;
let backend: Server;
const controller = new AbortController();

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'proxy-'));
  backend = createServer((socket) => socket.on('error', () => {}).end('served'));
  await once(backend.listen(0, '127.0.0.1'), 'listening');
});
afterEach(() => {
  backend.close();
  rmSync(folder, { recursive: true });
});

async function freePort(): Promise<number> {
  const server = createServer();
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

test('serves the routes of its last run while no API server answers, and keeps them', async () => {
  const routesFile = join(folder, 'routes.json');
  const port = await freePort();
  const { port: backendPort } = backend.address() as AddressInfo;
  const endpoints = [{ host: '127.0.0.1', port: backendPort, ready: true }];
  writeRoutes(routesFile, [{ namespace: 'default', service: 's', host: '127.0.0.1', port, endpoints }]);
  const before = readFileSync(routesFile, 'utf8');
  const connection = { server: `https://127.0.0.1:${await freePort()}` };
  const running = runProxy({ connection, routesFile, log: silentLogger, signal: controller.signal });
  const answer = await waitFor(
    'an answer',
    async () => {
      const socket = connect(port, '127.0.0.1');
      const [data] = (await once(socket, 'data')) as [Buffer];
      socket.destroy();
      return data.toString();
    },
    { signal: controller.signal, timeoutMs: 30_000 },
  );
  expect(answer).toBe('served');
  expect(readFileSync(routesFile, 'utf8')).toBe(before);
  controller.abort();
  await running;
});

test('without a file there are no routes', () => {
  expect(readRoutes(join(folder, 'none.json'))).toEqual([]);
});
