/** The command line against the embedded API server: what it shows. */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { labels, type MPDClusterStatus, MPDClusters } from '@polarstack/api';
import { waitFor } from '@polarstack/base';
import { createInformer, Events, Nodes, Pods } from '@polarstack/kube';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { cli } from './cli-harness.ts';
import { type CliScene, printed, startCliScene } from './cli-scene.ts';
import { startEmbeddedApi } from './embedded-api.ts';
import { type PlayedAgents, playAgents } from './played-agents.ts';

let scene: CliScene;
const run: CliScene['run'] = async (...parameters) => await scene.run(...parameters);
const ok: CliScene['ok'] = async (...parameters) => await scene.ok(...parameters);
beforeAll(async () => {
  scene = await startCliScene();
  await scene.makeCluster('demo', 'default', runningStatus);
  await scene.makeCluster('demo-two', 'default', { clusterStatus: 'Creating' });
  await scene.makeCluster('far', 'other', runningStatus);
});
afterAll(async () => {
  await scene.api.stop();
});

const runningStatus: MPDClusterStatus = {
  clusterStatus: 'Running',
  observedGeneration: 1,
  engine: { type: 'postgres', version: '15' },
  endpoints: {
    rw: { host: '127.0.20.2', port: 5432, service: 'demo-rw' },
    ro: { host: '127.0.20.3', port: 5432, service: 'demo-ro' },
  },
  conditions: [
    { type: 'Ready', status: 'False', reason: 'InstanceNotReady', message: 'demo-1001-1001 does not answer' },
    { type: 'Accepted', status: 'True', reason: 'Accepted', message: 'fine' },
  ],
  dbInstanceStatus: {
    '1001': {
      podName: 'demo-1001-1001',
      insType: 'ro',
      role: 'replica',
      ready: false,
      nodeName: 'node-2',
      netInfo: { workingHostIP: '127.0.12.2', workingPort: 5432 },
      lsn: '0/3000000',
      lagBytes: 2048,
      streaming: false,
    },
    '1000': {
      podName: 'demo-1000-1000',
      insType: 'rw',
      role: 'primary',
      ready: true,
      nodeName: 'node-1',
      netInfo: { workingHostIP: '127.0.11.2', workingPort: 5432 },
      lsn: '0/3000800',
      engine: { pid: 4711, dataDir: '/data/pgdata', version: '15.18' },
      observedAt: '2026-01-01T00:00:00Z',
    },
  },
};

describe('status and list', () => {
  test('tables name clusters, instances and what is wrong', async () => {
    const shown = await ok(['status', 'demo']);
    expect(shown).toMatch(/^NAMESPACE +CLUSTER +STATUS +READY +VERSION +RW +RO +AGE\n/);
    expect(shown).toMatch(/default +demo +Running +1\/2 +15 +127\.0\.20\.2:5432 +127\.0\.20\.3:5432/);
    expect(shown).toMatch(
      /demo-1000-1000 +primary +yes +node-1 +127\.0\.11\.2:5432 +unknown +0\/3000800 +- +\d+\S* ago\n/,
    );
    expect(shown).toMatch(
      /demo-1001-1001 +replica +no +node-2 +127\.0\.12\.2:5432 +unknown +0\/3000000 +unknown +never\n/,
    );
    expect(shown).toContain('default/demo Ready=False InstanceNotReady: demo-1001-1001 does not answer');
    expect(shown).not.toContain('\u001b');
  });

  test('JSON has what scripts were promised', async () => {
    const { home, clusters } = JSON.parse(await ok(['status', '-o', 'json'])) as {
      home: unknown;
      clusters: { name: string }[];
    };
    expect(home).toEqual({ pid: null, version: null, dataDir: null });
    expect(clusters.map(({ name }) => name)).toEqual(['demo', 'demo-two', 'far']);
    expect(clusters[0]).toMatchObject({
      name: 'demo',
      namespace: 'default',
      status: 'Running',
      endpoints: { rw: { host: '127.0.20.2', port: 5432 }, ro: { host: '127.0.20.3', port: 5432 } },
      instances: [
        {
          name: 'demo-1000-1000',
          role: 'primary',
          ready: true,
          node: 'node-1',
          host: '127.0.11.2',
          port: 5432,
          source: 'api',
          pid: null,
          observedAt: '2026-01-01T00:00:00Z',
          dataDir: '/data/pgdata',
          lsn: '0/3000800',
          lag: null,
        },
        { name: 'demo-1001-1001', role: 'replica', ready: false, source: 'api', pid: null, lag: null },
      ],
    });
    expect(parse(await ok(['status', 'demo', '-o', 'yaml']))).toMatchObject({ clusters: [{ name: 'demo' }] });
  });

  describe('with agents that answer', () => {
    let agents: PlayedAgents;
    beforeAll(async () => {
      agents = await playAgents(scene.api.client, 'live');
      await scene.makeCluster('live', 'default', agents.status(runningStatus));
    });
    afterAll(async () => {
      await scene.api.client.delete(MPDClusters, { namespace: 'default', name: 'live' });
      await agents.stop();
    });
    const instances = async (): Promise<readonly Record<string, unknown>[]> => {
      const { clusters } = JSON.parse(await ok(['status', 'live', '-o', 'json'])) as {
        clusters: { instances: Record<string, unknown>[] }[];
      };
      return clusters[0]?.instances ?? [];
    };
    /** Half a second is short on a machine that does other things. */
    const answered = async (sources: readonly string[]) =>
      await waitFor(
        `figures from ${sources.join(' and ')}`,
        async () => {
          const found = await instances();
          return found.map(({ source }) => source).join() === sources.join() ? found : undefined;
        },
        { signal: AbortSignal.timeout(60_000), timeoutMs: 30_000, intervalMs: 20 },
      );

    test('shows what they say now, not what the API has seen', async () => {
      agents.answers.set('demo-1000-1000', { role: 'primary', pid: 5000, lsn: '0/5000000' });
      agents.answers.set('demo-1001-1001', { role: 'replica', pid: 5001, lsn: '0/4FFFC00', streaming: true });
      const [primary, replica] = await answered(['agent', 'agent']);
      expect(primary).toMatchObject({
        name: 'demo-1000-1000',
        role: 'primary',
        ready: true,
        node: 'node-1',
        host: '127.0.0.1',
        port: 5432,
        pid: 5000,
        dataDir: '/live/pgdata',
        lsn: '0/5000000',
        lag: null,
        streaming: null,
        observedAt: '2026-02-02T00:00:00.000Z',
      });
      expect(replica).toMatchObject({ pid: 5001, lag: 1024, streaming: true, state: 'RUNNING' });
      expect(await ok(['status', 'live'])).toMatch(/demo-1000-1000 .*(5000 +0\/5000000 +- +now|unknown .* ago)\n/);
    });

    test('one that is silent, or is somebody else, has no process that we know of', async () => {
      agents.answers.set('demo-1000-1000', { role: 'primary', pid: 5000, lsn: '0/5000000', state: 'stopped' });
      agents.answers.delete('demo-1001-1001');
      const [primary, replica] = await answered(['agent', 'api']);
      // The engine stands still, whatever the readiness that the API has seen.
      expect(primary).toMatchObject({ state: 'STOPPED', ready: false });
      expect(replica).toMatchObject({ pid: null, lag: null, streaming: null, lsn: '0/3000000', role: 'replica' });
      agents.answers.set('demo-1001-1001', { role: 'replica', pid: 5001, lsn: '0/4FFFC00' });
      agents.pretend('demo-1001-1001', 'demo-9999-9999');
      expect(await answered(['agent', 'api'])).toHaveLength(2);
      agents.pretend('demo-1001-1001', 'demo-1001-1001');
    });

    test('-w draws again when an agent says something else, and the API nothing', async () => {
      agents.answers.set('demo-1000-1000', { role: 'primary', pid: 6000, lsn: '0/5000000' });
      let seen = '';
      const running = run(['status', 'live', '-w', '-o', 'json'], { onOutput: (text) => (seen = text) });
      await printed('the first process', () => seen.includes('"pid":6000'));
      agents.answers.set('demo-1000-1000', { role: 'primary', pid: 6001, lsn: '0/5000000' });
      await printed('the second', () => seen.includes('"pid":6001'));
      process.emit('SIGINT');
      expect((await running).code).toBeUndefined();
    });

    test('without the Secret it says once why it shows what the API has seen', async () => {
      await agents.removeSecret();
      const status = { dbInstanceStatus: { '1000': { installed: true }, '1001': { installed: true } } };
      const key = { namespace: 'default', name: 'live' };
      await scene.api.client.patchStatus(MPDClusters, key, { type: 'merge', body: { status } });
      const { code, stdout, stderr } = await run(['status', 'live']);
      expect(code).toBeUndefined();
      expect(stderr).toMatch(/^agents cannot be asked \(.*live-client-operator.*\); this is what the API has seen\n$/);
      expect(stdout).toMatch(/demo-1000-1000 .* unknown +0\/3000800 +- +\d+\S* ago/);
    });
  });

  test('-n names a namespace, before or after the command', async () => {
    expect(await ok(['-n', 'other', 'list', '-o', 'name'])).toBe('far\n');
    expect(await ok(['list', '-o', 'name', '-n', 'other'])).toBe('far\n');
    expect(await ok(['list', '-A', '-o', 'name'])).toBe('demo\ndemo-two\nfar\n');
    expect(await ok(['list', '-n', 'empty'])).toBe('There are no clusters.\n');
  });

  test('-w shows every change until it is interrupted', async () => {
    await scene.makeCluster('watched', 'default', { clusterStatus: 'Creating' });
    const states: string[] = [];
    const running = run(['status', 'watched', '-w', '-o', 'json'], {
      onOutput: (text) => {
        const last = text.trim().split('\n').at(-1) ?? '{}';
        const [cluster] = (JSON.parse(last) as { clusters: { status: string }[] }).clusters;
        if (cluster !== undefined && cluster.status !== states.at(-1)) states.push(cluster.status);
      },
    });
    const seen = async (state: string): Promise<void> => await printed(state, () => states.at(-1) === state);
    await seen('Creating');
    const body = { status: { clusterStatus: 'Running' } };
    await scene.api.client.patchStatus(MPDClusters, { namespace: 'default', name: 'watched' }, { type: 'merge', body });
    await seen('Running');
    process.emit('SIGINT');
    const { code, stdout } = await running;
    expect([code, stdout.includes('\n\n')]).toEqual([undefined, false]);
    await scene.api.client.delete(MPDClusters, { namespace: 'default', name: 'watched' });
  });

  test('a cluster that is not there is named, with those that are', async () => {
    const absent = await run(['status', 'nobody']);
    expect(absent.code).toBe(8);
    expect(absent.stderr).toBe(
      'error: there is no cluster nobody in namespace default\n  code:   NotFound\n' +
        '  remedy: There are: default/demo, default/demo-two, other/far.\n',
    );
    expect((await run(['status', 'far'])).stderr).toContain('add -n other');
  });
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
