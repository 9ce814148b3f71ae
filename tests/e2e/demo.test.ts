/**
 * The first way through the product, as a user walks it: `polarstack up`, then psql, kubectl, and `down`.
 * One home serves the whole file; tests run in order.
 */
import { existsSync, readdirSync } from 'node:fs';
import { createTestHome, exampleFile, missing, type TestHome } from '@polarstack/testkit';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

describe.skipIf(missing('postgres') || missing('kubectl'))('a home with the demo cluster', () => {
  let home: TestHome;
  const psql = async (args: readonly string[]): Promise<string> => (await home.polarstackOk(['psql', ...args])).trim();

  beforeAll(async () => {
    home = createTestHome();
    const shown = await home.polarstackOk(['up'], { timeoutMs: 300_000 });
    expect(shown).toMatch(/Ready in [\d.]+ s/);
  }, 400_000);
  afterAll(async () => {
    await home.remove();
  }, 200_000);

  test('shows one primary and two replicas, all ready', async () => {
    const demo = await home.cluster('demo');
    expect(demo.status).toBe('Running');
    expect(demo.instances.map(({ role, ready }) => `${role} ${ready}`).sort()).toEqual([
      'primary true',
      'replica true',
      'replica true',
    ]);
    expect(new Set(demo.instances.map(({ node }) => node)).size).toBe(3);
    for (const { pid, dataDir } of demo.instances) {
      expect(existsSync(`/proc/${pid}`)).toBe(true);
      expect(existsSync(dataDir)).toBe(true);
    }
  });

  test('a row written through rw is read through ro, and ro refuses writes', async () => {
    await psql(['demo', '-c', 'create table t (id int primary key, v text)', '-c', "insert into t values (1, 'x')"]);
    await expect.poll(() => psql(['demo', '--ro', '-c', 'table t']), { timeout: 30_000 }).toContain('x');
    const refused = await home.polarstack(['psql', 'demo', '--ro', '-c', "insert into t values (2, 'y')"]);
    expect(refused.code).not.toBe(0);
    expect(refused.stderr).toContain('read-only transaction');
  });

  test('data checksums are on, fsync is on, and connections are encrypted', async () => {
    const shown = await psql([
      'demo',
      '-c',
      "select current_setting('data_checksums'), current_setting('fsync'), ssl from pg_stat_ssl where pid = pg_backend_pid()",
    ]);
    expect(shown.replaceAll(' ', '')).toContain('on|on|t');
  });

  test('a second up changes nothing and says so', async () => {
    const before = await home.status();
    const shown = await home.polarstackOk(['up']);
    expect(shown).toMatch(/nothing (was )?(changed|to do)/i);
    const after = await home.status();
    expect(after.home.pid).toBe(before.home.pid);
    expect(after.clusters.flatMap(({ instances }) => instances.map(({ pid }) => pid))).toEqual(
      before.clusters.flatMap(({ instances }) => instances.map(({ pid }) => pid)),
    );
  });

  test('kubectl sees the cluster, its operation, and its conditions', async () => {
    expect(await home.kubectlOk(['get', 'mpd'])).toMatch(/demo\s+Running/);
    expect(await home.kubectlOk(['get', 'mpdop'])).toMatch(/demo\s+Create\s+Succeeded/);
    await home.kubectlOk(['wait', '--for=condition=Ready', 'mpd/demo', '--timeout=60s']);
    const generations = await home.kubectlOk([
      'get',
      'mpd',
      'demo',
      '-o',
      'jsonpath={.metadata.generation} {.status.observedGeneration}',
    ]);
    const [generation, observed] = generations.split(' ');
    expect(observed).toBe(generation);
    expect(await home.kubectlOk(['explain', 'mpd.spec.followerNum'])).toContain('followerNum');
    expect(await home.kubectlOk(['get', 'events'])).toContain('demo');
    const pod = (await home.cluster('demo')).instances[0]?.name ?? '';
    const inside = await home.kubectl(['exec', pod, '--', 'sh', '-c', 'echo here; exit 3']);
    expect(inside.stdout).toBe('here\n');
    expect(inside.code).toBe(3);
    expect(await home.kubectlOk(['logs', pod])).toContain('database system is ready to accept');
  });

  test('a second cluster is applied beside the first, and its deletion leaves nothing', async () => {
    await home.kubectlOk(['apply', '-f', exampleFile('single-instance.yaml')]);
    await home.kubectlOk(['wait', '--for=condition=Ready', 'mpd/single', '--timeout=180s']);
    const single = await home.cluster('single');
    const folders = single.instances.map(({ dataDir }) => dataDir);
    expect(folders.every((folder) => existsSync(folder))).toBe(true);
    await home.kubectlOk(['delete', 'mpd', 'single', '--timeout=120s']);
    for (const kind of ['mpd', 'mpdop', 'pods', 'services', 'endpointslices', 'secrets', 'configmaps', 'pvc', 'pv']) {
      await expect
        .poll(async () => await home.kubectlOk(['get', kind, '-A', '-o', 'name']), { timeout: 60_000 })
        .not.toContain('single');
    }
    await expect.poll(() => folders.filter((folder) => existsSync(folder)), { timeout: 60_000 }).toEqual([]);
    const pids = single.instances.map(({ pid }) => pid);
    expect(home.processes().filter(({ pid, command }) => pids.includes(pid) || command.includes('single-'))).toEqual(
      [],
    );
    for (const node of readdirSync(`${home.dir}/nodes`)) {
      expect(readdirSync(`${home.dir}/nodes/${node}/pods`).filter((pod) => pod.includes('single'))).toEqual([]);
    }
    expect((await home.cluster('demo')).status).toBe('Running');
  });

  test('deletionProtection refuses deletion and says how to lift it', async () => {
    await home.kubectlOk(['patch', 'mpd', 'demo', '--type=merge', '-p', '{"spec":{"deletionProtection":true}}']);
    const refused = await home.polarstack(['delete', 'demo', '--yes']);
    expect(refused.code).not.toBe(0);
    expect(refused.stderr).toContain('deletionProtection');
    await home.kubectlOk(['patch', 'mpd', 'demo', '--type=merge', '-p', '{"spec":{"deletionProtection":false}}']);
    expect((await home.cluster('demo')).status).toBe('Running');
  });
});
