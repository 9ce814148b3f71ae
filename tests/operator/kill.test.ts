import { once } from 'node:events';
import { MPDClusters, type MPDOperation, MPDOperations } from '@polarstack/api';
import { waitFor } from '@polarstack/base';
import { ConfigMaps, PersistentVolumeClaims, Pods } from '@polarstack/kube';
import { expect, test } from 'vitest';
import { createStack } from './harness.ts';

const never = new AbortController().signal;

test('an operator killed at every step boundary of a creation and a deletion: the next ones finish it', async () => {
  const stack = await createStack();
  const operations = async (): Promise<readonly MPDOperation[]> => (await stack.client.list(MPDOperations)).items;
  const seen = new Set<string>();
  /** The next boundary that no operator has died at yet; undefined when all is done. */
  const boundary = async (type: string, isDone: () => Promise<boolean>): Promise<string | undefined> => {
    return await waitFor(
      `the next step of ${type}`,
      async () => {
        if (await isDone()) return { at: undefined };
        const operation = (await operations()).find(({ spec }) => spec.type === type);
        const begun = operation?.status?.steps?.filter(({ attempts }) => attempts > 0).at(-1)?.name;
        return begun && !seen.has(`${type} ${begun}`) ? { at: `${type} ${begun}` } : undefined;
      },
      { signal: never, timeoutMs: 120_000, intervalMs: 2 },
    ).then(({ at }) => at);
  };
  const killAtEach = async (type: string, isDone: () => Promise<boolean>): Promise<void> => {
    for (;;) {
      const operator = await stack.spawnOperator();
      const at = await boundary(type, isDone).finally(() => operator.kill('SIGKILL'));
      if (operator.exitCode === null && operator.signalCode === null) await once(operator, 'exit');
      if (at === undefined) return;
      seen.add(at);
    }
  };
  try {
    await stack.create('demo');
    await killAtEach('Create', async () => {
      const operation = (await operations()).find(({ spec }) => spec.type === 'Create');
      return operation?.status?.phase === 'Succeeded';
    });
    const { status } = await stack.until('demo', 'Ready');
    expect(status).toMatchObject({ instances: '3/3', clusterStatus: 'Running' });
    expect([...seen].length).toBeGreaterThanOrEqual(8);
    const wanted = Object.values(status?.dbInstanceStatus ?? {}).map(({ podName }) => podName);
    const namesOf = async (resource: typeof Pods) =>
      (await stack.client.list(resource, { namespace: 'default' })).items.map(({ metadata }) => metadata?.name);
    expect(await namesOf(Pods)).toEqual(wanted);
    expect(await namesOf(PersistentVolumeClaims as never)).toEqual(wanted);
    const counters = await stack.client.get(ConfigMaps, { namespace: 'kube-system', name: 'polardb4mpd-controller' });
    expect(['1007', '1014']).toContain(counters.data?.NextClusterScopeCustInsId);

    await stack.client.delete(MPDClusters, { namespace: 'default', name: 'demo' });
    await killAtEach('Delete', async () => (await stack.client.list(MPDClusters)).items.length === 0);
    expect(seen.has('Delete StopEngines')).toBe(true);
    await waitFor('the processes to be gone', async () => (stack.processes().length === 0 ? true : undefined), {
      signal: never,
      timeoutMs: 60_000,
    });
  } finally {
    await stack.dispose();
  }
}, 400_000);
