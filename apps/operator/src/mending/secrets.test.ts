import { CLUSTER_FINALIZER, labels, MPDClusters, names } from '@polarstack/api';
import { conditionOf, secretValue } from '@polarstack/domain';
import { ConfigMaps, Events, Secrets, Services } from '@polarstack/kube';
import { expect, test } from 'vitest';
import { mendingScene } from '../testing/mending-scene.ts';

const at = (name: string) => ({ namespace: 'default', name });

test('ME1: certificates that are gone are issued again by the same authority', async () => {
  const { s, eventually } = await mendingScene();
  const ca = secretValue(await s.kube.get(Secrets, at('demo-ca')), 'ca.crt');
  for (const name of ['demo-1003-1004-tls', 'demo-client-operator', 'demo-client-replicator']) {
    const before = await s.kube.get(Secrets, at(name));
    await s.kube.delete(Secrets, at(name));
    const after = await eventually(name, async () => await s.kube.find(Secrets, at(name)));
    expect(secretValue(after, 'ca.crt')).toBe(ca);
    expect(after.data?.['tls.crt']).not.toBe(before.data?.['tls.crt']);
    expect(after.metadata?.labels).toEqual(before.metadata?.labels);
    await eventually('the event', () =>
      s.kube.all(Events).find(({ reason, message }) => reason === 'CertificateReissued' && message?.includes(name)),
    );
  }
});

test('ME1: a password that is gone is set anew, in the database and in a new Secret', async () => {
  const { s, eventually } = await mendingScene();
  const { verifiers } = s.world.instances.get('demo-1001-1002') ?? {};
  for (const [name, role, key] of [
    ['demo-app', 'app', 'password'],
    ['demo-1000-aurora', 'aurora', 'Password'],
    ['demo-1000-replicator', 'replicator', 'Password'],
  ] as const) {
    const before = await s.kube.get(Secrets, at(name));
    verifiers?.delete(role);
    await s.kube.delete(Secrets, at(name));
    const after = await eventually(name, async () => await s.kube.find(Secrets, at(name)));
    expect(Object.keys(after.data ?? {}).sort()).toEqual(Object.keys(before.data ?? {}).sort());
    expect(secretValue(after, key)).not.toBe(secretValue(before, key));
    expect(verifiers?.get(role)).toMatch(/^SCRAM-SHA-256\$/);
    await eventually('the event', () =>
      s.kube.all(Events).find(({ reason, message }) => reason === 'PasswordReset' && message?.includes(name)),
    );
  }
  // In no Event, and nowhere but in the Secret.
  const password = secretValue(await s.kube.get(Secrets, at('demo-app')), 'password') ?? '';
  expect(JSON.stringify([s.kube.all(Events), s.kube.all(MPDClusters)])).not.toContain(password);
});

test('a password that cannot be set yet is told, and set once the primary answers', async () => {
  const { s, eventually } = await mendingScene();
  s.world.off.add('demo-1001-1002');
  await s.until('demo', 'Degraded', 'True');
  await s.kube.delete(Secrets, at('demo-app'));
  const told = await eventually('the reason', async () =>
    (await s.cluster('demo'))?.status?.conditions?.find(({ reason }) => reason === 'SecretMissing'),
  );
  expect(told.message).toContain('Secret demo-app with the password of role app is gone');
  s.world.off.clear();
  await eventually('the Secret', async () => await s.kube.find(Secrets, at('demo-app')));
  await s.until('demo', 'Degraded', 'False');
});

test('an authority that is gone is told and never replaced; restored, it signs again', async () => {
  const { s, eventually } = await mendingScene();
  const { data } = await s.kube.get(Secrets, at('demo-ca'));
  await s.kube.delete(Secrets, at('demo-ca'));
  const { status } = await s.until('demo', 'Degraded', 'True');
  const degraded = conditionOf(status?.conditions, 'Degraded');
  expect(degraded).toMatchObject({ reason: 'AuthorityMissing' });
  expect(degraded?.message).toMatch(/Secret demo-ca .* is gone\. Restore the Secret/);
  expect(conditionOf(status?.conditions, 'Ready')?.status).toBe('True');
  await eventually('the event', () => s.kube.all(Events).find(({ reason }) => reason === 'AuthorityMissing'));
  await s.kube.delete(Secrets, at('demo-1003-1004-tls'));
  // Without its labels, as `kubectl create secret` makes it; where it is signs for the certificate that is gone too.
  await s.kube.create(Secrets, { metadata: at('demo-ca'), ...(data && { data }) });
  const leaf = await eventually('the certificate', async () => await s.kube.find(Secrets, at('demo-1003-1004-tls')));
  expect(leaf.data?.['ca.crt']).toBe(data?.['ca.crt']);
  const restored = await s.kube.get(Secrets, at('demo-ca'));
  expect(restored.metadata?.labels).toMatchObject({ [labels.secretCluster]: 'demo' });
  expect(restored.data).toEqual(data);
  await s.until('demo', 'Degraded', 'False');
});

test('ME1: ConfigMaps that are gone are made again as they were', async () => {
  const { s, eventually } = await mendingScene();
  for (const name of [names.ca('demo'), names.userParams('demo'), names.runningParams('demo')]) {
    const before = await s.kube.get(ConfigMaps, at(name));
    await s.kube.delete(ConfigMaps, at(name));
    const after = await eventually(name, async () => await s.kube.find(ConfigMaps, at(name)));
    expect(after.metadata?.labels).toEqual(before.metadata?.labels);
    const timeless = (data: unknown): string => JSON.stringify(data).replaceAll(/\d{4}-\d\d-\d\d[T ][\d:.]+Z?/g, '');
    expect(timeless(after.data)).toBe(timeless(before.data));
  }
});

test("CC2: a living cluster's finalizer that was taken away comes back", async () => {
  const { s, eventually } = await mendingScene();
  await s.kube.patch(MPDClusters, at('demo'), { type: 'merge', body: { metadata: { finalizers: null } } });
  await eventually('the finalizer', async () =>
    (await s.cluster('demo'))?.metadata.finalizers?.includes(CLUSTER_FINALIZER) ? true : undefined,
  );
  await s.kube.delete(MPDClusters, at('demo'));
  await s.untilGone('demo');
  expect(s.kube.all(Secrets)).toEqual([]);
});

test("the application's Secret follows the address of the rw service", async () => {
  const { s, eventually } = await mendingScene();
  const before = await s.kube.get(Secrets, at('demo-app'));
  const clusterIP = (await s.kube.get(Services, at('demo-rw'))).spec?.clusterIP ?? '';
  s.kube.afterWrite = (verb, plural) => {
    if (verb !== 'delete' || plural !== 'services') return;
    s.kube.afterWrite = undefined;
    void s.kube.create(Services, { metadata: at('thief'), spec: { clusterIP } });
  };
  await s.kube.delete(Services, at('demo-rw'));
  const after = await eventually('the host', async () => {
    const secret = await s.kube.get(Secrets, at('demo-app'));
    return secretValue(secret, 'host') === clusterIP ? undefined : secret;
  });
  const host = secretValue(after, 'host') ?? '';
  expect((await s.kube.get(Services, at('demo-rw'))).spec?.clusterIP).toBe(host);
  expect(secretValue(after, 'uri')).toBe(secretValue(before, 'uri')?.replace(clusterIP, host));
  expect(after.data?.password).toBe(before.data?.password);
});

test('ME4: parameters and accounts that a user made for the cluster stay as they are', async () => {
  const { s, eventually } = await mendingScene();
  const free = { type: 'merge', body: { metadata: { labels: null, ownerReferences: null } } } as const;
  await s.kube.patch(ConfigMaps, at('demo-user-params'), free);
  await s.kube.patch(Secrets, at('demo-1000-aurora'), free);
  const looks = () => s.world.instances.get('demo-1003-1004')?.calls.length ?? 0;
  const before = looks();
  await eventually('two looks', () => (looks() >= before + 2 ? true : undefined));
  for (const resource of [ConfigMaps, Secrets] as (typeof ConfigMaps)[]) {
    for (const { metadata } of s.kube.all(resource)) {
      if (!['demo-user-params', 'demo-1000-aurora'].includes(metadata?.name ?? '')) continue;
      expect([metadata?.labels, metadata?.ownerReferences]).toEqual([undefined, undefined]);
    }
  }
});
