import { CLUSTER_FINALIZER, labels, MPDClusters, MPDOperations } from '@polarstack/api';
import { waitFor } from '@polarstack/base';
import { conditionOf, secretValue } from '@polarstack/domain';
import { ConfigMaps, Events, PersistentVolumeClaims, Pods, Secrets, Services } from '@polarstack/kube';
import { afterEach, expect, test } from 'vitest';
import { byName, createScene, verboseLogger } from './testing/scene.ts';

let close: () => Promise<void> = async () => {};
afterEach(async () => await close());

async function scene() {
  const made = await createScene(process.env.VERBOSE ? verboseLogger() : undefined);
  close = made.close;
  return made;
}
type Scene = Awaited<ReturnType<typeof scene>>;

const eventually = async <T>(s: Scene, what: string, check: () => Promise<T | undefined> | T | undefined): Promise<T> =>
  await waitFor(what, async () => await check(), { signal: s.signal, timeoutMs: 30_000, intervalMs: 5 });

/** Everything but Events and what is not the cluster's. */
const leftovers = (s: Scene) =>
  [Pods, Services, Secrets, PersistentVolumeClaims, MPDOperations, MPDClusters].flatMap((resource) =>
    s.kube.all(resource as typeof Pods).map(({ kind, metadata }) => `${kind} ${metadata?.name}`),
  );

const eventsOf = (s: Scene) => s.kube.all(Events).map(({ reason, message }) => `${reason}: ${message}`);

test('a cluster is made: steps, ids, names, labels, Secrets, endpoints and status', async () => {
  const s = await scene();
  await s.start();
  await s.create('demo');
  const { status, metadata } = await s.until('demo', 'Ready', 'True');
  expect(metadata.finalizers).toEqual([CLUSTER_FINALIZER]);
  expect(status).toMatchObject({
    clusterStatus: 'Running',
    instances: '3/3',
    followerNum: 2,
    logicId: '1000',
    leaderInstanceId: '1002',
    observedGeneration: 1,
    epoch: 1,
    engine: { type: 'postgres', version: '15', image: 'polarstack/postgres:15' },
    insClassInfo: { className: 'local.small', cpu: '1', memory: '512Mi' },
    endpoints: { rw: { service: 'demo-rw', port: 5432 }, ro: { service: 'demo-ro' } },
  });
  expect(Object.keys(status?.dbInstanceStatus ?? {})).toEqual(['1002', '1004', '1006']);
  expect(status?.dbInstanceStatus?.['1004']).toMatchObject({
    physicalInsId: '1003',
    podName: 'demo-1003-1004',
    insType: 'ro',
    role: 'replica',
    installed: true,
    ready: true,
    streaming: true,
    lagBytes: 0,
    observedAt: expect.any(String),
    currentState: { state: 'RUNNING' },
  });
  const conditions = Object.fromEntries((status?.conditions ?? []).map(({ type, status: value }) => [type, value]));
  expect(conditions).toEqual({
    Accepted: 'True',
    Available: 'True',
    Degraded: 'False',
    DeletionRefused: 'False',
    Progressing: 'False',
    Ready: 'True',
  });
  const operation = await eventually(s, 'the operation to end', () =>
    s.operations().find(({ status: { phase } = {} }) => phase === 'Succeeded'),
  );
  expect(operation.status?.steps?.map(({ name }) => name)).toEqual([
    'InitMeta',
    'CreateServices',
    'EnsureSecrets',
    'EnsureParameters',
    'PrepareStorage',
    'CreatePods',
    'BootstrapPrimary',
    'JoinReplicas',
    'VerifyCluster',
    'UpdateRunningStatus',
  ]);
  expect(operation.status?.currentStep).toBe('10/10');
  expect(
    s.kube
      .all(Secrets)
      .map(({ metadata: m }) => m?.name ?? '')
      .sort(byName),
  ).toEqual(
    [
      'demo-1000-aurora',
      'demo-1000-replicator',
      'demo-1001-1002-tls',
      'demo-1003-1004-tls',
      'demo-1005-1006-tls',
      'demo-app',
      'demo-ca',
      'demo-client-cluster-manager',
      'demo-client-operator',
      'demo-client-replicator',
    ].sort(byName),
  );
  const { bootstraps: [primary] = [], databases, verifiers } = s.world.instances.get('demo-1001-1002') ?? {};
  expect([...(databases ?? [])]).toEqual([['app', 'app']]);
  expect([...(verifiers?.keys() ?? [])].sort(byName)).toEqual(['app', 'aurora', 'replicator']);
  expect(primary).toMatchObject({
    kind: 'initdb',
    term: { epoch: 1, role: 'primary' },
    slots: ['ins_1004', 'ins_1006'],
    initdb: { encoding: 'UTF8', locale: 'C.UTF-8', dataChecksums: true },
  });
  const [replica] = s.world.instances.get('demo-1003-1004')?.bootstraps ?? [];
  expect(replica).toMatchObject({
    kind: 'basebackup',
    term: {
      epoch: 1,
      role: 'replica',
      upstream: { instanceId: '1002', serverName: 'demo-1001-1002', slot: 'ins_1004' },
    },
    slots: ['ins_1002', 'ins_1006'],
  });
  await eventually(s, 'the events', () => (eventsOf(s).some((e) => e.startsWith('ClusterReady')) ? true : undefined));
  expect(eventsOf(s).filter((text) => text.startsWith('ClusterCreating'))).toHaveLength(1);
});

test('passwords are in Secrets and nowhere else, and differ from cluster to cluster', async () => {
  const s = await scene();
  await s.start();
  await Promise.all([s.create('one'), s.create('two', { followerNum: 1 })]);
  await Promise.all([s.until('one', 'Ready', 'True'), s.until('two', 'Ready', 'True')]);
  const passwords = s.kube
    .all(Secrets)
    .flatMap((secret) => secretValue(secret, 'password') ?? secretValue(secret, 'Password') ?? []);
  expect(new Set(passwords).size).toBe(6);
  const elsewhere = JSON.stringify([
    s.kube.all(MPDClusters),
    s.kube.all(MPDOperations),
    s.kube.all(ConfigMaps),
    s.kube.all(Pods),
    s.kube.all(Events),
    [...s.world.instances.values()].map(({ bootstraps, verifiers }) => [bootstraps, ...verifiers]),
  ]);
  for (const password of passwords) {
    expect(elsewhere).not.toContain(password);
    expect(elsewhere).not.toContain(Buffer.from(password).toString('base64'));
  }
});

test('clusters made side by side share no id', async () => {
  const s = await scene();
  await s.start();
  const clusters = ['a', 'b', 'c', 'd'];
  await Promise.all(clusters.map(async (name) => await s.create(name, { followerNum: 1 })));
  const made = await Promise.all(clusters.map(async (name) => await s.until(name, 'Ready', 'True')));
  const ids = made.flatMap(({ status }) => [
    status?.logicId,
    ...Object.values(status?.dbInstanceStatus ?? {}).flatMap(({ insId, physicalInsId }) => [insId, physicalInsId]),
  ]);
  expect(ids).toHaveLength(20);
  expect(new Set(ids).size).toBe(20);
});

test('a cluster on the host network gets one engine port and one agent port, and gives them back', async () => {
  const s = await scene();
  await s.start();
  await s.create('demo', { netCfg: { engineStartPort: 5401 } });
  const { status } = await s.until('demo', 'Ready', 'True');
  const ports = Object.values(status?.dbInstanceStatus ?? {}).map(({ netInfo }) => netInfo);
  for (const net of ports) expect(net).toMatchObject({ netType: 'host', workingPort: 5401, agentPort: 36001 });
  await s.create('other', { netCfg: { engineStartPort: 5401 } });
  const { status: refused } = await s.until('other', 'Accepted', 'False');
  expect(conditionOf(refused?.conditions, 'Accepted')?.reason).toBe('PortInUse');
  await s.kube.delete(MPDClusters, { namespace: 'default', name: 'demo' });
  await s.until('other', 'Ready', 'True');
});

test('CC1: a spec that cannot be carried out makes nothing, says why, and is carried out once it can', async () => {
  const s = await scene();
  await s.start();
  await s.create('demo', { classInfo: { className: 'nonsense' } });
  const rejected = await s.until('demo', 'Accepted', 'False');
  expect(conditionOf(rejected.status?.conditions, 'Accepted')).toMatchObject({
    reason: 'ClassUnknown',
    message: expect.stringContaining('local.small'),
  });
  expect(rejected.status).toMatchObject({ clusterStatus: 'Init', observedGeneration: 1 });
  await eventually(s, 'the event', () => (eventsOf(s).some((e) => e.startsWith('ClassUnknown')) ? true : undefined));
  expect(rejected.metadata.finalizers).toBeUndefined();
  expect(leftovers(s)).toEqual(['MPDCluster demo']);
  const counters = await s.kube.get(ConfigMaps, { namespace: 'kube-system', name: 'polardb4mpd-controller' });
  expect(counters.data?.NextClusterScopeCustInsId).toBe('1000');

  const body = { spec: { classInfo: { className: 'local.small' } } };
  await s.kube.patch(MPDClusters, { namespace: 'default', name: 'demo' }, { type: 'merge', body });
  await s.until('demo', 'Ready', 'True');
});

test('what is not built yet changes nothing and is refused with a remedy', async () => {
  const s = await scene();
  await s.start();
  await s.create('demo');
  await s.until('demo', 'Ready', 'True');
  const pods = s.kube.all(Pods).map(({ metadata }) => metadata?.uid);
  const key = { namespace: 'default', name: 'demo' };
  for (const spec of [
    { localStore: { storageClassName: 'other' } },
    { durability: { mode: 'sync', minSync: 1 } },
    { engine: { type: 'postgres', version: '16' } },
  ]) {
    const original = await s.kube.get(MPDClusters, key);
    await s.kube.patch(MPDClusters, key, { type: 'merge', body: { spec } });
    const refused = await s.until('demo', 'Accepted', 'False');
    expect(conditionOf(refused.status?.conditions, 'Accepted')).toMatchObject({ reason: 'NotSupportedYet' });
    expect(conditionOf(refused.status?.conditions, 'Ready')?.status).toBe('True');
    expect(refused.status?.observedGeneration).toBe(refused.metadata.generation);
    const current = await s.kube.get(MPDClusters, key);
    await s.kube.replace(MPDClusters, { ...current, spec: original.spec });
    await s.until('demo', 'Accepted', 'True');
  }
  expect(s.kube.all(Pods).map(({ metadata }) => metadata?.uid)).toEqual(pods);
  expect(s.operations()).toHaveLength(1);
});

test('what a living cluster was made with is remembered: each change of it is refused, and taken back it is fine', async () => {
  const s = await scene();
  const { operator } = await s.start();
  const made = { parameters: { work_mem: '7MB' }, localStore: { size: '1Gi' } };
  await s.create('demo', { followerNum: 1, ...made });
  const { status } = await s.until('demo', 'Ready', 'True');
  expect(status?.appliedSpec).toMatchObject(made);
  const key = { namespace: 'default', name: 'demo' };
  // It is in the object, not in the operator.
  await operator.close();
  await s.start();
  const cases: readonly [Record<string, unknown>, string][] = [
    [{ localStore: { storageClassName: 'other' } }, 'spec.localStore.storageClassName'],
    [{ initdb: { encoding: 'LATIN1' } }, 'spec.initdb.encoding'],
    [{ durability: { mode: 'async', minSync: 3 } }, 'spec.durability.minSync'],
    [{ netCfg: { engineStartPort: 5500 } }, 'spec.netCfg.engineStartPort'],
  ];
  for (const [spec, text] of cases) {
    const original = await s.kube.get(MPDClusters, key);
    await s.kube.patch(MPDClusters, key, { type: 'merge', body: { spec } });
    const refused = await s.until('demo', 'Accepted', 'False');
    const accepted = conditionOf(refused.status?.conditions, 'Accepted');
    expect(accepted).toMatchObject({ reason: 'NotSupportedYet', message: expect.stringContaining(text) });
    if ('netCfg' in spec) {
      // What is mended meanwhile is made as it was.
      await s.kube.delete(Pods, { namespace: 'default', name: 'demo-1003-1004' });
      const pod = await eventually(s, 'the pod', async () =>
        s.kube.find(Pods, { namespace: 'default', name: 'demo-1003-1004' }),
      );
      expect(pod.spec?.hostNetwork ?? false).toBe(false);
    }
    await s.kube.replace(MPDClusters, { ...(await s.kube.get(MPDClusters, key)), spec: original.spec });
    await s.until('demo', 'Accepted', 'True');
  }
  expect((await s.cluster('demo'))?.status?.appliedSpec).toEqual(status?.appliedSpec);
  expect(s.operations()).toHaveLength(1);
});

test('a cluster made before specs were recorded is compared with the first that is accepted', async () => {
  const s = await scene();
  const { operator } = await s.start();
  await s.create('demo', { followerNum: 0 });
  await s.until('demo', 'Ready', 'True');
  await operator.close();
  const key = { namespace: 'default', name: 'demo' };
  await s.kube.patchStatus(MPDClusters, key, { type: 'merge', body: { status: { appliedSpec: null } } });
  await s.start();
  await eventually(s, 'the record', async () => (await s.cluster('demo'))?.status?.appliedSpec);
  await s.kube.patch(MPDClusters, key, {
    type: 'merge',
    body: { spec: { localStore: { storageClassName: 'other' } } },
  });
  await s.until('demo', 'Accepted', 'False');
});

test('a deletion leaves nothing', async () => {
  const s = await scene();
  await s.start();
  const before = leftovers(s);
  await s.create('demo');
  await s.until('demo', 'Ready', 'True');
  await s.kube.delete(MPDClusters, { namespace: 'default', name: 'demo' });
  await s.untilGone('demo');
  expect(leftovers(s)).toEqual(before);
  expect(s.kube.all(ConfigMaps).filter(({ metadata }) => metadata?.labels?.[labels.cluster])).toEqual([]);
  for (const { calls } of s.world.instances.values()) expect(calls).toContain('stop');
});

test('a deletion works while the cluster is still being made, and on one that never became anything', async () => {
  const s = await scene();
  await s.start();
  s.world.off.add('half-1001-1002');
  await s.create('half');
  await eventually(s, 'the pods', () => (s.kube.all(Pods).length === 3 ? true : undefined));
  await s.create('wrong', { classInfo: { className: 'nonsense' } });
  await s.until('wrong', 'Accepted', 'False');
  for (const name of ['half', 'wrong']) await s.kube.delete(MPDClusters, { namespace: 'default', name });
  await s.untilGone('wrong');
  // The node of one pod is off: its agent does not answer, and the pod goes by force.
  await s.untilGone('half');
  expect(leftovers(s)).toEqual([]);
});

test('deletion protection refuses a deletion until it is taken away', async () => {
  const s = await scene();
  await s.start();
  await s.create('demo', { deletionProtection: true });
  await s.until('demo', 'Ready', 'True');
  const key = { namespace: 'default', name: 'demo' };
  await s.kube.delete(MPDClusters, key);
  const refused = await s.until('demo', 'DeletionRefused', 'True');
  expect(conditionOf(refused.status?.conditions, 'DeletionRefused')).toMatchObject({
    reason: 'DeletionProtected',
    message: expect.stringContaining('spec.deletionProtection'),
  });
  await eventually(s, 'the event', () =>
    eventsOf(s).some((e) => e.startsWith('DeletionProtected')) ? true : undefined,
  );
  expect(conditionOf(refused.status?.conditions, 'Ready')?.status).toBe('True');
  expect(s.kube.all(Pods)).toHaveLength(3);
  await s.kube.patch(MPDClusters, key, { type: 'merge', body: { spec: { deletionProtection: false } } });
  await s.untilGone('demo');
});

test('CC5: a protected cluster stays in a namespace that is deleted, and goes when it is protected no more', async () => {
  const s = await scene();
  await s.start();
  await s.create('demo', { deletionProtection: true, followerNum: 0 });
  await s.until('demo', 'Ready', 'True');
  s.kube.endNamespace('default', [MPDClusters]);
  const refused = await s.until('demo', 'DeletionRefused', 'True');
  expect(conditionOf(refused.status?.conditions, 'Ready')?.status).toBe('True');
  expect(s.kube.all(Pods)).toHaveLength(1);
  const body = { spec: { deletionProtection: false } };
  await s.kube.patch(MPDClusters, { namespace: 'default', name: 'demo' }, { type: 'merge', body });
  await s.untilGone('demo');
  expect(leftovers(s)).toEqual([]);
});

test('clusters of another operator are left alone', async () => {
  const s = await scene();
  await s.start();
  await s.create('theirs', { operatorName: 'somebody' });
  await s.create('ours', { followerNum: 0 });
  await s.until('ours', 'Ready', 'True');
  expect((await s.cluster('theirs'))?.status).toBeUndefined();
});
