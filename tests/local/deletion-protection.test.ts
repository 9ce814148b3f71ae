/** A protected cluster in a real home: the policies come with `up`, and hold against requests and against namespaces. */
import { createTestHome, missing, type TestHome } from '@polarstack/testkit';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

const manifest = `
apiVersion: mpd.polardb.aliyun.com/v1
kind: MPDCluster
metadata: {name: safe, namespace: shop}
spec: {dbClusterType: local, followerNum: 0, classInfo: {className: local.small}, deletionProtection: true}
`;

describe.skipIf(missing('postgres') || missing('kubectl'))('a protected cluster', () => {
  let home: TestHome;
  beforeAll(async () => {
    home = createTestHome();
    await home.polarstackOk(['up', '--no-demo'], { timeoutMs: 300_000 });
    await home.kubectlOk(['create', 'namespace', 'shop']);
    await home.kubectlOk(['apply', '-f', '-'], { input: manifest });
    await home.kubectlOk(['-n', 'shop', 'wait', '--for=condition=Ready', 'mpd/safe', '--timeout=120s']);
  }, 400_000);
  afterAll(async () => {
    await home.remove();
  }, 200_000);

  const ask = (): ReturnType<TestHome['polarstack']> =>
    home.polarstack(['psql', 'safe', '-n', 'shop', '--', '-Atc', 'select 41 + 1']);

  test('is deleted neither by kubectl nor by polarstack, and is not marked as deleted', async () => {
    const refused = await home.kubectl(['-n', 'shop', 'delete', 'mpd', 'safe']);
    expect(refused.code).toBe(1);
    expect(refused.stderr).toContain("ValidatingAdmissionPolicy 'polarstack-deletion-protection'");
    expect((await home.polarstack(['delete', 'safe', '-n', 'shop', '--yes'])).stderr).toContain('DeletionProtected');
    const cluster = JSON.parse(await home.kubectlOk(['-n', 'shop', 'get', 'mpd', 'safe', '-o', 'json']));
    expect(cluster).not.toHaveProperty('metadata.deletionTimestamp');
    expect(cluster).toMatchObject({ status: { clusterStatus: 'Running' } });
  });

  test('goes on serving when its namespace is deleted', async () => {
    await home.kubectlOk(['delete', 'namespace', 'shop', '--wait=false']);
    const condition = '--for=condition=NamespaceDeletionContentFailure';
    await home.kubectlOk(['wait', condition, 'namespace/shop', '--timeout=60s']);
    for (const kind of ['pods', 'pvc', 'secrets', 'services', 'endpointslices']) {
      expect(await home.kubectlOk(['-n', 'shop', 'get', kind, '-o', 'name'])).not.toBe('');
    }
    expect((await ask()).stdout).toBe('42\n');
  });

  test('goes with its namespace once it is protected no more', async () => {
    const body = '{"spec":{"deletionProtection":false}}';
    await home.kubectlOk(['-n', 'shop', 'patch', 'mpd', 'safe', '--type=merge', '-p', body]);
    await home.kubectlOk(['wait', '--for=delete', 'namespace/shop', '--timeout=120s'], { timeoutMs: 150_000 });
    expect(await home.kubectlOk(['get', 'pv', '-o', 'name'])).toBe('');
  }, 200_000);
});
