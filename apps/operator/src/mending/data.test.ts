import { conditionOf } from '@polarstack/domain';
import { Events, PersistentVolumeClaims, Pods } from '@polarstack/kube';
import { expect, test } from 'vitest';
import { mendingScene } from '../testing/mending-scene.ts';

const at = (name: string) => ({ namespace: 'default', name });

test('H3: a replica whose claim is gone gets a new one under its ids, and a copy of the primary', async () => {
  const { s, eventually } = await mendingScene();
  const key = at('demo-1003-1004');
  const [claim, pod] = [await s.kube.get(PersistentVolumeClaims, key), await s.kube.get(Pods, key)];
  s.world.loseData(key.name);
  await s.kube.delete(PersistentVolumeClaims, key);
  await eventually('another pod that is ready', async () => {
    const found = await s.kube.find(Pods, key);
    const ready = found?.status?.conditions?.some(({ type, status }) => type === 'Ready' && status === 'True');
    return ready && found?.metadata?.uid !== pod.metadata?.uid ? found : undefined;
  });
  const after = await s.kube.get(PersistentVolumeClaims, key);
  expect(after.metadata?.uid).not.toBe(claim.metadata?.uid);
  expect(after.spec).toEqual(claim.spec);
  expect(after.metadata?.labels).toEqual(claim.metadata?.labels);
  expect(s.world.instances.get(key.name)?.bootstraps).toEqual([
    expect.objectContaining({
      kind: 'basebackup',
      term: expect.objectContaining({ epoch: 1, role: 'replica' }),
      slots: ['ins_1002', 'ins_1006'],
    }),
  ]);
  await s.until('demo', 'Ready', 'True');
  await s.until('demo', 'Degraded', 'False');
  expect(s.world.instances.get('demo-1001-1002')?.bootstrapped).toBe(1);
  await eventually('the event', () => s.kube.all(Events).find(({ reason }) => reason === 'ReplicaRebuilding'));
});

test('H3: a primary whose claim is gone stays down, and condition and Event say so; restored, it works again', async () => {
  const { s, eventually } = await mendingScene();
  const key = at('demo-1001-1002');
  const claim = await s.kube.get(PersistentVolumeClaims, key);
  await s.kube.delete(PersistentVolumeClaims, key);
  await s.kube.delete(Pods, key);
  const told = await eventually('the reason', async () => {
    const { status } = (await s.cluster('demo')) ?? {};
    const degraded = conditionOf(status?.conditions, 'Degraded');
    return degraded?.message?.includes('has no pod') ? degraded : undefined;
  });
  expect(told).toMatchObject({ status: 'True', reason: 'DataMissing' });
  expect(told.message).toContain('volume claim demo-1001-1002 of the primary is gone');
  await eventually('the event', () => s.kube.all(Events).find(({ reason }) => reason === 'DataMissing'));
  const looks = s.world.instances.get('demo-1003-1004')?.calls.length ?? 0;
  await eventually('two more looks', () =>
    (s.world.instances.get('demo-1003-1004')?.calls.length ?? 0) > looks + 1 ? true : undefined,
  );
  expect(await s.kube.find(Pods, key)).toBeUndefined();
  expect(await s.kube.find(PersistentVolumeClaims, key)).toBeUndefined();

  const { labels, ownerReferences } = claim.metadata ?? {};
  await s.kube.create(PersistentVolumeClaims, {
    ...claim,
    metadata: { ...key, ...(labels && { labels }), ...(ownerReferences && { ownerReferences }) },
  });
  await s.until('demo', 'Ready', 'True');
  expect(s.world.instances.get(key.name)?.bootstrapped).toBe(1);
});

test('H3: no empty volume is filled for a primary', async () => {
  const { s } = await mendingScene();
  const key = at('demo-1001-1002');
  s.world.loseData(key.name);
  await s.kube.delete(Pods, key);
  const { status } = await s.until('demo', 'Degraded', 'True');
  expect(status?.clusterStatus).toBe('Running');
  await s.until('demo', 'Available', 'False');
  expect(s.world.instances.get(key.name)?.bootstrapped ?? 0).toBe(0);
});

test('a claim that is being deleted is told while its pod still keeps it', async () => {
  const { s, eventually } = await mendingScene();
  const key = at('demo-1001-1002');
  await s.kube.patch(PersistentVolumeClaims, key, {
    type: 'merge',
    body: { metadata: { finalizers: ['kubernetes.io/pvc-protection'] } },
  });
  await s.kube.delete(PersistentVolumeClaims, key);
  const told = await eventually('the reason', async () => {
    const degraded = conditionOf((await s.cluster('demo'))?.status?.conditions, 'Degraded');
    return degraded?.reason === 'DataMissing' ? degraded : undefined;
  });
  expect(told.message).toContain('is being deleted: its data goes when its pod ends. Leave the pod alone');
  expect(s.kube.all(Pods)).toHaveLength(3);
});
