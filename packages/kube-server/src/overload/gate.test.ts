import { EventEmitter, once } from 'node:events';
import type { ServerResponse } from 'node:http';
import { connect, type TLSSocket } from 'node:tls';
import { type Clock, systemClock } from '@polarstack/base';
import { afterEach, describe, expect, it } from 'vitest';
import { startTestServer, type TestClient, type TestServer } from '../testing/test-server.ts';
import { openWatch } from '../testing/watch-client.ts';
import { createGate, type OverloadLimits } from './gate.ts';

let running: TestServer | undefined;
const opened: TLSSocket[] = [];
afterEach(async () => {
  for (const socket of opened.splice(0)) socket.destroy();
  await running?.stop();
  running = undefined;
});

async function start(overload: OverloadLimits): Promise<TestServer> {
  running = await startTestServer({ server: { overload } });
  return running;
}

const path = '/api/v1/namespaces/default/configmaps';
type Keys = TestServer['adminKeys'];

async function open({ server, caPem: ca }: TestServer, { certPem, keyPem }: Keys): Promise<TLSSocket> {
  const socket = connect({ port: server.port, host: '127.0.0.1', ca, cert: certPem, key: keyPem });
  opened.push(socket);
  socket.on('error', () => {});
  await once(socket, 'secureConnect');
  return socket;
}

/** A write that takes a seat and does not come to its end. */
async function half(server: TestServer, keys: Keys): Promise<TLSSocket> {
  const socket = await open(server, keys);
  socket.write(`POST ${path} HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{`);
  return socket;
}

async function until(server: TestServer, line: string): Promise<void> {
  for (;;) {
    const { text } = await server.admin.call('GET', '/metrics');
    if (text.split('\n').includes(line)) return;
  }
}
const inFlight = (kind: string, count: number): string =>
  `apiserver_current_inflight_requests{request_kind="${kind}"} ${count}`;

async function user(server: TestServer, name: string): Promise<{ readonly keys: Keys; readonly client: TestClient }> {
  const keys = await server.issue(name, ['system:masters']);
  return { keys, client: server.client(keys) };
}
const create = (client: TestClient, name: string) => client.call('POST', path, { metadata: { name } });

/** An answer that leaves as soon as the work is done. */
function answer(): ServerResponse {
  const response = new EventEmitter();
  return Object.assign(response, {
    writableLength: 0,
    req: { socket: new EventEmitter() },
  }) as unknown as ServerResponse;
}

describe('the time of the one thread', () => {
  it('is shared by turns: who comes late overtakes the crowd of another (G4, O3)', async () => {
    let now = 0;
    const clock: Clock = { ...systemClock, monotonic: () => now };
    const gate = createGate({}, clock);
    const order: string[] = [];
    const visit = async (user: string): Promise<void> => {
      const response = answer();
      await gate.pass('readOnly', user, response, async () => {
        order.push(user);
        now += 4;
        response.emit('close');
      });
    };
    const crowd = Array.from({ length: 300 }, async () => await visit('noisy'));
    // Three of them fill the slice of this turn, and the rest waits.
    expect(order).toEqual(['noisy', 'noisy', 'noisy']);
    const late = visit('quiet');
    expect(gate.counts('readOnly')).toEqual({ running: 0, waiting: 298, refused: 0 });
    await late;
    expect(order.indexOf('quiet')).toBeLessThanOrEqual(4);
    await Promise.all(crowd);
    expect(order).toHaveLength(301);
  });

  it('waits while too much of what was answered is not read (G3)', async () => {
    const gate = createGate({ maxHeldBytes: 1_000 }, systemClock);
    const held = Object.assign(answer(), { writableLength: 800 });
    const order: string[] = [];
    const visit = async (user: string, response: ServerResponse): Promise<void> =>
      await gate.pass('readOnly', user, response, async () => {
        order.push(user);
      });
    await visit('greedy', held);
    const own = visit('greedy', answer());
    await visit('other', answer());
    expect(order, 'others go on').toEqual(['greedy', 'other']);
    held.emit('close');
    await own;
    expect(order).toEqual(['greedy', 'other', 'greedy']);
  });
});

describe('too many requests', () => {
  it('are refused with 429 and Retry-After, and what is exempt is not (G2, G6)', async () => {
    const server = await start({ maxWrites: 1, maxReads: 1, maxWaitMs: 50 });
    const noisy = await user(server, 'noisy');
    await half(server, noisy.keys);
    await until(server, inFlight('mutating', 1));
    const { code, headers, body } = await create(server.admin, 'late');
    expect([code, headers['retry-after']]).toEqual([429, '1']);
    expect(body).toEqual({
      kind: 'Status',
      apiVersion: 'v1',
      metadata: {},
      status: 'Failure',
      message: 'Too many requests, please try again later.',
      reason: 'TooManyRequests',
      details: { retryAfterSeconds: 1 },
      code: 429,
    });
    // Reads have seats of their own; health, metrics for administrators and watches take none.
    expect((await server.admin.call('GET', path)).code).toBe(200);
    expect((await server.admin.call('GET', '/readyz')).code).toBe(200);
    expect((await openWatch(server.admin, server.server.port, `${path}?watch=true`)).code).toBe(200);
    await until(server, 'apiserver_dropped_requests_total{request_kind="mutating"} 1');
  });

  it('of one user leave seats for the others (O1), who go on at once', async () => {
    const server = await start({ maxWrites: 4, maxWaitMs: 50 });
    const noisy = await user(server, 'noisy');
    for (let i = 0; i < 8; i++) await half(server, noisy.keys);
    await until(server, 'apiserver_dropped_requests_total{request_kind="mutating"} 5');
    const quiet = await user(server, 'quiet');
    for (let i = 0; i < 5; i++) expect((await create(quiet.client, `q-${i}`)).code).toBe(201);
    expect((await create(noisy.client, 'n')).code).toBe(429);
  });

  it('wait for a seat, and get it when one is free', async () => {
    const server = await start({ maxWrites: 1, maxWaitMs: 60_000 });
    const noisy = await user(server, 'noisy');
    const socket = await half(server, noisy.keys);
    await until(server, inFlight('mutating', 1));
    const waiting = create(server.admin, 'patient');
    await until(server, 'apiserver_current_inqueue_requests{request_kind="mutating"} 1');
    socket.destroy();
    expect((await waiting).code).toBe(201);
    await until(server, inFlight('mutating', 0));
  });

  it('whose client left hold no seat and no place, also in line behind another of the same connection (G1)', async () => {
    const server = await start({ maxWrites: 2, maxWaitMs: 60_000 });
    const noisy = await user(server, 'noisy');
    const socket = await open(server, noisy.keys);
    const whole = `DELETE ${path}/none HTTP/1.1\r\nHost: a\r\n\r\n`;
    socket.write(whole.repeat(3));
    const other = await half(server, noisy.keys);
    other.write(whole);
    const waiting = await half(server, noisy.keys);
    await until(server, 'apiserver_current_inqueue_requests{request_kind="mutating"} 1');
    for (const one of [socket, waiting, other]) one.destroy();
    await until(server, inFlight('mutating', 0));
    await until(server, 'apiserver_current_inqueue_requests{request_kind="mutating"} 0');
    expect((await create(noisy.client, 'after')).code).toBe(201);
  });

  it('that come to no end are broken off (G5)', async () => {
    const server = await start({ maxWrites: 1, maxAnswerMs: 50 });
    const noisy = await user(server, 'noisy');
    const socket = await half(server, noisy.keys);
    let text = '';
    socket.on('data', (chunk: Buffer) => {
      text += chunk.toString();
    });
    await once(socket, 'close');
    expect(text).toContain('504');
    expect((await create(server.admin, 'after')).code).toBe(201);
  });
});
