import { MPDClusters } from '@polarstack/api';
import { silentLogger, waitFor } from '@polarstack/base';
import type { AgentDirectory } from '@polarstack/domain';
import { expect, onTestFinished, test } from 'vitest';
import { startOperator } from './start-operator.ts';
import { createScene } from './testing/scene.ts';

/** More than the operator has places. */
const STUCK = ['stuck-1', 'stuck-2', 'stuck-3'];
const PLACES = 2;

test('clusters whose agents accept and never answer, more than there are places, delay no other', async () => {
  const s = await createScene();
  const end = new AbortController();
  const ended = new Promise<never>((_, reject) => {
    end.signal.addEventListener('abort', () => reject(end.signal.reason), { once: true });
  });
  ended.catch(() => undefined);
  const stuck = new Set<string>();
  /** Clusters of which a call hangs. */
  const hanging = new Set<string>();
  const agents: AgentDirectory = {
    forget: () => {},
    agent: (cluster, address) =>
      new Proxy(s.world.agents.agent(cluster, address), {
        get: (agent, name) => {
          if (!stuck.has(cluster.name)) return Reflect.get(agent, name) as unknown;
          // Worse than a real one, whose calls are given up at last: whatever waits for this waits for good.
          return async () => {
            hanging.add(cluster.name);
            return await ended;
          };
        },
      }),
  };
  const operator = await startOperator({
    client: s.kube,
    agents,
    logger: silentLogger,
    signal: s.signal,
    concurrency: PLACES,
  });
  onTestFinished(async () => {
    end.abort();
    await operator.close();
    await s.close();
  });
  for (const name of [...STUCK, 'free']) await s.create(name, { followerNum: 0 });
  for (const name of [...STUCK, 'free']) await s.until(name, 'Ready', 'True');

  const flushOf = (cluster: string) =>
    s.operations().find(({ spec }) => spec.type === 'FlushParams' && spec.cluster === cluster);
  const change = async (name: string): Promise<void> => {
    const body = { spec: { parameters: { work_mem: '8MB' } } };
    await s.kube.patch(MPDClusters, { namespace: 'default', name }, { type: 'merge', body });
  };
  const until = async (what: string, holds: () => boolean): Promise<void> => {
    const options = { signal: s.signal, timeoutMs: 30_000, intervalMs: 5 };
    await waitFor(what, async () => (holds() ? true : undefined), options);
  };
  for (const name of STUCK) stuck.add(name);
  // Their looks hang, and so do the plans of their operations.
  for (const name of STUCK) await change(name);
  await until('every stuck cluster to hang', () => STUCK.every((name) => hanging.has(name) && flushOf(name)));
  await change('free');
  await until('the change of the other', () => flushOf('free')?.status?.phase === 'Succeeded');
  expect(STUCK.map((name) => flushOf(name)?.status?.phase)).not.toContain('Succeeded');
});
