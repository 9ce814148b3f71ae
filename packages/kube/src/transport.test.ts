import { createServer, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { StackError } from '@polarstack/base';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { ConfigMaps } from './resources.ts';
import { createTransport, type Transport } from './transport.ts';
import { watchFromStart, watchOnce } from './watch-stream.ts';

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

describe('a server that asks to come back later', () => {
  const refuse = (status: number, times: number, headers: Readonly<Record<string, string>>): void => {
    let left = times;
    answer = (response) => {
      if (left-- > 0) response.writeHead(status, headers).end('busy');
      else response.end('fine');
    };
  };

  test.each([
    ['429, whatever the method', 'POST', 429, { 'retry-after': '0' }, 'fine'],
    ['503, to a GET', 'GET', 503, { 'retry-after': '0' }, 'fine'],
    ['429 until a date', 'POST', 429, { 'retry-after': new Date(0).toUTCString() }, 'fine'],
    ['503, to a write: it may have happened', 'POST', 503, { 'retry-after': '0' }, 'ApiError'],
    ['429 without a time: left to the back-off of the caller', 'GET', 429, {}, 'TooManyRequests'],
    ['429 for longer than a request waits', 'GET', 429, { 'retry-after': '3600' }, 'TooManyRequests'],
  ] as const)('%s (T3)', async (_, method, status, headers, result) => {
    refuse(status, 2, headers);
    const answered = await get(method).catch((error: unknown) => (error as { code: string }).code);
    expect([answered, requests.length]).toEqual([result, result === 'fine' ? 3 : 1]);
  });

  test('and never relents is given up, and what it asked for is told', async () => {
    refuse(429, 100, { 'retry-after': '0' });
    await expect(get()).rejects.toMatchObject({ code: 'TooManyRequests', details: { retryAfterSeconds: 0 } });
    expect(requests).toHaveLength(6);
  });
});

describe('a guard', () => {
  const send = async (guard: () => void): Promise<string> =>
    await transport.sendText({ method: 'POST', path: '/', body: 'x', guard });

  test('is asked when the connection stands, new or kept, and what it refuses is never sent (T4)', async () => {
    const asked: number[] = [];
    const allow = (): void => void asked.push(connections);
    const refuse = (): void => {
      throw new StackError('NotLeader', 'not any more');
    };
    expect(await send(allow)).toBe('fine');
    expect(await send(allow)).toBe('fine');
    await expect(send(refuse)).rejects.toMatchObject({ code: 'NotLeader' });
    expect(await send(allow)).toBe('fine');
    expect([requests.length, asked]).toEqual([3, [1, 1, 2]]);
  });

  test('that changes its mind while the connection is made is heard (T4)', async () => {
    let may = true;
    const pending = send(() => {
      if (!may) throw new StackError('NotLeader', 'not any more');
    });
    may = false;
    await expect(pending).rejects.toMatchObject({ code: 'NotLeader' });
    expect(requests).toEqual([]);
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

  const deadWatch = (line: object): void => {
    answer = (response) => {
      response.writeHead(200);
      response.write(`${JSON.stringify(line)}\n`);
    };
  };
  const added = { type: 'ADDED', object: { metadata: { name: 'a' } } };
  const limits = { silenceMs: 100, initialSilenceMs: 100 };
  const never = new AbortController().signal;

  test('a watch on a connection that is dead and does not say so ends after the silence (half-open TCP)', async () => {
    deadWatch(added);
    const seen: string[] = [];
    for await (const event of watchOnce(transport, ConfigMaps, { resourceVersion: '1' }, never, limits)) {
      seen.push(event.type);
    }
    expect(seen).toEqual(['ADDED']);
  });

  test('a watch from the start whose server knows of no end of it is told from one that ended (F4)', async () => {
    const read = async (): Promise<readonly string[]> => {
      const seen: string[] = [];
      for await (const event of watchFromStart(transport, ConfigMaps, {}, never, limits)) seen.push(event.type);
      return seen;
    };
    deadWatch(added);
    await expect(read()).rejects.toMatchObject({ code: 'ServerTimeout', details: { initialEvents: true } });
    const annotations = { 'k8s.io/initial-events-end': 'true' };
    deadWatch({ type: 'BOOKMARK', object: { metadata: { resourceVersion: '7', annotations } } });
    expect(await read()).toEqual(['BOOKMARK']);
  });

  test('an answer that drips for ever ends as ServerTimeout (T5)', async () => {
    const slow = createTransport({ server: url() }, { bodyMs: 200, totalMs: 300 });
    let drip: NodeJS.Timeout | undefined;
    answer = (response) => {
      drip = setInterval(() => response.write('.'), 20);
    };
    await expect(slow.sendText({ method: 'GET', path: '/' })).rejects.toMatchObject({ code: 'ServerTimeout' });
    clearInterval(drip);
    await slow.close();
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
