/** The embedded API server as it looks to the command line: catalog, two nodes, and whatever a test makes. */
import {
  type MPDCluster,
  type MPDClusterStatus,
  MPDClusters,
  type MPDOperation,
  MPDOperations,
  type PodConnector,
  SYSTEM_NAMESPACE,
} from '@polarstack/api';
import { waitFor } from '@polarstack/base';
import { ConfigMaps, createInformer, Namespaces, Nodes } from '@polarstack/kube';
import { type CliOptions, type CliResult, cli } from './cli-harness.ts';
import { type EmbeddedApi, startEmbeddedApi } from './embedded-api.ts';

export interface CliScene {
  readonly api: EmbeddedApi;
  /** Runs a command line against this server. */
  run(args: readonly string[], options?: CliOptions): Promise<CliResult>;
  /** The output of a command line that must succeed and not complain. */
  ok(args: readonly string[], options?: CliOptions): Promise<string>;
  makeCluster(name: string, namespace: string, status: MPDClusterStatus): Promise<MPDCluster>;
  /** An operation that makes a cluster, from its first step to its end. */
  recordOperation(cluster: string, end: 'Succeeded' | 'Failed'): Promise<void>;
  /** Does what the operator does with a new cluster, as far as a client can see, until the signal aborts. */
  playOperator(cluster: string, end: 'Succeeded' | 'Failed', signal: AbortSignal): Promise<void>;
}

const connector: PodConnector = {
  exec: async () => 0,
  logs: async function* (ref, { follow }, signal) {
    yield Buffer.from(`${ref.pod} says one\n${ref.pod} says`);
    yield Buffer.from(' two\n');
    if (follow && !signal.aborted) await new Promise((resolve) => signal.addEventListener('abort', resolve));
  },
};

export async function startCliScene(): Promise<CliScene> {
  const api = await startEmbeddedApi({ connector });
  const { client } = api;
  await api.deploy('crds');
  await api.deploy('catalog');
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

  const run = async (args: readonly string[], options?: CliOptions): Promise<CliResult> =>
    await cli(['--kubeconfig', api.kubeconfig, ...args], options);

  async function recordOperation(name: string, end: 'Succeeded' | 'Failed'): Promise<void> {
    const namespace = 'default';
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
  }

  return {
    api,
    run,
    ok: async (args, options) => {
      const { code, stdout, stderr } = await run(args, options);
      if ((code ?? 0) !== 0 || stderr !== '') throw new Error(`exit code ${code}: ${stderr}`);
      return stdout;
    },
    makeCluster: async (name, namespace, status) => {
      const cluster = {
        metadata: { name, namespace },
        spec: { dbClusterType: 'local', followerNum: 1, classInfo: { className: 'local.small' } },
      } as MPDCluster;
      await client.create(MPDClusters, cluster);
      return await client.patchStatus(MPDClusters, { namespace, name }, { type: 'merge', body: { status } });
    },
    recordOperation,
    playOperator: async (name, end, signal) => {
      const namespace = 'default';
      const informer = createInformer<MPDCluster>({ client, resource: MPDClusters, namespace });
      informer.onChange(async ({ type, object }) => {
        if (type !== 'ADDED' || object.metadata.name !== name) return;
        await recordOperation(name, end);
        const conditions = [
          { type: 'Ready', status: end === 'Succeeded' ? 'True' : 'False', reason: 'x', message: 'x' },
        ];
        const status = { clusterStatus: 'Running', observedGeneration: 1, conditions };
        await client.patchStatus(MPDClusters, { namespace, name }, { type: 'merge', body: { status } });
      });
      await informer.start(signal);
    },
  };
}

/** A cluster that runs, with a replica that does not answer. */
export const runningStatus: MPDClusterStatus = {
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

/** With clusters to show: `demo` runs, `demo-two` is being made, and `far` runs in another namespace. */
export async function startSceneWithClusters(): Promise<CliScene> {
  const scene = await startCliScene();
  await scene.makeCluster('demo', 'default', runningStatus);
  await scene.makeCluster('demo-two', 'default', { clusterStatus: 'Creating' });
  await scene.makeCluster('far', 'other', runningStatus);
  return scene;
}

/** Waits until something has been printed. */
export async function printed(what: string, holds: () => boolean): Promise<void> {
  await waitFor(what, async () => holds() || undefined, {
    signal: AbortSignal.timeout(60_000),
    timeoutMs: 30_000,
    intervalMs: 5,
  });
}
