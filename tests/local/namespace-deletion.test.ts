/** `kubectl delete namespace` with clusters in it, in a real home: it ends, and nothing of them is left. */
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { waitFor } from '@polarstack/base';
import { createTestHome, missing, type TestHome } from '@polarstack/testkit';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

const manifest = (name: string): string => `
apiVersion: mpd.polardb.aliyun.com/v1
kind: MPDCluster
metadata: {name: ${name}}
spec: {dbClusterType: local, followerNum: 1, classInfo: {className: local.small}}
`;

const { signal } = new AbortController();

describe.skipIf(missing('postgres') || missing('kubectl'))('a namespace with a cluster in it', () => {
  let home: TestHome;
  beforeAll(async () => {
    home = createTestHome();
    await home.polarstackOk(['up', '--no-demo'], { timeoutMs: 300_000 });
  }, 400_000);
  afterAll(async () => {
    await home.remove();
  }, 200_000);

  const begin = async (namespace: string, name: string): Promise<void> => {
    await home.kubectlOk(['create', 'namespace', namespace]);
    await home.kubectlOk(['-n', namespace, 'apply', '-f', '-'], { input: manifest(name) });
  };
  const remove = async (namespace: string): Promise<void> => {
    await home.kubectlOk(['delete', 'namespace', namespace, '--timeout=120s'], { timeoutMs: 150_000 });
  };
  const foldersBelow = (what: string): readonly string[] =>
    ['node-1', 'node-2', 'node-3'].flatMap((node) => {
      try {
        return readdirSync(join(home.dir, 'nodes', node, what));
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
        throw error;
      }
    });
  const expectNothingLeft = async (namespace: string): Promise<void> => {
    expect((await home.kubectl(['get', 'namespace', namespace])).stderr).toContain('NotFound');
    for (const kind of ['mpd', 'mpdoperations', 'pods', 'pvc', 'secrets', 'services', 'configmaps', 'events']) {
      expect(await home.kubectlOk(['-n', namespace, 'get', kind, '-o', 'name'])).toBe('');
    }
    expect(await home.kubectlOk(['get', 'pv', '-o', 'name'])).toBe('');
    const left = async (): Promise<true | undefined> =>
      // The cluster manager has a pod of its own, which stays.
      foldersBelow('pods').every((pod) => !pod.startsWith(`${namespace}_`)) &&
      foldersBelow('volumes').length === 0 &&
      home.processes().every(({ command }) => !/postgres|polarstack-agent/.test(command))
        ? true
        : undefined;
    await waitFor('folders and processes to be gone', left, { signal, timeoutMs: 30_000, intervalMs: 50 });
  };

  test('goes when the cluster works', async () => {
    await begin('shop', 'works');
    await home.kubectlOk(['-n', 'shop', 'wait', '--for=condition=Ready', 'mpd/works', '--timeout=120s'], {
      timeoutMs: 150_000,
    });
    await remove('shop');
    await expectNothingLeft('shop');
  }, 400_000);

  test('goes when its creation has just begun', async () => {
    await begin('early', 'early');
    await remove('early');
    await expectNothingLeft('early');
  }, 400_000);

  test('goes while the creation is under way', async () => {
    // Without a node for its pods the creation gets so far and no further.
    const nodes = ['node-1', 'node-2', 'node-3'];
    await home.kubectlOk(['cordon', ...nodes]);
    await begin('half', 'half');
    const pods = async (): Promise<true | undefined> =>
      (await home.kubectlOk(['-n', 'half', 'get', 'pods', '-o', 'name'])) === '' ? undefined : true;
    await waitFor('a pod', pods, { signal, timeoutMs: 60_000, intervalMs: 50 });
    expect(await home.kubectlOk(['-n', 'half', 'get', 'mpdoperations', '-o', 'jsonpath={.items[*].spec.type}'])).toBe(
      'Create',
    );
    await remove('half');
    await expectNothingLeft('half');
    await home.kubectlOk(['uncordon', ...nodes]);
  }, 400_000);
});
