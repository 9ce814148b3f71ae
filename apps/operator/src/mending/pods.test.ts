import { annotations, labels, MPDClusters } from '@polarstack/api';
import { Events, Pods } from '@polarstack/kube';
import { expect, test } from 'vitest';
import { mendingScene } from '../testing/mending-scene.ts';

const key = { namespace: 'default', name: 'demo-1001-1002' };

test('ME1, ME2: a pod that lost its labels and its owner is found by its name, and gets them back', async () => {
  const { s, eventually } = await mendingScene();
  const before = await s.kube.get(Pods, key);
  const nothing = Object.fromEntries(Object.keys(before.metadata?.labels ?? {}).map((label) => [label, null]));
  const body = { metadata: { labels: { ...nothing, mine: 'kept' }, ownerReferences: null } };
  await s.kube.patch(Pods, key, { type: 'merge', body });
  const after = await eventually('labels and owner', async () => {
    const { metadata } = await s.kube.get(Pods, key);
    return metadata?.labels?.[labels.clusterName] && metadata.ownerReferences ? metadata : undefined;
  });
  expect(after.uid).toBe(before.metadata?.uid);
  expect(after.labels).toEqual({ ...before.metadata?.labels, mine: 'kept' });
  expect(after.ownerReferences).toEqual(before.metadata?.ownerReferences);
  await s.until('demo', 'Ready', 'True');
  await eventually('the event', () => s.kube.all(Events).find(({ reason }) => reason === 'PodRelabelled'));
  expect(s.kube.all(Events).map(({ reason }) => reason)).not.toContain('PodRecreated');
});

test('ME1: an image that somebody changed is put back', async () => {
  const { s, eventually } = await mendingScene();
  const before = await s.kube.get(Pods, key);
  const containers = (before.spec?.containers ?? []).map((each) => ({ ...each, image: 'polarstack/postgres:9' }));
  await s.kube.patch(Pods, key, { type: 'merge', body: { spec: { containers } } });
  await eventually('the image', async () => {
    const { spec } = await s.kube.get(Pods, key);
    return spec?.containers[0]?.image === 'polarstack/postgres:15' ? true : undefined;
  });
  expect((await s.kube.get(Pods, key)).spec).toEqual(before.spec);
});

test('ME1: an instance that an operation gave another class and image keeps them, whoever makes its pod again', async () => {
  const { s, eventually } = await mendingScene();
  const own = {
    versionInfo: { engineImage: 'polarstack/postgres:15.19', versionName: 'x' },
    insClassInfo: { className: 'local.medium' },
  };
  const { namespace } = key;
  const replica = { namespace, name: 'demo-1003-1004' };
  const cluster = await s.kube.get(MPDClusters, { namespace, name: 'demo' });
  const entries = cluster.status?.dbInstanceStatus ?? {};
  const dbInstanceStatus = { ...entries, 1004: { ...entries[1004], ...own } };
  await s.kube.replaceStatus(MPDClusters, { ...cluster, status: { ...cluster.status, dbInstanceStatus } });
  const { metadata } = await s.kube.get(Pods, replica);
  await s.kube.delete(Pods, replica, { gracePeriodSeconds: 0 });
  const made = await eventually('another pod', async () => {
    const found = await s.kube.find(Pods, replica);
    return found && found.metadata?.uid !== metadata?.uid ? found : undefined;
  });
  expect(made.spec?.containers[0]).toMatchObject({
    image: 'polarstack/postgres:15.19',
    resources: { limits: { cpu: '2', memory: '2048Mi' } },
  });
  expect(made.metadata?.annotations?.[annotations.instanceClass]).toBe('local.medium');
  expect((await s.kube.get(Pods, key)).spec?.containers[0]).toMatchObject({
    image: 'polarstack/postgres:15',
    resources: { limits: { cpu: '1' } },
  });
});

test.each([
  [
    'an owner of its own',
    { ownerReferences: [{ apiVersion: 'v1', kind: 'X', name: 'x', uid: 'y', controller: true }] },
  ],
  ['no owner, and not an instance', {}],
])('ME4: a pod under the name of an instance with %s is reported and left alone', async (_, metadata) => {
  const { s, eventually } = await mendingScene();
  const foreign = { ...key, name: 'demo-1003-1004' };
  s.kube.afterWrite = (verb, plural, name) => {
    if (verb !== 'delete' || plural !== 'pods' || name !== foreign.name || s.kube.all(Pods).length > 2) return;
    s.kube.afterWrite = undefined;
    void s.kube.create(Pods, { metadata: { ...foreign, ...metadata }, spec: { containers: [{ name: 'other' }] } });
  };
  await s.kube.delete(Pods, foreign, { gracePeriodSeconds: 0 });
  const told = await eventually('the reason', async () =>
    (await s.cluster('demo'))?.status?.conditions?.find(({ type, reason }) => {
      return type === 'Degraded' && reason === 'NameTaken';
    }),
  );
  expect(told.message).toContain(`Pod ${foreign.name} exists and does not belong to the cluster`);
  expect((await s.kube.get(Pods, foreign)).metadata?.labels).toBeUndefined();
});
