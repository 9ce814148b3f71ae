/** The command line against the embedded API server: what it shows besides status, and where it connects to. */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { labels } from '@polarstack/api';
import { createInformer, Events, Nodes, Pods } from '@polarstack/kube';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { cli } from './cli-harness.ts';
import { type CliScene, printed, startSceneWithClusters } from './cli-scene.ts';
import { startEmbeddedApi } from './embedded-api.ts';

let scene: CliScene;
const run: CliScene['run'] = async (...parameters) => await scene.run(...parameters);
const ok: CliScene['ok'] = async (...parameters) => await scene.ok(...parameters);
beforeAll(async () => {
  scene = await startSceneWithClusters();
});
afterAll(async () => {
  await scene.api.stop();
});

describe('what happened, and where', () => {
  test('events of a cluster leave out those of another whose name begins alike', async () => {
    const event = async (name: string, kind: string, reason: string, second: number): Promise<void> => {
      const time = `2026-01-01T00:00:0${second}Z`;
      await scene.api.client.create(Events, {
        metadata: { name: `${name}.${second}`, namespace: 'default' },
        involvedObject: { kind, name, namespace: 'default' },
        type: 'Normal',
        reason,
        message: `about ${name}`,
        firstTimestamp: time,
        lastTimestamp: time,
        count: second,
      });
    };
    await event('demo-1000-1000', 'Pod', 'Second', 2);
    await event('demo', 'MPDCluster', 'First', 1);
    await event('demo-two', 'MPDCluster', 'Other', 3);
    await event('demo-two-1002-1002', 'Pod', 'OtherPod', 4);
    const reasons = (text: string): string[] => [...text.matchAll(/Normal +(\S+)/g)].map(([, reason]) => reason ?? '');
    expect(reasons(await ok(['events', 'demo']))).toEqual(['First', 'Second']);
    expect(reasons(await ok(['events', 'demo-two']))).toEqual(['Other', 'OtherPod']);
    expect(await ok(['events'])).toContain('about demo-1000-1000 (x2)');
    expect((await run(['events', 'nobody'])).code).toBe(8);
  });

  test('events -w goes on with what comes, and shows a repeated event again', async () => {
    let shown = '';
    const running = run(['events', 'demo', '-w'], {
      onOutput: (text) => {
        shown = text;
      },
    });
    await printed('what is there', () => shown.includes('Second'));
    const name = 'demo.later';
    await scene.api.client.create(Events, {
      metadata: { name, namespace: 'default' },
      involvedObject: { kind: 'MPDCluster', name: 'demo', namespace: 'default' },
      type: 'Warning',
      reason: 'Later',
      message: 'it came later',
      count: 1,
    });
    await printed('the new event', () => shown.includes('it came later\n'));
    await scene.api.client.patch(Events, { namespace: 'default', name }, { type: 'merge', body: { count: 2 } });
    await printed('its repetition', () => shown.includes('it came later (x2)\n'));
    process.emit('SIGINT');
    const { code, stdout } = await running;
    expect(code).toBeUndefined();
    expect(stdout.match(/^AGE/gm)).toHaveLength(1);
    expect(stdout.match(/Second/g)).toHaveLength(1);
  });

  test('operations, with the steps of the last one of a cluster', async () => {
    await scene.recordOperation('made', 'Succeeded');
    await scene.recordOperation('broken', 'Failed');
    expect(await ok(['operations'])).toMatch(/default +made-create +made +Create +Succeeded/);
    const shown = await ok(['operations', 'broken']);
    expect(shown).not.toContain('made-create');
    expect(shown).toMatch(/StartPrimary +Failed +3 +- +disk full/);
    expect(JSON.parse(await ok(['ops', 'made', '-o', 'json']))).toMatchObject([{ kind: 'MPDOperation' }]);
  });

  test('logs of a pod, and of all pods of a cluster with their names', async () => {
    for (const name of ['demo-1000-1000', 'demo-1001-1001']) {
      await scene.api.client.create(Pods, {
        metadata: { name, namespace: 'default', labels: { [labels.clusterName]: 'demo' } },
        spec: { containers: [{ name: 'engine', image: 'polarstack/postgres:15' }] },
      });
    }
    expect(await ok(['logs', 'demo-1001-1001'])).toBe('demo-1001-1001 says one\ndemo-1001-1001 says two\n');
    expect((await ok(['logs', 'demo'])).trim().split('\n')).toEqual([
      'demo-1000-1000 | demo-1000-1000 says one',
      'demo-1000-1000 | demo-1000-1000 says two',
      'demo-1001-1001 | demo-1001-1001 says one',
      'demo-1001-1001 | demo-1001-1001 says two',
    ]);
    let followed = '';
    const following = run(['logs', 'demo', '-f'], {
      onOutput: (text) => {
        followed = text;
      },
    });
    await printed('all lines', () => followed.split('\n').length === 5);
    process.emit('SIGINT');
    expect((await following).code).toBeUndefined();
    expect((await run(['logs', 'demo-two'])).stderr).toContain('has no pods');
    expect((await run(['logs', 'nobody'])).code).toBe(8);
  });

  test('nodes are listed, stopped and started', async () => {
    const { client } = scene.api;
    const stop = new AbortController();
    // The runtime, as far as a client can see.
    const runtime = createInformer({ client, resource: Nodes });
    runtime.onChange(async ({ object, type }) => {
      const name = object.metadata?.name ?? '';
      const on = object.metadata?.annotations?.['polarstack.io/power'] !== 'off';
      const ready = object.status?.conditions?.[0]?.status === 'True';
      if (type === 'DELETED' || on === ready) return;
      const status = { conditions: [{ type: 'Ready', status: on ? 'True' : 'False' }] };
      await client.patchStatus(Nodes, { name }, { type: 'merge', body: { status } });
    });
    const running = runtime.start(stop.signal);
    expect(await ok(['node', 'list', '-o', 'name'])).toBe('node-1\nnode-2\n');
    expect(await ok(['node', 'stop', 'node-2'])).toBe('Node node-2 is stopped.\n');
    expect(await ok(['node', 'list'])).toMatch(/node-2 +NotReady +off +127\.0\.0\.11/);
    expect(await ok(['node', 'start', 'node-2'])).toBe('Node node-2 is running.\n');
    expect(await ok(['node', 'list'])).toMatch(/node-2 +Ready +on/);
    const absent = await run(['node', 'stop', 'node-9']);
    expect([absent.code, absent.stderr]).toEqual([8, expect.stringContaining('There are: node-1, node-2.')]);
    stop.abort();
    await running;
  });

  test('a node that does not follow is a Timeout with a hint', async () => {
    const { stderr, code } = await run(['node', 'stop', 'node-1', '--timeout', '0.2']);
    expect([code, stderr]).toEqual([1, expect.stringContaining('local home')]);
    await ok(['node', 'start', 'node-1', '--no-wait']);
  });
});

describe('where to connect', () => {
  test('the kubeconfig, and its path', async () => {
    expect(await ok(['kubeconfig', '--path'])).toBe(`${scene.api.kubeconfig}\n`);
    expect(await ok(['kubeconfig'])).toBe(readFileSync(scene.api.kubeconfig, 'utf8'));
  });

  test('a home has a kubeconfig of its own, whose server may be down: the error says how to start it', async () => {
    const home = join(scene.api.folder, 'home');
    mkdirSync(home);
    const down = readFileSync(scene.api.kubeconfig, 'utf8').replace(
      /https:\/\/127\.0\.0\.1:\d+/,
      'https://127.0.0.1:1',
    );
    writeFileSync(join(home, 'kubeconfig'), down);
    const { code, stderr } = await cli(['--home', home, 'list']);
    expect(code).toBe(7);
    expect(stderr).toContain(`the local home in ${home} does not run`);
    expect(stderr).toContain('polarstack up');
    writeFileSync(join(home, 'kubeconfig'), readFileSync(scene.api.kubeconfig));
    expect((await cli(['list', '--home', home, '-o', 'name'])).stdout).toContain('demo\n');
    const { home: view } = JSON.parse((await cli(['--home', home, 'status', '-o', 'json'])).stdout) as {
      home: unknown;
    };
    expect(view).toEqual({ pid: null, version: null, dataDir: home });
  });

  test('no home, a broken file, a context that is not there: each says which file', async () => {
    const absent = await cli(['--home', join(scene.api.folder, 'absent'), 'list']);
    expect([absent.code, absent.stderr]).toEqual([4, expect.stringContaining('polarstack up')]);
    const broken = join(scene.api.folder, 'broken');
    writeFileSync(broken, 'clusters: [');
    const refused = await cli(['--kubeconfig', broken, 'list']);
    expect([refused.code, refused.stderr]).toEqual([2, expect.stringContaining(broken)]);
    const context = await run(['list', '--context', 'nowhere']);
    expect([context.code, context.stderr]).toEqual([2, expect.stringContaining('there are: test')]);
  });

  test('a kubeconfig of another server is refused as such', async () => {
    const other = await startEmbeddedApi();
    try {
      const mixed = join(scene.api.folder, 'mixed');
      const mine = readFileSync(scene.api.kubeconfig, 'utf8');
      writeFileSync(mixed, mine.replace(scene.api.connection.server, other.connection.server));
      const { code, stderr } = await cli(['--kubeconfig', mixed, 'list']);
      expect([code, stderr]).toEqual([7, expect.stringContaining('do not belong together')]);
    } finally {
      await other.stop();
    }
  });

  test('version says what answers', async () => {
    expect(await ok(['version'])).toMatch(/^polarstack \d+\.\d+\.\d+ .*\nserver +Kubernetes API v/);
  });
});
