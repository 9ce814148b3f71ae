/** What somebody without a certificate can do to an agent by opening connections: nothing that its engine feels. */
import { connect, type Socket } from 'node:net';
import { waitFor } from '@polarstack/base';
import { afterAll, expect } from 'vitest';
import { bootstrapPrimary, createTestCluster, HOST, initdbRequest, signal, test } from './harness.ts';

const cluster = await createTestCluster();
afterAll(async () => await cluster.close());
const deadline = { signal, timeoutMs: 30_000, intervalMs: 20 };
const pod = await cluster.pod('1', { descriptors: 300 });
const RAW_CONNECTIONS = 400;

test('raw connections beyond the descriptor limit: the adopted engine lives, and the agent answers meanwhile', async () => {
  await bootstrapPrimary(pod, initdbRequest());
  const pid = await pod.enginePid();
  pod.agent?.kill('SIGKILL');
  await waitFor('the agent to die', async () => (pod.agent === undefined ? true : undefined), deadline);
  await pod.start();
  expect(await pod.enginePid()).toBe(pid);

  const sockets: Socket[] = [];
  let [connected, open] = [0, 0];
  for (let i = 0; i < RAW_CONNECTIONS; i++) {
    const socket = connect(pod.agentPort, HOST);
    socket.on('error', () => {});
    socket.on('connect', () => {
      connected++;
      open++;
    });
    socket.on('close', () => {
      open--;
    });
    sockets.push(socket);
  }
  await waitFor('the raw connections', async () => (connected === RAW_CONNECTIONS ? true : undefined), deadline);
  // A client with a new connection of its own gets through while they are held.
  const other = await pod.clientAs('operator');
  await waitFor('an answer', async () => (await other.status()).engine.pid, deadline);
  // All of them are cut off, by the bound or because no handshake came.
  await waitFor('the end of the raw connections', async () => (open === 0 ? true : undefined), deadline);
  for (const socket of sockets) socket.destroy();
  expect(await pod.enginePid()).toBe(pid);
  expect(pod.output()).not.toContain('the engine ended');
  await pod.client.writeCanary('alive');
});
