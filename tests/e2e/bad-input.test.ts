/** What a user may get wrong: each a clear error with code and remedy, before anything is made. */

import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { clusterManifest, createTestHome, exampleFile, missing, type TestHome } from '@polarstack/testkit';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

type Spec = Readonly<Record<string, unknown>>;

const shared: Spec = {
  dbClusterType: 'share',
  engine: { type: 'polardb', version: '15' },
  shareStore: { drive: 'pvc', sharePvcName: 'data', volumeId: '36e00084100ee7ec9', volumeType: 'multipath' },
  netCfg: { engineStartPort: 5750 },
};

describe.skipIf(missing('postgres') || missing('kubectl'))('bad input to a running home', () => {
  let home: TestHome;
  beforeAll(async () => {
    home = createTestHome();
    await home.polarstackOk(['up', '--no-demo'], { timeoutMs: 300_000 });
  }, 400_000);
  afterAll(async () => {
    await home.remove();
  }, 200_000);

  test.each<[string, string, Spec, RegExp]>([
    ['a name that is too long', 'x'.repeat(41), {}, /40/],
    ['a name that is no DNS label', '9.x', {}, /metadata\.name|DNS|Invalid value/i],
    ['a follower number below zero', 'bad', { followerNum: -1 }, /followerNum/],
    ['a follower number that is text', 'bad', { followerNum: 'two' }, /followerNum/],
    ['an unknown cluster type', 'bad', { dbClusterType: 'cloud' }, /dbClusterType/],
    ['an unknown field', 'bad', { followers: 2 }, /unknown field "spec\.followers"/],
    ['an unknown engine', 'bad', { engine: { type: 'mysql' } }, /engine\.type/],
    ['a version that is no version', 'bad', { engine: { type: 'postgres', version: 'latest' } }, /engine\.version/],
    ['a port out of range', 'bad', { netCfg: { engineStartPort: 70_000 } }, /engineStartPort/],
    ['more synchronous replicas than replicas', 'bad', { durability: { mode: 'sync', minSync: 3 } }, /minSync/],
  ])('%s is refused at apply', async (_what, name, spec, message) => {
    const { code, stderr } = await home.kubectl(['apply', '-f', '-'], { input: clusterManifest(name, spec) });
    expect(code).not.toBe(0);
    expect(stderr).toMatch(message);
    expect(await home.kubectlOk(['get', 'mpd', '-o', 'name'])).not.toContain(name);
  });

  const lookedUp: [string, string, Spec, string, RegExp][] = [
    ['an unknown class', 'no-class', { classInfo: { className: 'local.huge' } }, 'ClassUnknown', /local\.small/],
    [
      'an engine version that is not installed',
      'no-version',
      { engine: { type: 'postgres', version: '13' } },
      'VersionNotInstalled',
      /13/,
    ],
    [
      'an unknown parameter',
      'no-param',
      { parameters: { shared_bufers: '64MB' } },
      'ParameterUnknown',
      /shared_bufers/,
    ],
    [
      'a parameter out of range',
      'bad-param',
      { parameters: { max_connections: '0' } },
      'ParameterInvalid',
      /max_connections/,
    ],
    ['shared storage', 'shared', shared, 'NotSupportedYet', /share/],
    ['synchronous durability', 'sync', { durability: { mode: 'sync', minSync: 1 } }, 'NotSupportedYet', /sync/],
  ];

  test.each(lookedUp)(
    '%s is not accepted, with reason and event, and nothing is made',
    async (_what, name, spec, reason, message) => {
      await home.kubectlOk(['apply', '-f', '-'], { input: clusterManifest(name, spec) });
      await home.kubectlOk(['wait', '--for=condition=Accepted=False', `mpd/${name}`, '--timeout=30s']);
      const path =
        '{.status.conditions[?(@.type=="Accepted")].reason}|{.status.conditions[?(@.type=="Accepted")].message}';
      const [shownReason, shownMessage] = (await home.kubectlOk(['get', 'mpd', name, '-o', `jsonpath=${path}`])).split(
        '|',
      );
      expect(shownReason).toBe(reason);
      expect(shownMessage).toMatch(message);
      await expect
        .poll(() => home.kubectlOk(['get', 'events']), { timeout: 20_000 })
        .toMatch(new RegExp(`${reason}.*${name}`));
      for (const kind of ['pods', 'secrets', 'services', 'pvc']) {
        expect(await home.kubectlOk(['get', kind, '-o', 'name'])).not.toContain(`/${name}`);
      }
      await home.kubectlOk(['delete', 'mpd', name, '--timeout=60s']);
    },
  );

  test.each(lookedUp)('polarstack create refuses %s before it writes', async (_what, name, spec, reason, message) => {
    const folder = mkdtempSync(join(tmpdir(), 'polarstack-manifest-'));
    try {
      const file = join(folder, 'cluster.json');
      writeFileSync(file, clusterManifest(`c-${name}`, spec));
      const { code, stderr } = await home.polarstack(['create', '-f', file]);
      expect(code).not.toBe(0);
      expect(stderr).toContain(reason);
      expect(stderr).toMatch(message);
      expect(await home.kubectlOk(['get', 'mpd', '-o', 'name'])).not.toContain(`c-${name}`);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  test('a port taken by a stranger is refused, by name', async () => {
    const node = (
      await home.kubectlOk([
        'get',
        'nodes',
        '-o',
        'jsonpath={.items[0].status.addresses[?(@.type=="InternalIP")].address}',
      ])
    ).trim();
    const stranger = createServer();
    const port = await new Promise<number>((resolve, reject) => {
      // the cluster's port must lie in the allocation range, so the stranger takes the first free one in it
      const attempt = (candidate: number): void => {
        stranger.once('error', (error: NodeJS.ErrnoException) => {
          if (error.code === 'EADDRINUSE' && candidate < 5800) attempt(candidate + 1);
          else reject(error);
        });
        stranger.listen(candidate, node, () => resolve(candidate));
      };
      attempt(5500);
    });
    try {
      const usage = ['get', 'configmap', '-n', 'kube-system', '-o', 'jsonpath={range .items[*]}{.data}{end}'];
      await expect.poll(() => home.kubectlOk(usage), { timeout: 60_000 }).toContain(`"${port}"`);
      await home.kubectlOk(['apply', '-f', '-'], {
        input: clusterManifest('taken', { netCfg: { engineStartPort: port } }),
      });
      await home.kubectlOk(['wait', '--for=condition=Accepted=False', 'mpd/taken', '--timeout=60s']);
      const shown = await home.kubectlOk([
        'get',
        'mpd',
        'taken',
        '-o',
        'jsonpath={.status.conditions[?(@.type=="Accepted")].message}',
      ]);
      expect(shown).toContain(String(port));
      await home.kubectlOk(['delete', 'mpd', 'taken', '--timeout=60s']);
    } finally {
      stranger.close();
    }
  });

  test('changes that cannot be carried out change nothing and say so', async () => {
    await home.kubectlOk(['apply', '-f', '-'], { input: clusterManifest('steady', {}) });
    await home.kubectlOk(['wait', '--for=condition=Ready', 'mpd/steady', '--timeout=180s']);
    const before = await home.cluster('steady');
    const wrong = [
      [{ durability: { mode: 'async', minSync: 0 } }, { durability: null }, 'NotSupportedYet'],
      [{ netCfg: { engineStartPort: 5600 } }, { netCfg: null }, 'NotSupportedYet'],
      [{ classInfo: { className: 'local.none' } }, { classInfo: { className: 'local.small' } }, 'ClassUnknown'],
      [{ parameters: { work_mem: '1' } }, { parameters: null }, 'ParameterInvalid'],
    ] as const;
    const patch = async (spec: object): Promise<string> =>
      await home.kubectlOk(['patch', 'mpd', 'steady', '--type=merge', '-p', JSON.stringify({ spec })]);
    for (const [spec, back, reason] of wrong) {
      await patch(spec);
      await home.kubectlOk(['wait', '--for=condition=Accepted=False', 'mpd/steady', '--timeout=30s']);
      const path = '{.status.conditions[?(@.type=="Accepted")].reason}';
      expect(await home.kubectlOk(['get', 'mpd', 'steady', '-o', `jsonpath=${path}`])).toBe(reason);
      await patch(back);
      await home.kubectlOk(['wait', '--for=condition=Accepted=True', 'mpd/steady', '--timeout=30s']);
    }
    expect((await home.cluster('steady')).instances.map(({ pid }) => pid)).toEqual(
      before.instances.map(({ pid }) => pid),
    );
  });

  test('deleting what is not there names it', async () => {
    const { code, stderr } = await home.polarstack(['delete', 'nobody', '--yes']);
    expect(code).not.toBe(0);
    expect(stderr).toContain('nobody');
  });

  test('a wrong kubeconfig says which file and what is wrong', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'polarstack-kubeconfig-'));
    try {
      const file = join(folder, 'broken');
      writeFileSync(file, 'apiVersion: v1\nkind: Config\nclusters: [');
      const broken = await home.polarstack(['--kubeconfig', file, 'list']);
      expect(broken.code).not.toBe(0);
      expect(broken.stderr).toContain(file);
      const absent = await home.polarstack(['--kubeconfig', join(folder, 'absent'), 'list']);
      expect(absent.code).not.toBe(0);
      expect(absent.stderr).toContain('absent');
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  test('every example is accepted by the schema', async () => {
    for (const file of (await import('node:fs')).readdirSync(exampleFile('.'))) {
      await home.kubectlOk(['apply', '--dry-run=server', '-f', exampleFile(file)]);
    }
  });
});

describe('bad homes', () => {
  test('a folder that is not ours is refused and left alone', async () => {
    const home = createTestHome();
    try {
      mkdirSync(home.dir);
      writeFileSync(join(home.dir, 'thesis.txt'), 'years of work');
      const { code, stderr } = await home.polarstack(['up', '--no-demo']);
      expect(code).not.toBe(0);
      expect(stderr).toContain(home.dir);
    } finally {
      expect(home.processes()).toEqual([]);
      rmSync(join(home.dir, '..'), { recursive: true });
    }
  });
});
