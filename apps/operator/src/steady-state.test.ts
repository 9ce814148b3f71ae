import { labels, MPDClusters, MPDOperations, names } from '@polarstack/api';
import { StackError, waitFor } from '@polarstack/base';
import { conditionOf } from '@polarstack/domain';
import { Events, Pods, Services } from '@polarstack/kube';
import { afterEach, expect, test } from 'vitest';
import { createScene, verboseLogger } from './testing/scene.ts';

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

test('H1: a deleted pod comes back with its ids and data; terms are left to the cluster manager', async () => {
  const s = await scene();
  await s.start();
  await s.create('demo');
  await s.until('demo', 'Ready', 'True');
  const key = { namespace: 'default', name: 'demo-1001-1002' };
  const before = await s.kube.get(Pods, key);
  await s.kube.delete(Pods, key);
  const after = await eventually(s, 'the new pod to be ready', async () => {
    const pod = await s.kube.find(Pods, key);
    const ready = pod?.status?.conditions?.some(({ type, status }) => type === 'Ready' && status === 'True');
    return pod && ready && pod.metadata?.uid !== before.metadata?.uid ? pod : undefined;
  });
  expect(after.spec).toEqual(before.spec);
  expect(after.metadata?.labels).toEqual(before.metadata?.labels);
  const replica = s.world.instances.get('demo-1003-1004');
  await s.until('demo', 'Ready', 'True');
  expect(s.world.instances.get('demo-1001-1002')?.bootstrapped).toBe(1);
  expect(
    replica?.calls.filter((call) => call === 'setTerm'),
    'H4: the new address is told by the cluster manager',
  ).toEqual([]);
});

test('an engine that stands still is started, a wrong label is mended, and trouble is shown while it lasts', async () => {
  const s = await scene();
  await s.start();
  await s.create('demo');
  await s.until('demo', 'Ready', 'True');
  const key = { namespace: 'default', name: 'demo-1003-1004' };
  await s.kube.patch(Pods, key, { type: 'merge', body: { metadata: { labels: { [labels.role]: 'primary' } } } });
  await eventually(s, 'the label', async () =>
    (await s.kube.get(Pods, key)).metadata?.labels?.[labels.role] === 'replica' ? true : undefined,
  );
  const instance = s.world.instances.get('demo-1003-1004');
  if (!instance) throw new Error('no such instance');
  instance.state = 'failed';
  await s.kube.patch(Pods, key, { type: 'merge', body: { metadata: { labels: { look: 'again' } } } });
  const degraded = await s.until('demo', 'Degraded', 'True');
  expect(conditionOf(degraded.status?.conditions, 'Degraded')?.message).toContain('the engine is failed');
  expect(conditionOf(degraded.status?.conditions, 'Available')?.status).toBe('True');
  expect(degraded.status).toMatchObject({ instances: '2/3' });
  instance.state = 'stopped';
  await s.until('demo', 'Ready', 'True');
  expect(instance.calls).toContain('start');
});

test('CC4: a quiet cluster is not written', async () => {
  const s = await scene();
  await s.start();
  await s.create('demo');
  await s.until('demo', 'Ready', 'True');
  await eventually(s, 'the operation to end', () => s.operations().find(({ status }) => status?.phase === 'Succeeded'));
  const looks = () => s.world.instances.get('demo-1001-1002')?.calls.filter((call) => call === 'status').length ?? 0;
  // Certificates are completed with the pods' addresses, and events written, in the first looks.
  const settled = looks();
  await eventually(s, 'two more looks', () => (looks() >= settled + 2 ? true : undefined));
  const writes = s.kube.writes.length;
  const then = looks();
  await eventually(s, 'two looks more', () => (looks() >= then + 2 ? true : undefined));
  expect(s.kube.writes.slice(writes)).toEqual([]);
});

test('a step that cannot go on interrupts with code and remedy; a person resumes or cancels it', async () => {
  const s = await scene();
  await s.start();
  s.world.failures.set('bootstrap demo-1001-1002', new StackError('InvalidConfig', 'work_mem: nonsense'));
  await s.create('demo');
  const stopped = await eventually(s, 'the interrupt', () =>
    s.operations().find(({ status }) => status?.phase === 'Interrupted'),
  );
  expect(stopped.status).toMatchObject({
    error: { code: 'InvalidConfig', message: 'work_mem: nonsense', remedy: expect.any(String), retry: 'never' },
    currentStep: '7/10',
  });
  const cluster = await s.until('demo', 'Progressing', 'False');
  expect(cluster.status?.clusterStatus).toBe('Interrupt');
  const key = { namespace: 'default', name: stopped.metadata.name ?? '' };
  const body = { spec: { steering: { action: 'Resume', requestId: 'r1' } } };
  await s.kube.patch(MPDOperations, key, { type: 'merge', body });
  await s.until('demo', 'Ready', 'True');
  expect((await s.kube.get(MPDOperations, key)).status).toMatchObject({ handledSteering: 'r1' });
});

test('operations of a type that is not built, and of somebody else, end with a reason', async () => {
  const s = await scene();
  await s.start();
  await s.create('demo');
  await s.until('demo', 'Ready', 'True');
  for (const type of ['Nonsense', 'Delete']) {
    const name = `by-hand-${type.toLowerCase()}`;
    await s.kube.create(MPDOperations, {
      apiVersion: 'mpd.polardb.aliyun.com/v1',
      kind: 'MPDOperation',
      metadata: { name, namespace: 'default' },
      spec: { cluster: 'demo', type, planOnly: false },
    });
    const ended = await eventually(s, `${name} to end`, async () => {
      const found = await s.kube.get(MPDOperations, { namespace: 'default', name });
      return found.status?.phase === 'Failed' ? found : undefined;
    });
    expect(ended.status?.error).toMatchObject({ code: 'NotSupportedYet' });
  }
  expect(s.kube.all(Pods)).toHaveLength(3);
});

test('a steering that cannot be carried out says so, once, and the operation goes on', async () => {
  const s = await scene();
  await s.start();
  s.world.failures.set('bootstrap demo-1001-1002', new StackError('InvalidConfig', 'work_mem: nonsense'));
  await s.create('demo', { followerNum: 0 });
  const stopped = await eventually(s, 'the interrupt', () =>
    s.operations().find(({ status }) => status?.phase === 'Interrupted'),
  );
  const key = { namespace: 'default', name: stopped.metadata.name ?? '' };
  const steer = async (requestId: string, steering: Record<string, string | null>) => {
    const body = { spec: { steering: { step: null, ...steering, requestId } } };
    await s.kube.patch(MPDOperations, key, { type: 'merge', body });
    return await eventually(s, `${requestId} to be handled`, async () => {
      const found = await s.kube.get(MPDOperations, key);
      return found.status?.handledSteering === requestId ? found : undefined;
    });
  };
  const steeredOf = ({ status }: Awaited<ReturnType<typeof steer>>) =>
    status?.conditions?.find(({ type }) => type === 'Steered');
  const paused = await steer('p1', { action: 'Pause' });
  expect(paused.status?.phase).toBe('Interrupted');
  expect(steeredOf(paused)).toMatchObject({
    status: 'False',
    reason: 'Refused',
    message: expect.stringContaining('has stopped already'),
  });
  await eventually(s, 'the event', () =>
    s.kube.all(Events).find(({ reason, message }) => reason === 'SteeringRefused' && message?.includes('Pause')),
  );
  const other = await steer('s1', { action: 'RetryStep', step: 'VerifyCluster' });
  expect(other.status?.phase).toBe('Interrupted');
  expect(steeredOf(other)).toMatchObject({ status: 'False', message: expect.stringContaining('BootstrapPrimary') });
  // A wish that comes too late for a refusal is shown, and the work goes on.
  await s.kube.patch(MPDOperations, key, { type: 'merge', body: { spec: { startAt: '2030-01-01T00:00:00Z' } } });
  const resumed = await steer('r1', { action: 'Resume', step: 'BootstrapPrimary' });
  expect(steeredOf(resumed)).toMatchObject({ status: 'True', reason: 'Resume' });
  await s.until('demo', 'Ready', 'True');
  const done = await eventually(s, 'the end', () => s.operations().find(({ status }) => status?.phase === 'Succeeded'));
  expect(done.status?.conditions?.find(({ type }) => type === 'Heeded')).toMatchObject({
    status: 'False',
    reason: 'Ignored',
    message: expect.stringContaining('spec.startAt'),
  });
  const late = await steer('r2', { action: 'Resume' });
  expect(late.status?.phase).toBe('Succeeded');
  expect(steeredOf(late)).toMatchObject({ status: 'False', message: expect.stringContaining('has ended') });
});

test('a name that is taken by somebody else is reported, and used once it is free', async () => {
  const s = await scene();
  await s.start();
  await s.kube.create(Services, { metadata: { name: names.service('demo', 'rw'), namespace: 'default' }, spec: {} });
  await s.create('demo');
  await eventually(s, 'the trouble', () =>
    s.operations().find(({ status }) => status?.steps?.some(({ error }) => error?.code === 'NameTaken')),
  );
  await s.kube.delete(Services, { namespace: 'default', name: names.service('demo', 'rw') });
  await s.until('demo', 'Ready', 'True');
});

test('a creation that stopped for a person can be deleted, or cancelled and then deleted', async () => {
  const s = await scene();
  await s.start();
  for (const pod of ['one-1001-1002', 'two-1004-1005']) {
    s.world.failures.set(`bootstrap ${pod}`, new StackError('InvalidConfig', 'nonsense'));
  }
  for (const name of ['one', 'two']) {
    await s.create(name, { followerNum: 0 });
    const stopped = await eventually(s, 'the interrupt', () =>
      s.operations().find(({ spec, status }) => spec.cluster === name && status?.phase === 'Interrupted'),
    );
    if (name === 'two') {
      const key = { namespace: 'default', name: stopped.metadata.name ?? '' };
      const body = { spec: { steering: { action: 'Cancel', requestId: 'c1', requester: 'a test' } } };
      await s.kube.patch(MPDOperations, key, { type: 'merge', body });
      const ended = await eventually(s, 'the cancel', () =>
        s.operations().find(({ spec, status }) => spec.cluster === name && status?.phase === 'Cancelled'),
      );
      expect(ended.status).toMatchObject({ error: { code: 'Cancelled', message: 'cancelled by a test' } });
    }
    await s.kube.delete(MPDClusters, { namespace: 'default', name });
    await s.untilGone(name);
  }
  expect(s.kube.all(Pods)).toEqual([]);
});

test('R2, R3: a cluster that cannot be made delays no other, and stays resumable when the operator stops', async () => {
  const s = await scene();
  const { operator } = await s.start();
  s.world.off.add('stuck-1001-1002');
  await s.create('stuck', { followerNum: 0 });
  await eventually(s, 'the pod', () => (s.kube.all(Pods).length === 1 ? true : undefined));
  await s.create('fine', { followerNum: 0 });
  await s.until('fine', 'Ready', 'True');
  await operator.close();
  const stopped = s.operations().find(({ spec }) => spec.cluster === 'stuck');
  expect(stopped?.status).toMatchObject({ phase: 'Running', currentStep: '7/10' });
  s.world.off.clear();
  await s.start();
  await s.kube.patch(
    Pods,
    { namespace: 'default', name: 'stuck-1001-1002' },
    { type: 'merge', body: { metadata: { labels: { run: 'now' } } } },
  );
  await s.until('stuck', 'Ready', 'True');
});
