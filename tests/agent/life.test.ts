import { waitFor } from '@polarstack/base';
import { slotName } from '@polarstack/contracts';
import { afterAll, expect, test } from 'vitest';
import {
  bootstrapPrimary,
  bootstrapReplica,
  cloneRequest,
  createTestCluster,
  initdbRequest,
  signal,
} from './harness.ts';

const cluster = await createTestCluster();
afterAll(async () => await cluster.close());
const deadline = { signal, timeoutMs: 20_000 };

test('a primary by initdb, two replicas by base backup, and a row on all', async () => {
  const [a, b, c] = [await cluster.pod('1'), await cluster.pod('2'), await cluster.pod('3')];
  const slots = (...ids: string[]): string[] => ids.map(slotName);
  const t0 = performance.now();
  await bootstrapPrimary(a, initdbRequest(slots('2', '3')));
  const t1 = performance.now();
  await Promise.all([
    bootstrapReplica(b, a, cloneRequest(a, b, slots('1', '3'))),
    bootstrapReplica(c, a, cloneRequest(a, c, slots('1', '2'))),
  ]);
  console.log('primary', t1 - t0, 'replicas', performance.now() - t1);
  const status = await waitFor(
    'both replicas to stream',
    async () => {
      const now = await a.client.status();
      return now.engine.peers?.filter((peer) => peer.state === 'streaming').length === 2 ? now : undefined;
    },
    deadline,
  );
  expect(status.engine).toMatchObject({ state: 'running', role: 'primary', timeline: 1, configVersion: 1 });
  await a.client.writeCanary('hello');
  for (const replica of [b, c]) {
    await waitFor(
      'the canary',
      async () => (await replica.client.readCanary()).token === 'hello' || undefined,
      deadline,
    );
    expect((await replica.client.status()).engine).toMatchObject({
      state: 'running',
      role: 'replica',
      streaming: true,
    });
  }
});
