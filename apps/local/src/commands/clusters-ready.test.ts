import { once } from 'node:events';
import { type AddressInfo, createServer, type Server } from 'node:net';
import { createServer as createTlsServer } from 'node:tls';
import { type MPDCluster, MPDClusters } from '@polarstack/api';
import { systemClock } from '@polarstack/base';
import type { KubeClient } from '@polarstack/kube';
import { createAuthority } from '@polarstack/pki';
import { afterEach, expect, test } from 'vitest';
import { speaksPostgres, waitForCluster } from './clusters-ready.ts';

const signal = new AbortController().signal;
const servers: Server[] = [];
afterEach(() => {
  for (const server of servers.splice(0)) server.close();
});

/** Answers the first bytes of each connection, as a server answers an SSLRequest. */
async function server(answer: string): Promise<AddressInfo> {
  const one = createServer((socket) => {
    socket.on('error', () => {}).on('data', () => socket.write(answer));
  });
  servers.push(one);
  await once(one.listen(0, '127.0.0.1'), 'listening');
  return one.address() as AddressInfo;
}

type Status = NonNullable<MPDCluster['status']>;
const condition = (type: string, status: 'True' | 'False', reason = 'R', message = 'm') => ({
  type,
  status,
  reason,
  message,
  lastTransitionTime: '2026-01-01T00:00:00Z',
});

/** An API that shows a cluster in one state after the other, staying with the last; its operation is at a step. */
function api(...states: readonly Status[]): KubeClient {
  let looks = 0;
  const client: Pick<KubeClient, 'get' | 'find'> = {
    get: async (resource) => {
      expect(resource).toBe(MPDClusters);
      const status = states[Math.min(looks++, states.length - 1)];
      return {
        metadata: { name: 'c', namespace: 'default', generation: 2 },
        spec: { followerNum: 0 },
        status,
      } as never;
    },
    find: async () =>
      ({
        status: {
          steps: [
            { name: 'One', state: 'Succeeded' },
            { name: 'Two', state: 'Running' },
          ],
        },
      }) as never,
  };
  return client as KubeClient;
}

function wait(client: KubeClient, timeoutMs = 30_000): { readonly said: string[]; readonly done: Promise<MPDCluster> } {
  const said: string[] = [];
  const say = (detail: string): void => {
    said.push(detail);
  };
  return { said, done: waitForCluster('default', 'c', { client, clock: systemClock, signal, timeoutMs, say }) };
}

test('waits for the status of the current spec and for an engine behind the service, and tells the step', async () => {
  const { address, port } = await server('S');
  const endpoints = { rw: { host: address, port } };
  const ready = [condition('Ready', 'True')];
  const { said, done } = wait(
    api(
      { observedGeneration: 1, conditions: ready, endpoints },
      { observedGeneration: 2, conditions: [condition('Ready', 'False')], currentOperation: 'c-create' },
      { observedGeneration: 2, conditions: ready, endpoints: { rw: { host: address, port: 1 } } },
      { observedGeneration: 2, conditions: ready, endpoints },
    ),
  );
  expect((await done).status?.observedGeneration).toBe(2);
  expect(said).toEqual(['not looked at yet', '2/2 Two', 'its services do not answer yet']);
});

test('a spec that cannot be carried out ends the waiting with its reason', async () => {
  const { done } = wait(api({ observedGeneration: 2, conditions: [condition('Accepted', 'False', 'Nope', 'why')] }));
  await expect(done).rejects.toMatchObject({
    code: 'ClusterNotReady',
    message: 'default/c: Nope: why',
    details: { accepted: false },
  });
});

test('says what it waited for when the time is up', async () => {
  const { done } = wait(api({ observedGeneration: 2, conditions: [condition('Ready', 'False', 'R', 'no disk')] }), 1);
  await expect(done).rejects.toMatchObject({ code: 'ClusterNotReady', message: expect.stringContaining('no disk') });
});

test.each([
  ['S', true],
  ['N', true],
  ['HTTP/1.1 400', false],
])('a server that answers %j speaks PostgreSQL: %s', async (answer, expected) => {
  const { address, port } = await server(answer);
  expect(await speaksPostgres(address, port)).toBe(expected);
});

test('a server that offers TLS is not left before the handshake', async () => {
  const { keyPem: key, certPem: cert } = await createAuthority({ commonName: 'engine', days: 1, now: new Date() });
  const secure = createTlsServer({ key, cert });
  const ended = new Promise<string>((resolve) => {
    secure.on('secureConnection', (socket) => socket.on('end', () => resolve('in order')).resume());
    secure.on('tlsClientError', (error) => resolve(error.message));
  });
  const one = createServer((socket) => {
    socket.once('data', () => {
      socket.write('S');
      secure.emit('connection', socket);
    });
  });
  servers.push(one);
  await once(one.listen(0, '127.0.0.1'), 'listening');
  expect(await speaksPostgres('127.0.0.1', (one.address() as AddressInfo).port)).toBe(true);
  expect(await ended).toBe('in order');
});

test('nobody behind an address speaks nothing', async () => {
  const { address, port } = await server('S');
  await new Promise((resolve) => servers.splice(0)[0]?.close(resolve));
  expect(await speaksPostgres(address, port)).toBe(false);
  expect(await speaksPostgres('', 5432)).toBe(false);
});
