import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import { waitFor } from '@polarstack/base';
import { createAuthority, issueCertificate, type KeyPair } from '@polarstack/pki';
import { afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { type AgentClient, createAgentClient } from './agent-client.ts';

const now = new Date();
let authority: KeyPair;
let operator: KeyPair;
let server: Server;
let answer: (request: IncomingMessage, response: ServerResponse) => void;
const clients: AgentClient[] = [];

const clientTo = (serverName: string, options: { readonly timeoutMs?: number; readonly silenceMs?: number } = {}) => {
  const client = createAgentClient({
    host: '127.0.0.1',
    port: (server.address() as AddressInfo).port,
    serverName,
    caPem: authority.certPem,
    certPem: operator.certPem,
    keyPem: operator.keyPem,
    ...options,
  });
  clients.push(client);
  return client;
};

beforeAll(async () => {
  authority = await createAuthority({ commonName: 'ca', days: 3, now });
  operator = await issueCertificate({ authority, commonName: 'operator', usages: ['client'], days: 2, now });
});
beforeEach(async () => {
  const own = await issueCertificate({
    authority,
    commonName: 'pod-1',
    dnsNames: ['pod-1'],
    usages: ['server'],
    days: 2,
    now,
  });
  server = createServer(
    { ca: authority.certPem, cert: own.certPem, key: own.keyPem, requestCert: true },
    (request, response) => answer(request, response),
  );
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
});
afterEach(() => {
  for (const client of clients.splice(0)) client.close();
  server.close();
  server.closeAllConnections();
});

test('an error of the agent arrives as what it was', async () => {
  answer = (_, response) =>
    response
      .writeHead(409)
      .end(JSON.stringify({ code: 'StaleEpoch', message: 'epoch 1 is below 2', remedy: 'r', details: { epoch: 2 } }));
  await expect(clientTo('pod-1').setTerm({ epoch: 1, role: 'primary' })).rejects.toMatchObject({
    name: 'StackError',
    code: 'StaleEpoch',
    message: 'epoch 1 is below 2',
    remedy: 'r',
    retry: 'never',
    details: { epoch: 2 },
  });
  answer = (_, response) => response.writeHead(500).end(JSON.stringify({ code: 'OfTomorrow', message: 'new' }));
  await expect(clientTo('pod-1').status()).rejects.toMatchObject({ code: 'Internal', message: 'OfTomorrow: new' });
  answer = (_, response) => response.writeHead(502).end('<html>');
  await expect(clientTo('pod-1').status()).rejects.toMatchObject({ code: 'AgentUnreachable' });
});

test('an agent of another name, none at all, and a silent one are unreachable', async () => {
  answer = () => {};
  await expect(clientTo('pod-2').status()).rejects.toMatchObject({ code: 'AgentUnreachable' });
  await expect(clientTo('pod-1', { timeoutMs: 50 }).status()).rejects.toMatchObject({
    code: 'AgentUnreachable',
    message: expect.stringContaining('within 50 ms'),
  });
  const late = clientTo('pod-1');
  server.close();
  server.closeAllConnections();
  await expect(late.status()).rejects.toMatchObject({ code: 'AgentUnreachable' });
});

test('an abort ends a call with its reason', async () => {
  const stop = new AbortController();
  answer = () => stop.abort(new Error('enough'));
  await expect(clientTo('pod-1').status(stop.signal)).rejects.toThrow('enough');
});

test('connections are kept; a kept one that was closed meanwhile is no error', async () => {
  const sockets = new Set<unknown>();
  answer = (request, response) => {
    sockets.add(request.socket);
    response.end('{}');
  };
  const client = clientTo('pod-1');
  await client.status();
  await client.status();
  expect(sockets.size).toBe(1);
  // The next call finds its connection cut while it is sent.
  let cut = true;
  answer = (request, response) => {
    if (cut) request.socket.destroy();
    else response.end('{}');
    cut = false;
  };
  await client.status();
});

test('what goes over the wire is the contract', async () => {
  const seen: string[] = [];
  answer = (request, response) => {
    let body = '';
    request.on('data', (chunk: Buffer) => {
      body += chunk.toString();
    });
    request.on('end', () => {
      seen.push(`${request.method} ${request.url} ${body}`);
      response.writeHead(204).end();
    });
  };
  const client = clientTo('pod-1');
  await client.task('a b', { waitMs: 99_999 });
  await client.stop({ mode: 'fast', timeoutMs: 5 });
  await client.setSlots(['ins_1']);
  expect(seen).toEqual([
    'GET /v1/tasks/a%20b?waitMs=30000 ',
    'POST /v1/engine/stop {"mode":"fast","timeoutMs":5}',
    'PUT /v1/slots {"slots":["ins_1"]}',
  ]);
});

const pulse = (sequence: number): string =>
  `${JSON.stringify({ sequence, engine: { state: 'running' }, probes: {} })}\n`;

test('a watch gets each pulse, however it is cut into pieces, on a connection of its own, until it is aborted', async () => {
  const sockets = new Set<unknown>();
  let gone = false;
  answer = (request, response) => {
    sockets.add(request.socket);
    if (request.url !== '/v1/pulses') {
      response.end('{}');
      return;
    }
    response.once('close', () => {
      gone = true;
    });
    const text = pulse(1) + pulse(2);
    response.write(text.slice(0, 10));
    setImmediate(() => response.write(text.slice(10)));
  };
  const client = clientTo('pod-1');
  await client.status();
  const stop = new AbortController();
  const seen: number[] = [];
  await client.watch(({ sequence }) => {
    seen.push(sequence);
    if (sequence === 2) stop.abort();
  }, stop.signal);
  expect(seen).toEqual([1, 2]);
  expect(sockets.size).toBe(2);
  await waitFor('the agent to notice', async () => (gone ? true : undefined), {
    signal: AbortSignal.timeout(20_000),
    timeoutMs: 20_000,
  });
  await client.watch(() => {}, stop.signal);
});

test('a watch that ends, breaks, is silent, is refused or gets rubbish says so', async () => {
  const watch = async (client: AgentClient) => await client.watch(() => {}, new AbortController().signal);
  const unreachable = (message: string) => ({ code: 'AgentUnreachable', message: expect.stringContaining(message) });
  answer = (_, response) => void response.end(pulse(1));
  await expect(watch(clientTo('pod-1'))).rejects.toMatchObject(unreachable('the stream ended'));
  answer = (request, response) => void response.write(pulse(1), () => request.socket.destroy());
  await expect(watch(clientTo('pod-1'))).rejects.toMatchObject({ code: 'AgentUnreachable' });
  answer = (_, response) => void response.write(pulse(1));
  await expect(watch(clientTo('pod-1', { silenceMs: 50 }))).rejects.toMatchObject(unreachable('no pulse for 50 ms'));
  answer = () => {};
  await expect(watch(clientTo('pod-1', { silenceMs: 50 }))).rejects.toMatchObject(unreachable('no pulse for 50 ms'));
  answer = (_, response) => void response.write('what?\n');
  await expect(watch(clientTo('pod-1'))).rejects.toMatchObject(unreachable('not JSON'));
  answer = (_, response) => void response.write('[1]\n');
  await expect(watch(clientTo('pod-1'))).rejects.toMatchObject(unreachable('no pulse'));
  answer = (_, response) => void response.write('x'.repeat(300_000));
  await expect(watch(clientTo('pod-1'))).rejects.toMatchObject(unreachable('has no end'));
  answer = (_, response) => void response.writeHead(403).end(JSON.stringify({ code: 'AgentForbidden', message: 'no' }));
  await expect(watch(clientTo('pod-1'))).rejects.toMatchObject({ code: 'AgentForbidden', message: 'no' });
  answer = (_, response) => void response.write(pulse(1));
  const thrower = clientTo('pod-1').watch(() => {
    throw new Error('not that');
  }, new AbortController().signal);
  await expect(thrower).rejects.toThrow('not that');
});

test('a closed client ends its watches', async () => {
  answer = (_, response) => void response.write(pulse(1));
  const client = clientTo('pod-1');
  await client.watch(() => client.close(), new AbortController().signal);
});
