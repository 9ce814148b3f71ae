import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { MPDClusters } from '@polarstack/api';
import { waitFor } from '@polarstack/base';
import { Leases } from '@polarstack/kube';
import { expect, test } from 'vitest';
import { createStack, type Stack } from './harness.ts';

const LEASE_SECONDS = 3;
const lease = { namespace: 'kube-system', name: 'polarstack-operator' };

/** The process that holds the Lease. */
async function holder(stack: Stack, among: readonly ChildProcess[]): Promise<ChildProcess> {
  return await waitFor(
    'an operator to hold the Lease',
    async (signal) => {
      const found = await stack.client.find(Leases, lease, signal);
      const [, pid] = found?.spec?.holderIdentity?.split('_') ?? [];
      return among.find((child) => String(child.pid) === pid);
    },
    { signal: AbortSignal.timeout(90_000), timeoutMs: 60_000 },
  );
}

test('of two operators one works; when it is killed the other goes on, and releases the Lease when it leaves', async () => {
  const stack = await createStack();
  const operators: ChildProcess[] = [];
  try {
    operators.push(await stack.spawnOperator(LEASE_SECONDS), await stack.spawnOperator(LEASE_SECONDS));
    await stack.create('demo');
    await stack.until('demo', 'Ready');
    const first = await holder(stack, operators);
    const second = operators.find((child) => child !== first);
    first.kill('SIGKILL');
    await stack.client.delete(MPDClusters, { namespace: 'default', name: 'demo' });
    await stack.untilGone('demo');
    expect(await holder(stack, operators)).toBe(second);
    second?.kill('SIGTERM');
    if (second?.exitCode === null) await once(second, 'exit');
    expect(second?.exitCode).toBe(0);
    expect((await stack.client.get(Leases, lease)).spec?.holderIdentity).toBeUndefined();
  } finally {
    for (const child of operators) child.kill('SIGKILL');
    await stack.dispose();
  }
});
