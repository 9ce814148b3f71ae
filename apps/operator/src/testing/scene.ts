import { GROUP, type MPDCluster, MPDClusters, MPDOperations, VERSION } from '@polarstack/api';
import { createLogger, type Logger, silentLogger, waitFor } from '@polarstack/base';
import { conditionOf } from '@polarstack/domain';
import { type Operator, startOperator } from '../start-operator.ts';
import { defaultPatience, type Patience } from '../steps/patience.ts';
import { startFakeClusterManager } from './fake-cluster-manager.ts';
import { createFakeKube } from './fake-kube.ts';
import { createFakeWorld, installCatalog } from './fake-world.ts';
import { createMortal, type Death } from './mortal.ts';

/** A cluster as the API server stores it: with the schema's defaults. */
export function newCluster(name: string, spec: Partial<MPDCluster['spec']> = {}): MPDCluster {
  return {
    apiVersion: `${GROUP}/${VERSION}`,
    kind: 'MPDCluster',
    metadata: { name, namespace: 'default' },
    spec: {
      operatorName: 'polar-mpd',
      dbClusterType: 'local',
      followerNum: 2,
      classInfo: { className: 'local.small' },
      engine: { type: 'postgres' },
      deletionProtection: false,
      ...spec,
    },
  };
}

/** An operator against an API server, nodes and agents in memory. */
export async function createScene(
  logger: Logger = silentLogger,
  { manager = false, patience = defaultPatience }: { readonly manager?: boolean; readonly patience?: Patience } = {},
) {
  const kube = createFakeKube();
  await installCatalog(kube);
  const world = createFakeWorld(kube);
  /** Fulfils requests for switches, where the scene has one. */
  const endManager = manager ? startFakeClusterManager(kube, world) : () => {};
  const test = new AbortController();
  let operator: Operator | undefined;

  const start = async (death?: Death) => {
    const mortal = createMortal(kube, world.agents, death);
    const { client, agents } = mortal;
    operator = await startOperator({ client, agents, logger, patience, signal: test.signal });
    return { ...mortal, operator };
  };
  const cluster = async (name: string): Promise<MPDCluster | undefined> =>
    await kube.find(MPDClusters, { namespace: 'default', name });

  return {
    kube,
    world,
    start,
    cluster,
    signal: test.signal,
    create: async (name: string, spec: Partial<MPDCluster['spec']> = {}) =>
      await kube.create(MPDClusters, newCluster(name, spec)),
    /** Waits until the cluster's condition has this status; answers the cluster. */
    until: async (name: string, type: Parameters<typeof conditionOf>[1], status: 'True' | 'False') =>
      await waitFor(
        `${name} to be ${type}=${status}`,
        async () => {
          const found = await cluster(name);
          return conditionOf(found?.status?.conditions, type)?.status === status ? found : undefined;
        },
        { signal: test.signal, timeoutMs: 30_000, intervalMs: 5 },
      ),
    operations: () => kube.all(MPDOperations),
    untilGone: async (name: string) =>
      await waitFor(`${name} to be gone`, async () => ((await cluster(name)) ? undefined : true), {
        signal: test.signal,
        timeoutMs: 30_000,
        intervalMs: 5,
      }),
    close: async () => {
      await operator?.close();
      endManager();
      world.close();
      test.abort();
    },
  };
}

/** Orders names. */
export const byName = (a: string, b: string): number => (a < b ? -1 : Number(a > b));

export const verboseLogger = (): Logger => createLogger({ component: 'test', level: 'debug' });
