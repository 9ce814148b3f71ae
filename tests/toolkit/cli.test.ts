/** The command line against the embedded API server, with objects as the operator and the runtime would make them. */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  GROUP,
  labels,
  type MPDCluster,
  type MPDClusterStatus,
  MPDClusters,
  type MPDOperation,
  MPDOperations,
  type PodConnector,
  SYSTEM_NAMESPACE,
} from '@polarstack/api';
import { waitFor } from '@polarstack/base';
import { ConfigMaps, createInformer, Events, Namespaces, Nodes, Pods } from '@polarstack/kube';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { type CliOptions, type CliResult, cli } from './cli-harness.ts';
import { type EmbeddedApi, startEmbeddedApi } from './embedded-api.ts';

const connector: PodConnector = {
  exec: async () => 0,
  logs: async function* (ref, { follow }, signal) {
    yield Buffer.from(`${ref.pod} says one\n${ref.pod} says`);
    yield Buffer.from(' two\n');
    if (follow && !signal.aborted) await new Promise((resolve) => signal.addEventListener('abort', resolve));
  },
};

let api: EmbeddedApi;
beforeAll(async () => {
  api = await startEmbeddedApi({ connector });
  await api.deploy('crds');
  await api.deploy('catalog');
  const { client } = api;
  await client.create(ConfigMaps, {
    metadata: {
      name: 'postgresql-15-minor-version-info-local',
      namespace: SYSTEM_NAMESPACE,
      labels: { configtype: 'minor_version_info', dbClusterMode: 'Local', dbType: 'PostgreSQL', dbVersion: '15' },
    },
    data: { name: '15', version: '15.18', pgEngineImage: 'polarstack/postgres:15' },
  });
  for (const name of ['node-1', 'node-2']) {
    await client.create(Nodes, { metadata: { name } });
    const status = {
      images: [{ names: ['polarstack/postgres:15'] }],
      addresses: [{ type: 'InternalIP', address: '127.0.0.11' }],
      conditions: [{ type: 'Ready', status: 'True' }],
    };
    await client.patchStatus(Nodes, { name }, { type: 'merge', body: { status } });
  }
  await client.create(Namespaces, { metadata: { name: 'other' } });
  await makeCluster('demo', 'default', runningStatus);
  await makeCluster('demo-two', 'default', { clusterStatus: 'Creating' });
  await makeCluster('far', 'other', runningStatus);
});
afterAll(async () => {
  await api.stop();
});

const run = async (args: readonly string[], options?: CliOptions): Promise<CliResult> =>
  await cli(['--kubeconfig', api.kubeconfig, ...args], options);

async function ok(args: readonly string[], options?: CliOptions): Promise<string> {
  const { code, stdout, stderr } = await run(args, options);
  if (code !== undefined && code !== 0) throw new Error(`exit code ${code}: ${stderr}`);
  expect(stderr).toBe('');
  return stdout;
}

async function printed(what: string, holds: () => boolean): Promise<void> {
  await waitFor(what, async () => holds() || undefined, {
    signal: AbortSignal.timeout(60_000),
    timeoutMs: 30_000,
    intervalMs: 5,
  });
}

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

async function makeCluster(name: string, namespace: string, status: MPDClusterStatus): Promise<MPDCluster> {
  const cluster = {
    metadata: { name, namespace },
    spec: { dbClusterType: 'local', followerNum: 1, classInfo: { className: 'local.small' } },
  } as MPDCluster;
  await api.client.create(MPDClusters, cluster);
  return await api.client.patchStatus(MPDClusters, { namespace, name }, { type: 'merge', body: { status } });
}

describe('status and list', () => {
  test('tables name clusters, instances and what is wrong', async () => {
    const shown = await ok(['status', 'demo']);
    expect(shown).toMatch(/^NAMESPACE +CLUSTER +STATUS +READY +VERSION +RW +RO +AGE\n/);
    expect(shown).toMatch(/default +demo +Running +1\/2 +15 +127\.0\.20\.2:5432 +127\.0\.20\.3:5432/);
    expect(shown).toMatch(/demo-1000-1000 +primary +yes +node-1 +127\.0\.11\.2:5432 +4711 +0\/3000800\n/);
    expect(shown).toMatch(
      /demo-1001-1001 +replica +no +node-2 +127\.0\.12\.2:5432 +- +0\/3000000 +2 KiB, not streaming/,
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
          pid: 4711,
          dataDir: '/data/pgdata',
          lsn: '0/3000800',
          lag: null,
        },
        { name: 'demo-1001-1001', role: 'replica', ready: false, pid: null, lag: 2048 },
      ],
    });
    expect(parse(await ok(['status', 'demo', '-o', 'yaml']))).toMatchObject({ clusters: [{ name: 'demo' }] });
  });

  test('-n names a namespace, before or after the command', async () => {
    expect(await ok(['-n', 'other', 'list', '-o', 'name'])).toBe('far\n');
    expect(await ok(['list', '-o', 'name', '-n', 'other'])).toBe('far\n');
    expect(await ok(['list', '-A', '-o', 'name'])).toBe('demo\ndemo-two\nfar\n');
    expect(await ok(['list', '-n', 'empty'])).toBe('There are no clusters.\n');
  });

  test('-w shows every change until it is interrupted', async () => {
    await makeCluster('watched', 'default', { clusterStatus: 'Creating' });
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
    await api.client.patchStatus(MPDClusters, { namespace: 'default', name: 'watched' }, { type: 'merge', body });
    await seen('Running');
    process.emit('SIGINT');
    const { code, stdout } = await running;
    expect([code, stdout.includes('\n\n')]).toEqual([undefined, false]);
    await api.client.delete(MPDClusters, { namespace: 'default', name: 'watched' });
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

describe('create', () => {
  const absent = async (name: string): Promise<void> => {
    expect(await api.client.find(MPDClusters, { namespace: 'default', name })).toBeUndefined();
  };

  test('--dry-run prints the cluster with its defaults and writes nothing', async () => {
    const shown = await ok(['create', 'dry', '--replicas', '1', '--param', 'work_mem=8MB', '--dry-run']);
    expect(parse(shown)).toMatchObject({
      kind: 'MPDCluster',
      metadata: { name: 'dry', namespace: 'default' },
      spec: { followerNum: 1, operatorName: 'polar-mpd', parameters: { work_mem: '8MB' } },
    });
    await absent('dry');
  });

  test.each([
    [['--class', 'local.huge'], 'ClassUnknown', /local\.huge/, /local\.small/],
    [['--engine-version', '13'], 'VersionNotInstalled', /13/, /15\.18/],
    [['--param', 'shared_bufers=64MB'], 'ParameterUnknown', /shared_bufers/, /./],
    [['--param', 'max_connections=0'], 'ParameterInvalid', /max_connections/, /./],
    [['--port', '9999'], 'PortOutOfRange', /9999/, /5400-5800/],
  ])('%j is refused before anything is written', async (args, code, message, remedy) => {
    const refused = await run(['create', '--name', 'refused', ...args]);
    expect(refused.code).toBe(2);
    expect(refused.stderr).toContain(code);
    expect(refused.stderr).toMatch(message);
    expect(/remedy: (.*)/.exec(refused.stderr)?.[1]).toMatch(remedy);
    await absent('refused');
  });

  test('several problems are all told', async () => {
    const { stderr } = await run(['create', 'refused', '--class', 'x', '--param', 'a=b', '--param', 'c=d']);
    expect(stderr.match(/^error: /gm)).toHaveLength(3);
  });

  test('what the schema refuses is told in its words', async () => {
    const text = JSON.stringify({
      apiVersion: `${GROUP}/v1`,
      kind: 'MPDCluster',
      metadata: { name: 'refused' },
      spec: { dbClusterType: 'local', followerNum: -1, classInfo: { className: 'local.small' }, followers: 2 },
    });
    const refused = await run(['create', '-f', '-'], { input: text });
    expect(refused.code).toBe(2);
    expect(refused.stderr).toMatch(/followers|followerNum/);
    await absent('refused');
  });

  test.each([
    ['a: [', 'standard input'],
    ['kind: Pod\napiVersion: v1\nmetadata: {name: x}', 'v1 Pod'],
    ['', 'describes no cluster'],
  ])('a file that is no cluster is refused: %j', async (input, words) => {
    const refused = await run(['create', '-f', '-'], { input });
    expect([refused.code, refused.stderr.includes('ManifestInvalid')]).toEqual([2, true]);
    expect(refused.stderr).toContain(words);
  });

  test('a name that is taken is AlreadyExists', async () => {
    const refused = await run(['create', 'demo']);
    expect([refused.code, refused.stderr]).toEqual([5, expect.stringContaining('default/demo exists already')]);
  });

  test('options and a file exclude each other; so do two names', async () => {
    expect((await run(['create', 'x', '-f', 'y'])).code).toBe(2);
    expect((await run(['create', '--replicas', '1', '-f', 'y'])).code).toBe(2);
    expect((await run(['create', 'x', '--name', 'y'])).code).toBe(2);
    expect((await run(['create'])).code).toBe(2);
  });

  test('it waits, showing the steps of the operation, until the cluster is ready', async () => {
    const stop = new AbortController();
    const operator = playOperator('made', 'Succeeded', stop.signal);
    const shown = await ok(['create', 'made', '--replicas', '0', '--timeout', '60']);
    stop.abort();
    await operator;
    expect(shown).toBe(
      '✔ InitMeta  1.0 s\n✔ StartPrimary  1.0 s\nCluster default/made is ready. Connect: polarstack psql made\n',
    );
    expect((await api.client.get(MPDClusters, { namespace: 'default', name: 'made' })).spec.followerNum).toBe(0);
  });

  test('an operation that fails ends the waiting with its reason', async () => {
    const stop = new AbortController();
    const operator = playOperator('broken', 'Failed', stop.signal);
    const { code, stderr, stdout } = await run(['create', 'broken', '--timeout', '60']);
    stop.abort();
    await operator;
    expect(code).toBe(1);
    expect(stderr).toContain('disk full');
    expect(stderr).toContain('remedy: free some');
    expect(stdout).toContain('✘ StartPrimary  disk full');
  });
});

/** Does what the operator does with a new cluster, as far as a client can see. */
async function playOperator(name: string, end: 'Succeeded' | 'Failed', signal: AbortSignal): Promise<void> {
  const { client } = api;
  const namespace = 'default';
  const informer = createInformer<MPDCluster>({ client, resource: MPDClusters, namespace });
  informer.onChange(async ({ type, object }) => {
    if (type !== 'ADDED' || object.metadata.name !== name) return;
    const operation = `${name}-create`;
    await client.create(MPDOperations, {
      metadata: { name: operation, namespace },
      spec: { cluster: name, type: 'Create' },
    } as MPDOperation);
    const at = (second: number): string => `2026-01-01T00:00:0${second}Z`;
    const done = (step: string) => ({
      name: step,
      state: 'Succeeded',
      attempts: 1,
      startedAt: at(1),
      finishedAt: at(2),
    });
    const error = { code: 'Internal', message: 'disk full', remedy: 'free some' };
    const states = [
      {
        phase: 'Running',
        steps: [
          { name: 'InitMeta', state: 'Running', attempts: 1 },
          { name: 'StartPrimary', state: 'Pending' },
        ],
      },
      { phase: 'Running', steps: [done('InitMeta'), { name: 'StartPrimary', state: 'Running', attempts: 1 }] },
      end === 'Succeeded'
        ? { phase: 'Succeeded', steps: [done('InitMeta'), done('StartPrimary')] }
        : {
            phase: 'Failed',
            error,
            steps: [done('InitMeta'), { name: 'StartPrimary', state: 'Failed', attempts: 3, error }],
          },
    ];
    for (const status of states) {
      await client.patchStatus(MPDOperations, { namespace, name: operation }, { type: 'merge', body: { status } });
    }
    const conditions = [{ type: 'Ready', status: end === 'Succeeded' ? 'True' : 'False', reason: 'x', message: 'x' }];
    const status = { clusterStatus: 'Running', observedGeneration: 1, conditions };
    await client.patchStatus(MPDClusters, { namespace, name }, { type: 'merge', body: { status } });
  });
  await informer.start(signal);
}

describe('delete', () => {
  test('what is not there is a clear error', async () => {
    const { code, stderr } = await run(['delete', 'nobody', '--yes']);
    expect([code, stderr.includes('there is no cluster nobody')]).toEqual([8, true]);
  });

  test('it asks, and changes nothing unless the answer is yes', async () => {
    await makeCluster('doomed', 'default', {});
    const nobodyThere = await run(['delete', 'doomed']);
    expect([nobodyThere.code, nobodyThere.stderr.includes('--yes')]).toEqual([2, true]);
    expect(await ok(['delete', 'doomed'], { answer: false })).toBe('Nothing was changed.\n');
    expect(await ok(['list', '-o', 'name'])).toContain('doomed');
    expect(await ok(['delete', 'doomed'], { answer: true })).toBe('Cluster default/doomed is deleted.\n');
    expect(await ok(['list', '-o', 'name'])).not.toContain('doomed');
  });

  test('a protected cluster is refused, with the way to lift the protection', async () => {
    await makeCluster('protected', 'default', {});
    const key = { namespace: 'default', name: 'protected' };
    await api.client.patch(MPDClusters, key, { type: 'merge', body: { spec: { deletionProtection: true } } });
    const { stderr } = await run(['delete', 'protected', '--yes']);
    expect(stderr).toContain('DeletionProtected');
    expect(stderr).toContain('"deletionProtection":false');
    expect((await api.client.get(MPDClusters, key)).metadata.deletionTimestamp).toBeUndefined();
  });
});

describe('what happened, and where', () => {
  test('events of a cluster leave out those of another whose name begins alike', async () => {
    const event = async (name: string, kind: string, reason: string, second: number): Promise<void> => {
      const time = `2026-01-01T00:00:0${second}Z`;
      await api.client.create(Events, {
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
    await api.client.create(Events, {
      metadata: { name, namespace: 'default' },
      involvedObject: { kind: 'MPDCluster', name: 'demo', namespace: 'default' },
      type: 'Warning',
      reason: 'Later',
      message: 'it came later',
      count: 1,
    });
    await printed('the new event', () => shown.includes('it came later\n'));
    await api.client.patch(Events, { namespace: 'default', name }, { type: 'merge', body: { count: 2 } });
    await printed('its repetition', () => shown.includes('it came later (x2)\n'));
    process.emit('SIGINT');
    const { code, stdout } = await running;
    expect(code).toBeUndefined();
    expect(stdout.match(/^AGE/gm)).toHaveLength(1);
    expect(stdout.match(/Second/g)).toHaveLength(1);
  });

  test('operations, with the steps of the last one of a cluster', async () => {
    expect(await ok(['operations'])).toMatch(/default +made-create +made +Create +Succeeded/);
    const shown = await ok(['operations', 'broken']);
    expect(shown).not.toContain('made-create');
    expect(shown).toMatch(/StartPrimary +Failed +3 +- +disk full/);
    expect(JSON.parse(await ok(['ops', 'made', '-o', 'json']))).toMatchObject([{ kind: 'MPDOperation' }]);
  });

  test('logs of a pod, and of all pods of a cluster with their names', async () => {
    for (const name of ['demo-1000-1000', 'demo-1001-1001']) {
      await api.client.create(Pods, {
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
    const { client } = api;
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
    expect(await ok(['kubeconfig', '--path'])).toBe(`${api.kubeconfig}\n`);
    expect(await ok(['kubeconfig'])).toBe(readFileSync(api.kubeconfig, 'utf8'));
  });

  test('a home has a kubeconfig of its own, whose server may be down: the error says how to start it', async () => {
    const home = join(api.folder, 'home');
    mkdirSync(home);
    const down = readFileSync(api.kubeconfig, 'utf8').replace(/https:\/\/127\.0\.0\.1:\d+/, 'https://127.0.0.1:1');
    writeFileSync(join(home, 'kubeconfig'), down);
    const { code, stderr } = await cli(['--home', home, 'list']);
    expect(code).toBe(7);
    expect(stderr).toContain(`the local home in ${home} does not run`);
    expect(stderr).toContain('polarstack up');
    writeFileSync(join(home, 'kubeconfig'), readFileSync(api.kubeconfig));
    expect((await cli(['list', '--home', home, '-o', 'name'])).stdout).toContain('demo\n');
    const { home: view } = JSON.parse((await cli(['--home', home, 'status', '-o', 'json'])).stdout) as {
      home: unknown;
    };
    expect(view).toEqual({ pid: null, version: null, dataDir: home });
  });

  test('no home, a broken file, a context that is not there: each says which file', async () => {
    const absent = await cli(['--home', join(api.folder, 'absent'), 'list']);
    expect([absent.code, absent.stderr]).toEqual([4, expect.stringContaining('polarstack up')]);
    const broken = join(api.folder, 'broken');
    writeFileSync(broken, 'clusters: [');
    const refused = await cli(['--kubeconfig', broken, 'list']);
    expect([refused.code, refused.stderr]).toEqual([2, expect.stringContaining(broken)]);
    const context = await run(['list', '--context', 'nowhere']);
    expect([context.code, context.stderr]).toEqual([2, expect.stringContaining('there are: test')]);
  });

  test('a kubeconfig of another server is refused as such', async () => {
    const other = await startEmbeddedApi();
    try {
      const mixed = join(api.folder, 'mixed');
      const mine = readFileSync(api.kubeconfig, 'utf8');
      writeFileSync(mixed, mine.replace(api.connection.server, other.connection.server));
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
