import { annotations, labels, names } from '@polarstack/api';
import { waitFor } from '@polarstack/base';
import { newRecord, requestSwitch, withdrawRequest } from '@polarstack/ha';
import { ConfigMaps, Pods, Services } from '@polarstack/kube';
import { expect, test } from 'vitest';
import { clusterKey } from '../kube/cluster-status-writer.ts';
import { mendingScene } from '../testing/mending-scene.ts';
import { changeRecord, readRecord } from './ha-record.ts';
import { createWatchedRecords } from './watched-records.ts';

const key = { namespace: 'default', name: names.haRecord('demo') };

async function scene() {
  const { s, eventually } = await mendingScene();
  const cluster = await s.cluster('demo');
  if (!cluster) throw new Error('no cluster');
  const owner = clusterKey(cluster);
  const record = async () => await readRecord(s.kube, owner, s.signal);
  /** What the cluster manager writes at the end of a switch. */
  const moveTo = async (primary: string) =>
    await changeRecord(
      s.kube,
      owner,
      (now) => ({
        ...now,
        epoch: now.epoch + 1,
        primary,
        epochs: [...now.epochs, { epoch: now.epoch + 1, primary, parent: now.epoch, at: new Date().toISOString() }],
      }),
      s.signal,
    );
  return { s, eventually, owner, record, moveTo };
}

test('a new cluster has its record: the first primary, in the first epoch; the rw service leads to it by its id', async () => {
  const { s, record } = await scene();
  expect(await record()).toMatchObject({
    epoch: 1,
    primary: '1002',
    members: { 1002: { pod: 'demo-1001-1002', electable: true }, 1004: {}, 1006: {} },
    results: [],
  });
  const rw = await s.kube.get(Services, { namespace: 'default', name: 'demo-rw' });
  expect(rw.spec?.selector).toEqual({ [labels.clusterName]: 'demo', [labels.instanceId]: '1002' });
  expect(rw.metadata?.annotations).toEqual({ [annotations.epoch]: '1' });
});

test('roles follow the record: status, service and labels; nobody is told a term', async () => {
  const { s, eventually, moveTo } = await scene();
  for (const instance of s.world.instances.values()) instance.calls.length = 0;
  await moveTo('1004');
  await eventually('the status', async () => {
    const { status } = (await s.cluster('demo')) ?? {};
    const types = Object.fromEntries(
      Object.entries(status?.dbInstanceStatus ?? {}).map(([id, one]) => [id, one.insType]),
    );
    return status?.leaderInstanceId === '1004' && types[1002] === 'ro' && types[1004] === 'rw' ? true : undefined;
  });
  await eventually('the service', async () => {
    const { spec, metadata } = await s.kube.get(Services, { namespace: 'default', name: 'demo-rw' });
    return spec?.selector?.[labels.instanceId] === '1004' && metadata?.annotations?.[annotations.epoch] === '2'
      ? true
      : undefined;
  });
  await eventually('the labels', async () => {
    const roleOf = async (name: string) =>
      (await s.kube.get(Pods, { namespace: 'default', name })).metadata?.labels?.[labels.role];
    return (await roleOf('demo-1001-1002')) === 'replica' && (await roleOf('demo-1003-1004')) === 'primary'
      ? true
      : undefined;
  });
  for (const { calls } of s.world.instances.values())
    expect(calls.filter((call) => /term|promote/i.test(call))).toEqual([]);
});

test('a service that leads to the primary of a higher epoch than the record says is left alone', async () => {
  const { s, eventually } = await scene();
  const service = { namespace: 'default', name: 'demo-rw' };
  const body = {
    metadata: { annotations: { [annotations.epoch]: '7' } },
    spec: { selector: { [labels.instanceId]: '1006' } },
  };
  await s.kube.patch(Services, service, { type: 'merge', body });
  // A look that mends something else has seen the service too.
  await s.kube.delete(Services, { namespace: 'default', name: 'demo-r' });
  await eventually(
    'another service',
    async () => await s.kube.find(Services, { namespace: 'default', name: 'demo-r' }),
  );
  await s.until('demo', 'Ready', 'True');
  expect((await s.kube.get(Services, service)).spec?.selector?.[labels.instanceId]).toBe('1006');
});

test('a record that is gone comes back from what all agents remember, in a higher epoch', async () => {
  const { s, eventually, record } = await scene();
  const replica = s.world.instances.get('demo-1003-1004');
  if (!replica?.term) throw new Error('no term');
  replica.term = { ...replica.term, epoch: 4 };
  const primary = s.world.instances.get('demo-1001-1002');
  if (!primary) throw new Error('no primary');
  primary.term = { epoch: 4, role: 'primary' };
  await s.kube.delete(ConfigMaps, key);
  expect(await eventually('the record', record)).toMatchObject({ epoch: 5, primary: '1002' });
});

test('a record that is gone stays so while an agent is silent, and the status says why', async () => {
  const { s, eventually, record } = await scene();
  s.world.off.add('demo-1005-1006');
  await s.kube.delete(ConfigMaps, key);
  await eventually('the reason', async () =>
    (await s.cluster('demo'))?.status?.conditions?.find(({ reason }) => reason === 'HaRecordMissing'),
  );
  expect(await record()).toBeUndefined();
  s.world.off.clear();
  expect(await eventually('the record', record)).toMatchObject({ epoch: 2, primary: '1002' });
});

test('a record that nobody can read is told, and nothing is decided by it', async () => {
  const { s, eventually } = await scene();
  await s.kube.patch(ConfigMaps, key, { type: 'merge', body: { data: { record: '{"schema":99}' } } });
  await eventually('the reason', async () =>
    (await s.cluster('demo'))?.status?.conditions?.find(({ reason }) => reason === 'HaRecordNewer'),
  );
  expect((await s.kube.get(Services, { namespace: 'default', name: 'demo-rw' })).spec?.selector).toMatchObject({
    [labels.instanceId]: '1002',
  });
});

test('waiting for the answer to a request: at once, later, or not at all', async () => {
  const record = newRecord({
    cluster: { namespace: 'n', name: 'c', uid: 'u' },
    primary: 'a',
    pods: { a: 'pa' },
    now: new Date(),
  });
  const asked = requestSwitch(record, {
    id: 'x',
    kind: 'switchover',
    reason: '',
    requester: '',
    at: new Date().toISOString(),
    deadline: new Date().toISOString(),
  });
  expect(withdrawRequest(asked, 'x')).toEqual(record);
  let listener: ((change: never) => void) | undefined;
  let held = record;
  const object = () => ({ metadata: { namespace: 'n', name: 'c-cmconfig' }, data: { record: JSON.stringify(held) } });
  const records = createWatchedRecords({
    get: object,
    onChange: (handler) => {
      listener = handler as never;
      return () => {
        listener = undefined;
      };
    },
  });
  const cluster = { namespace: 'n', name: 'c', uid: 'u' };
  const stop = new AbortController();
  const waiting = records.until(cluster, (now) => now?.request?.id, stop.signal);
  held = asked;
  listener?.({ type: 'MODIFIED', object: object(), previous: object() } as never);
  expect(await waiting).toBe('x');
  expect(listener).toBeUndefined();
  const never = records.until(cluster, () => undefined, stop.signal);
  stop.abort(new Error('enough'));
  await expect(never).rejects.toThrow('enough');
  await waitFor('the end', async () => (listener === undefined ? true : undefined), {
    signal: new AbortController().signal,
    timeoutMs: 1_000,
  });
});
