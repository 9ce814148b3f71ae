/**
 * A namespace that is deleted while no policy keeps from it what belongs to clusters, and an operator that is killed
 * meanwhile: nothing of the cluster is left all the same.
 */
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { type MPDCluster, MPDClusters } from '@polarstack/api';
import { waitFor } from '@polarstack/base';
import { conditionOf } from '@polarstack/domain';
import { Namespaces, PersistentVolumes } from '@polarstack/kube';
import { expect, test } from 'vitest';
import { createStack, type Stack } from './harness.ts';

const eventually = async <T>(what: string, check: () => Promise<T | undefined>): Promise<T> =>
  await waitFor(what, check, { signal: AbortSignal.timeout(120_000), timeoutMs: 90_000, intervalMs: 10 });

const foldersOf = (stack: Stack): readonly string[] =>
  ['node-1', 'node-2', 'node-3'].flatMap((node) =>
    ['pods', 'volumes'].flatMap((what) => {
      try {
        return readdirSync(join(stack.home, 'nodes', node, what));
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
        throw error;
      }
    }),
  );

test.each(['works', 'is being made'])('the cluster %s', async (state) => {
  const stack = await createStack();
  const { client } = stack;
  const operators: ChildProcess[] = [];
  try {
    const first = await stack.spawnOperator();
    operators.push(first);
    await client.create(Namespaces, { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'shop' } });
    const key = { namespace: 'shop', name: 'demo' };
    await client.create(MPDClusters, {
      apiVersion: 'mpd.polardb.aliyun.com/v1',
      kind: 'MPDCluster',
      metadata: key,
      spec: { dbClusterType: 'local', followerNum: 1, classInfo: { className: 'local.small' } },
    } as MPDCluster);
    const find = async () => await client.find(MPDClusters, key);
    await eventually(`the cluster to be ${state}`, async () => {
      const { status } = (await find()) ?? {};
      const reached = state === 'works' ? conditionOf(status?.conditions, 'Ready')?.status === 'True' : status?.logicId;
      return reached ? true : undefined;
    });
    await client.delete(Namespaces, { name: 'shop' });
    // Killed when it has taken notice, which may be as late as when it is done.
    await eventually('the operator to have begun', async () => {
      const cluster = await find();
      return !cluster || cluster.status?.clusterStatus === 'Deleting' ? true : undefined;
    });
    first.kill('SIGKILL');
    await once(first, 'exit');
    operators.push(await stack.spawnOperator());
    await eventually('the namespace to be gone', async () =>
      (await client.find(Namespaces, { name: 'shop' })) ? undefined : true,
    );
    await eventually('volumes, folders and processes to be gone', async () => {
      const volumes = (await client.list(PersistentVolumes)).items.length;
      // The operators belong to the home as well.
      const own = operators.map(({ pid }) => pid);
      const processes = stack.processes().filter((pid) => !own.includes(pid));
      return volumes + foldersOf(stack).length + processes.length === 0 ? true : undefined;
    });
    expect(await find()).toBeUndefined();
  } finally {
    for (const child of operators) child.kill('SIGKILL');
    await stack.dispose();
  }
});
