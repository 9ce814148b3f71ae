/** The command line against the embedded API server: what it shows of clusters and their instances. */
import { MPDClusters } from '@polarstack/api';
import { waitFor } from '@polarstack/base';
import { Nodes } from '@polarstack/kube';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { type CliScene, printed, runningStatus, startSceneWithClusters } from './cli-scene.ts';
import { type PlayedAgents, playAgents } from './played-agents.ts';

let scene: CliScene;
const run: CliScene['run'] = async (...parameters) => await scene.run(...parameters);
const ok: CliScene['ok'] = async (...parameters) => await scene.ok(...parameters);
beforeAll(async () => {
  scene = await startSceneWithClusters();
});
afterAll(async () => {
  await scene.api.stop();
});

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

  test('nothing is ready on a node that is not, whatever was written about it before', async () => {
    const condition = async (status: string): Promise<void> => {
      const body = { status: { conditions: [{ type: 'Ready', status }] } };
      await scene.api.client.patchStatus(Nodes, { name: 'node-1' }, { type: 'merge', body });
    };
    await condition('False');
    const shown = await ok(['status', 'demo']);
    expect(shown).toMatch(/default +demo +Running +0\/2 /);
    expect(shown).toMatch(/demo-1000-1000 +primary +no +node-1 /);
    expect(await ok(['list', '-n', 'default'])).toMatch(/default +demo +Running +0\/2 /);
    await condition('True');
    expect(await ok(['list', '-n', 'default'])).toMatch(/default +demo +Running +1\/2 /);
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
