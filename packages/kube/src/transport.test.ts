import { createServer, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { ConfigMaps } from './resources.ts';
import { createTransport, type Transport } from './transport.ts';
import { watchOnce } from './watch-stream.ts';

let server: Server;
let answer: (response: ServerResponse, socket: Socket) => void;
let requests: string[];
let connections: number;
let transport: Transport;
const open = new Set<Socket>();

beforeEach(async () => {
  requests = [];
  connections = 0;
  answer = (response) => response.end('fine');
  server = createServer((request, response) => {
    requests.push(`${request.method} ${request.url}`);
    answer(response, request.socket);
  });
  server.on('connection', (socket) => {
    connections++;
    open.add(socket);
    socket.on('close', () => open.delete(socket));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  transport = createTransport({ server: url() }, { headersMs: 200, bodyMs: 200 });
});

afterEach(async () => {
  await transport.close();
  for (const socket of open) socket.destroy();
  await new Promise((resolve) => server.close(resolve));
});

const url = (): string => `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
const get = async (method: 'GET' | 'POST' = 'GET'): Promise<string> =>
  await transport.sendText({ method, path: '/x?y=z' });

describe('connections', () => {
  test('are kept for the next request', async () => {
    for (let i = 0; i < 5; i++) expect(await get()).toBe('fine');
    expect([connections, requests[0]]).toEqual([1, 'GET /x?y=z']);
  });

  test('that the server closed meanwhile: a GET is sent again, a POST is not (T3)', async () => {
    const closeNext = (): void => {
      answer = (_, socket) => {
        answer = (response) => response.end('again');
        socket.resetAndDestroy();
      };
    };
    await get();
    closeNext();
    expect(await get()).toBe('again');
    closeNext();
    await expect(get('POST')).rejects.toMatchObject({ code: 'ApiUnreachable' });
    expect(requests).toHaveLength(4);
  });

  test('that are new and break are not tried again (T3)', async () => {
    answer = (_, socket) => socket.resetAndDestroy();
    await expect(get()).rejects.toMatchObject({ code: 'ApiUnreachable' });
    expect(requests).toHaveLength(1);
  });

  test('close ends requests under way, and later ones fail', async () => {
    answer = () => {};
    const pending = get();
    const failed = expect(pending).rejects.toMatchObject({ code: 'ApiUnreachable' });
    while (requests.length === 0) await new Promise((resolve) => setImmediate(resolve));
    await transport.close();
    await failed;
    await expect(get()).rejects.toMatchObject({ code: 'ApiUnreachable', message: expect.stringContaining('closed') });
  });
});

describe('silence', () => {
  test('no head of an answer in time: ServerTimeout', async () => {
    answer = () => {};
    await expect(get()).rejects.toMatchObject({ code: 'ServerTimeout' });
  });

  test('no end of a body in time: ServerTimeout; an answer that is cut short: ApiUnreachable', async () => {
    answer = (response) => response.write('half');
    await expect(get()).rejects.toMatchObject({ code: 'ServerTimeout' });
    answer = (response, socket) => {
      response.write('half');
      setImmediate(() => socket.destroy());
    };
    await expect(get()).rejects.toMatchObject({ code: 'ApiUnreachable' });
  });

  test('a watch on a connection that is dead and does not say so ends as ServerTimeout (half-open TCP)', async () => {
    answer = (response) => {
      response.writeHead(200);
      response.write('{"type":"ADDED","object":{"metadata":{"name":"a"}}}\n');
    };
    const seen: string[] = [];
    const watch = async (): Promise<void> => {
      const options = { resourceVersion: '1', timeoutSeconds: 0 };
      for await (const event of watchOnce(transport, ConfigMaps, options, new AbortController().signal, 100)) {
        seen.push(event.type);
      }
    };
    await expect(watch()).rejects.toMatchObject({ code: 'ServerTimeout' });
    expect(seen).toEqual(['ADDED']);
  });
});

describe('what is left behind', () => {
  const noneOpen = async (): Promise<void> => {
    while (open.size > 0) await new Promise((resolve) => setTimeout(resolve, 5));
  };

  test('a watch whose reader stops early leaves no connection (T2)', async () => {
    answer = (response) => {
      response.writeHead(200);
      response.write('{"type":"ADDED","object":{"metadata":{"name":"a"}}}\n');
    };
    for await (const _ of watchOnce(transport, ConfigMaps, { resourceVersion: '1' }, new AbortController().signal))
      break;
    await noneOpen();
  });

  test("an abort ends the connection and throws the signal's reason (T1, T2)", async () => {
    answer = () => {};
    const abort = new AbortController();
    const pending = transport.sendText({ method: 'GET', path: '/', signal: abort.signal });
    const failed = expect(pending).rejects.toThrow('enough');
    while (requests.length === 0) await new Promise((resolve) => setImmediate(resolve));
    abort.abort(new Error('enough'));
    await failed;
    await noneOpen();
  });

  test('a thousand requests with one signal leave no listeners on it', async () => {
    const { signal } = new AbortController();
    let listeners = 0;
    const add = signal.addEventListener.bind(signal);
    const remove = signal.removeEventListener.bind(signal);
    signal.addEventListener = (...args: Parameters<typeof add>) => {
      listeners++;
      add(...args);
    };
    signal.removeEventListener = (...args: Parameters<typeof remove>) => {
      listeners--;
      remove(...args);
    };
    for (let i = 0; i < 1000; i++) await transport.sendText({ method: 'GET', path: '/', signal });
    await new Promise((resolve) => setImmediate(resolve));
    expect(listeners).toBeLessThanOrEqual(1);
  });
});
