/** The last backup of a cluster: made before anything is stopped, or the deletion stops and says why. */
import { annotations, MPDClusters, MPDOperations } from '@polarstack/api';
import { StackError, waitFor } from '@polarstack/base';
import { Events, Pods, PodTemplates } from '@polarstack/kube';
import type { PodTemplate } from 'kubernetes-types/core/v1.js';
import { afterEach, expect, test } from 'vitest';
import { createScene, newCluster } from '../testing/scene.ts';
import { alternateDeaths, forEachDeath, type Scene, survive } from '../testing/survive.ts';
import { backupPod, endOf, stateOf } from './delete-backup-pod.ts';

let close: () => Promise<void> = async () => {};
afterEach(async () => await close());

const key = { namespace: 'default', name: 'demo' };
const template: PodTemplate = {
  metadata: { name: 'dump', namespace: 'default' },
  template: {
    metadata: { labels: { team: 'shop', 'apsara.metric.clusterName': 'demo' }, annotations: { note: 'x' } },
    spec: {
      restartPolicy: 'Always',
      containers: [
        { name: 'main', image: 'tools', command: ['pg_dump'], env: [{ name: 'PGDATABASE', value: 'postgres' }] },
      ],
    },
  },
};

const prepared = async (s: Scene, { withTemplate = true } = {}): Promise<void> => {
  const { operator } = await s.start();
  if (withTemplate) await s.kube.create(PodTemplates, structuredClone(template));
  await s.create('demo', { finalBackup: { podTemplate: 'dump' } });
  await s.until('demo', 'Ready', 'True');
  await operator.close();
};

async function scene(options: { readonly withTemplate?: boolean } = {}) {
  const s = await createScene(undefined, { manager: true });
  close = s.close;
  await prepared(s, options);
  await s.start();
  const deletion = () => s.operations().find(({ spec }) => spec.type === 'Delete');
  return {
    ...s,
    deletion,
    delete: async () => await s.kube.delete(MPDClusters, key),
    interrupted: async () =>
      await waitFor(
        'the deletion to stop',
        async () => (deletion()?.status?.phase === 'Interrupted' ? deletion()?.status : undefined),
        { signal: s.signal, timeoutMs: 30_000, intervalMs: 5 },
      ),
    steer: async (action: string) => {
      const { name = '' } = deletion()?.metadata ?? {};
      const body = { spec: { steering: { action, requestId: action } } };
      await s.kube.patch(MPDOperations, { namespace: 'default', name }, { type: 'merge', body });
    },
    running: () => [...s.world.instances.values()].filter(({ state }) => state === 'running').length,
  };
}

test('the pod runs once, connects by the variables of libpq, and no service leads to it', () => {
  const cluster = { ...newCluster('demo'), metadata: { ...key, uid: 'u1' } };
  const pod = backupPod(cluster, template);
  expect(pod.metadata).toMatchObject({
    name: 'demo-final-backup',
    labels: { team: 'shop', 'mpd.polardb.aliyun.com/cluster': 'demo' },
    annotations: { note: 'x' },
    ownerReferences: [{ uid: 'u1' }],
  });
  expect(pod.metadata?.labels).not.toHaveProperty(['apsara.metric.clusterName']);
  expect(pod.spec?.restartPolicy).toBe('Never');
  const [container] = pod.spec?.containers ?? [];
  const env = Object.fromEntries((container?.env ?? []).map(({ name, ...rest }) => [name, rest]));
  expect(env.PGPASSWORD).toEqual({ valueFrom: { secretKeyRef: { name: 'demo-app', key: 'password' } } });
  // What the template says itself stays.
  expect(env.PGDATABASE).toEqual({ value: 'postgres' });
  expect(container?.env?.filter(({ name }) => name === 'PGDATABASE')).toHaveLength(1);
});

test('why a pod failed, and what one waits for, in words', () => {
  expect(endOf({ status: { reason: 'Evicted', message: 'no room' } })).toBe('Evicted: no room');
  const waiting = { name: 'main', image: '', imageID: '', ready: false, restartCount: 0 };
  const state = { waiting: { reason: 'ErrImagePull' } };
  expect(stateOf({ status: { phase: 'Pending', containerStatuses: [{ ...waiting, state }] } })).toBe(
    'Pending, main: ErrImagePull',
  );
});

test('FB1, FB2: a backup that fails stops the deletion before any engine; resumed, the next one lets it go on', async () => {
  const s = await scene();
  s.world.failures.set('run demo-final-backup', new StackError('DiskFull', 'no space left'));
  await s.delete();
  const status = await s.interrupted();
  expect(status?.error).toMatchObject({ code: 'FinalBackupFailed', remedy: expect.stringContaining('skip') });
  expect(status?.error?.message).toContain('container main ended with 3 no space left');
  const kept = s.kube.all(Pods).find(({ metadata }) => metadata?.name === 'demo-final-backup');
  expect(kept?.metadata?.annotations?.[annotations.backupFailed]).toContain('ended with 3');
  expect(s.running()).toBe(3);
  await s.steer('Resume');
  await s.untilGone('demo');
  expect(s.world.ended).toEqual([3]);
  expect(s.kube.all(Pods)).toEqual([]);
});

test('FB3: a template that is missing, or a wish that is taken away', async () => {
  const s = await scene({ withTemplate: false });
  await s.delete();
  expect((await s.interrupted())?.error?.message).toContain('there is no PodTemplate default/dump');
  expect(s.running()).toBe(3);
  await s.kube.patch(MPDClusters, key, { type: 'merge', body: { spec: { finalBackup: null } } });
  await s.steer('Resume');
  await s.untilGone('demo');
  expect(s.world.ended).toEqual([]);
});

test('a person leaves the backup out', async () => {
  const s = await scene({ withTemplate: false });
  await s.delete();
  await s.interrupted();
  await s.steer('SkipStep');
  await s.untilGone('demo');
  expect(s.world.ended).toEqual([]);
});

test('FB4: a namespace that goes too takes the cluster along, and it is said that there is no backup', async () => {
  const s = await scene();
  s.kube.endNamespace('default', [MPDClusters]);
  await s.untilGone('demo');
  expect(s.kube.all(Events).map(({ reason }) => reason)).not.toContain('FinalBackupFailed');
  expect(s.world.ended).toEqual([]);
});

test('FB1: an operator that dies before or after any effect of the deletion: one pod has ended well while every engine ran', async () => {
  const remove = async (s: Scene): Promise<void> => await s.kube.delete(MPDClusters, key);
  const gone = async (s: Scene): Promise<void> => {
    await s.untilGone('demo');
    expect(s.world.ended).toEqual([3]);
    expect(s.kube.all(Pods)).toEqual([]);
  };
  const { effects } = await survive(undefined, prepared, remove, gone);
  expect(effects).toBeGreaterThan(8);
  await forEachDeath(alternateDeaths(effects), async (death) => await survive(death, prepared, remove, gone));
}, 600_000);
