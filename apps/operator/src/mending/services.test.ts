import { labels, MPDClusters, names } from '@polarstack/api';
import { secretValue } from '@polarstack/domain';
import { Events, Secrets, Services } from '@polarstack/kube';
import { expect, test } from 'vitest';
import { mendingScene, namesOf } from '../testing/mending-scene.ts';

const key = { namespace: 'default', name: 'demo-rw' };

test('ME1: a deleted service comes back at its address, and leads where it led', async () => {
  const { s, eventually } = await mendingScene();
  const before = await s.kube.get(Services, key);
  await s.kube.delete(Services, key);
  const after = await eventually('the service', async () => await s.kube.find(Services, key));
  expect(after.metadata?.uid).not.toBe(before.metadata?.uid);
  expect(after.spec).toEqual(before.spec);
  await eventually('the event', () => s.kube.all(Events).find(({ reason }) => reason === 'ServiceRecreated'));
  await s.until('demo', 'Ready', 'True');
});

test('a service whose address was taken meanwhile gets another: certificates, Secret and status follow', async () => {
  const { s, eventually } = await mendingScene();
  const before = await s.kube.get(Services, key);
  const clusterIP = before.spec?.clusterIP ?? '';
  s.kube.afterWrite = (verb, plural) => {
    if (verb !== 'delete' || plural !== 'services') return;
    s.kube.afterWrite = undefined;
    void s.kube.create(Services, { metadata: { name: 'thief', namespace: 'default' }, spec: { clusterIP } });
  };
  await s.kube.delete(Services, key);
  const after = await eventually('the service', async () => await s.kube.find(Services, key));
  const address = after.spec?.clusterIP ?? '';
  expect(address).not.toBe(clusterIP);
  await eventually('the status', async () =>
    (await s.cluster('demo'))?.status?.endpoints?.rw?.host === address ? true : undefined,
  );
  await eventually('the certificates', async () => {
    const secret = await s.kube.get(Secrets, { namespace: 'default', name: names.podTls('demo-1003-1004') });
    return namesOf(secretValue(secret, 'tls.crt') ?? '').includes(`IP Address:${address}`) ? true : undefined;
  });
});

test('ME1: a changed selector and labels that were taken away are put back', async () => {
  const { s, eventually } = await mendingScene();
  const before = await s.kube.get(Services, key);
  const wrong = { metadata: { labels: { [labels.cluster]: null } }, spec: { selector: { [labels.role]: 'nobody' } } };
  await s.kube.patch(Services, key, { type: 'merge', body: wrong });
  await eventually('the service', async () => {
    const { metadata, spec } = await s.kube.get(Services, key);
    const same = JSON.stringify(spec?.selector) === JSON.stringify(before.spec?.selector);
    return same && metadata?.labels?.[labels.cluster] === 'demo' ? true : undefined;
  });
});

test('ME4: a service of that name that belongs to somebody else is reported and left alone', async () => {
  const { s, eventually } = await mendingScene();
  s.kube.afterWrite = (verb, plural) => {
    if (verb !== 'delete' || plural !== 'services') return;
    s.kube.afterWrite = undefined;
    const owner = { apiVersion: 'v1', kind: 'ConfigMap', name: 'x', uid: 'another', controller: true };
    void s.kube.create(Services, { metadata: { ...key, ownerReferences: [owner] }, spec: {} });
  };
  await s.kube.delete(Services, key);
  const { status } = await s.until('demo', 'Degraded', 'True');
  const told = await eventually('the reason', async () =>
    (await s.cluster('demo'))?.status?.conditions?.find(({ reason }) => reason === 'NameTaken'),
  );
  expect(told.message).toContain('demo-rw');
  expect(status?.clusterStatus).toBe('Running');
  expect((await s.kube.get(Services, key)).metadata?.ownerReferences?.[0]?.uid).toBe('another');
  expect(s.kube.all(MPDClusters)).toHaveLength(1);
});
