import { CLUSTER_FINALIZER, MPDClusters, MPDOperations } from '@polarstack/api';
import { silentLogger, systemClock } from '@polarstack/base';
import { operationName } from '@polarstack/domain';
import { expect, test } from 'vitest';
import type { Content } from '../mending/content.ts';
import type { Services } from '../steps/services.ts';
import { createFakeKube } from '../testing/fake-kube.ts';
import { newCluster } from '../testing/scene.ts';
import { createClusterController } from './cluster-controller.ts';
import type { DeletionProgress } from './unrecorded-deletions.ts';

/** A deleted cluster, and a runner and deletions that only say what they are told to. */
async function scene() {
  const kube = createFakeKube();
  const key = { namespace: 'default', name: 'demo' };
  const draft = newCluster('demo');
  const made = await kube.create(MPDClusters, {
    ...draft,
    metadata: { ...draft.metadata, finalizers: [CLUSTER_FINALIZER] },
  });
  await kube.delete(MPDClusters, key);
  const uid = made.metadata.uid ?? '';
  const running = new Set<string>();
  const cancelled: string[] = [];
  const advanced: string[] = [];
  /** Whether the copy of the API's operations is behind. */
  const behind = { now: false };
  const progress: { now: DeletionProgress } = { now: { done: false } };
  const reconcile = createClusterController({
    services: { client: kube, events: { record: () => {} } } as unknown as Services,
    clusters: { get: () => kube.all(MPDClusters)[0] },
    operations: { byIndex: () => (behind.now ? [] : kube.all(MPDOperations)) },
    runner: { isRunning: (id) => running.has(id), abandon: (id) => void cancelled.push(id) },
    deletions: {
      has: () => advanced.length > 0,
      advance: ({ metadata }) => {
        advanced.push(metadata.name ?? '');
        return progress.now;
      },
    },
    acceptance: {
      judge: async () => ({
        accepted: true,
        claim: { type: 'Accepted', status: 'True', reason: 'Valid', message: '' },
      }),
      forget: () => {},
    },
    certificates: { maintain: async () => [], forget: () => {} },
    // A deleted cluster is not mended.
    content: {} as Content,
    steeringAnnotations: async () => false,
    automation: { act: async () => false },
    takeRequest: async () => false,
    forget: () => {},
    isOurs: () => true,
    pace: () => 3_000,
    clock: systemClock,
    logger: silentLogger,
  });
  const id = (type: 'Create' | 'Delete') => `default/${operationName({ name: 'demo', uid }, type)}`;
  const look = async () => await reconcile('default/demo', new AbortController().signal);
  const cluster = () => kube.all(MPDClusters)[0];
  return { kube, look, running, cancelled, advanced, behind, progress, id, cluster };
}

test.each(['Create', 'Delete'] as const)(
  'CC6: no deletion begins while a %s whose object is gone still runs',
  async (type) => {
    const s = await scene();
    s.running.add(s.id(type));
    const again = await s.look();
    expect(again.requeueAfterMs).toBeGreaterThan(0);
    expect(s.kube.all(MPDOperations)).toEqual([]);
    // A deletion is let end by itself.
    expect(s.cancelled).toEqual(type === 'Create' ? [s.id('Create')] : []);
    s.kube.endNamespace('default', []);
    await s.look();
    expect(s.advanced).toEqual([]);
    s.running.clear();
    await s.look();
    expect(s.advanced).toEqual(['demo']);
  },
);

test('CC5: a deletion without an operation object says how far it is, and ends with the finalizer', async () => {
  const s = await scene();
  s.kube.endNamespace('default', []);
  expect(await s.look()).toEqual({});
  expect(s.cluster()?.status).toMatchObject({ clusterStatus: 'Deleting' });
  const failure = { code: 'Timeout', message: 'pods do not go away', remedy: 'Look at them.' };
  s.progress.now = { done: false, failure, againMs: 7 };
  expect(await s.look()).toEqual({ requeueAfterMs: 7 });
  expect(s.cluster()?.status?.conditions).toContainEqual(
    expect.objectContaining({
      type: 'Progressing',
      status: 'False',
      reason: 'Timeout',
      message: expect.stringContaining('pods do not go away. Look at them.'),
    }),
  );
  s.progress.now = { done: true };
  expect(await s.look()).toEqual({});
  expect(s.cluster()).toBeUndefined();
});

test('an operation that is there is left to go on, even where the API refuses to make it for its namespace', async () => {
  const s = await scene();
  await s.look();
  expect(s.kube.all(MPDOperations)).toHaveLength(1);
  s.kube.endNamespace('default', []);
  s.behind.now = true;
  await s.look();
  expect(s.advanced).toEqual([]);
});
