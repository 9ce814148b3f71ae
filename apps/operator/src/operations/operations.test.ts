import { annotations, MPDClusters, type MPDOperation, MPDOperations } from '@polarstack/api';
import { StackError, waitFor } from '@polarstack/base';
import { REQUEST_PREFIX } from '@polarstack/domain';
import { Events } from '@polarstack/kube';
import { afterEach, expect, test } from 'vitest';
import { defaultPatience } from '../steps/patience.ts';
import { createScene } from '../testing/scene.ts';

let close: () => Promise<void> = async () => {};
afterEach(async () => await close());

/** A made cluster of one RW and two ROs. */
async function scene(options: Parameters<typeof createScene>[1] = {}) {
  const made = await createScene(undefined, options);
  close = made.close;
  await made.start();
  await made.create('demo');
  await made.until('demo', 'Ready', 'True');
  const find = async (name: string) => await made.kube.find(MPDOperations, { namespace: 'default', name });
  const eventually = async <T>(what: string, check: () => Promise<T | undefined> | T | undefined): Promise<T> =>
    await waitFor(what, async () => await check(), { signal: made.signal, timeoutMs: 30_000, intervalMs: 5 });
  return {
    ...made,
    find,
    eventually,
    annotate: async (annotations: Readonly<Record<string, string>>) =>
      await made.kube.patch(
        MPDClusters,
        { namespace: 'default', name: 'demo' },
        { type: 'merge', body: { metadata: { annotations } } },
      ),
    ask: async (name: string, spec: Omit<MPDOperation['spec'], 'cluster' | 'planOnly'> & { planOnly?: boolean }) =>
      await made.kube.create(MPDOperations, {
        apiVersion: 'mpd.polardb.aliyun.com/v1',
        kind: 'MPDOperation',
        metadata: { name, namespace: 'default' },
        spec: { cluster: 'demo', planOnly: false, ...spec },
      }),
    patchOperation: async (name: string, spec: object) =>
      await made.kube.patch(MPDOperations, { namespace: 'default', name }, { type: 'merge', body: { spec } }),
    ended: async (name: string): Promise<MPDOperation> =>
      await eventually(`${name} to end`, async () => {
        const operation = await find(name);
        return ['Succeeded', 'Failed', 'Cancelled', 'Interrupted'].includes(operation?.status?.phase ?? '')
          ? operation
          : undefined;
      }),
    ofType: (type: string) => made.operations().filter(({ spec }) => spec.type === type),
    starts: (pod: string) => made.world.instances.get(pod)?.starts,
  };
}

test('RQ1: an annotation of the original becomes an operation that says who asked, and is taken away', async () => {
  const s = await scene();
  await s.annotate({ restartIns: '1004' });
  const operation = await s.eventually('the operation', () => s.ofType('RestartIns')[0]);
  expect(operation.spec).toMatchObject({ parameters: { instance: '1004' }, reason: 'annotation restartIns=1004' });
  const ended = await s.ended(operation.metadata.name ?? '');
  expect(ended.status).toMatchObject({ phase: 'Succeeded' });
  expect([s.starts('demo-1003-1004'), s.starts('demo-1001-1002'), s.starts('demo-1005-1006')]).toEqual([2, 1, 1]);
  const cluster = await s.until('demo', 'Ready', 'True');
  const left = Object.keys(cluster.metadata.annotations ?? {}).filter(
    (key) => key === 'restartIns' || key.startsWith(REQUEST_PREFIX),
  );
  expect(left).toEqual([]);
  // The same wish once more is another operation.
  await s.annotate({ restartIns: '1004' });
  await s.eventually('a second operation', () => (s.ofType('RestartIns').length === 2 ? true : undefined));
});

test('an annotation that asks for nothing is taken away with a notice', async () => {
  const s = await scene();
  await s.annotate({ flushParams: 'no' });
  await s.eventually('a notice', () => s.kube.all(Events).find(({ reason }) => reason === 'RequestIgnored'));
  expect((await s.cluster('demo'))?.metadata.annotations?.flushParams).toBeUndefined();
});

test('an annotation that came to nothing says so on the cluster until one comes to something, however many there were', async () => {
  const s = await scene();
  const said = async () => (await s.cluster('demo'))?.metadata.annotations?.[annotations.ignoredRequest] ?? '';
  // More than the events that are told of one object at once.
  for (let n = 0; n < 60; n++) {
    await s.annotate({ flushParams: `no ${n}` });
    await s.eventually('its answer', async () =>
      (await said()).includes(`flushParams=no ${n} asks`) ? true : undefined,
    );
  }
  await s.annotate({ cancelled: 'true' });
  await s.eventually('the answer to a cancel', async () =>
    (await said()).includes('cancelled=true') ? true : undefined,
  );
  await s.annotate({ restartIns: '1004' });
  await s.eventually('no answer to be left', async () => ((await said()) === '' ? true : undefined));
});

test('LA4: a switch to an RO that does not stream yet waits until it does, and says so', async () => {
  const s = await scene({ manager: true });
  const target = s.world.instances.get('demo-1003-1004');
  if (target) target.streams = false;
  await s.ask('move', { type: 'SwitchRw', parameters: { instance: '1004' } });
  const waiting = await s.eventually('its waiting', async () => {
    const status = (await s.find('move'))?.status;
    return status?.message?.includes('does not stream') ? status : undefined;
  });
  expect(waiting).toMatchObject({
    phase: 'Pending',
    conditions: [expect.objectContaining({ type: 'Fit', status: 'False', reason: 'NoSwitchTarget' })],
  });
  if (target) target.streams = true;
  const { status } = await s.ended('move');
  expect(status?.phase).toBe('Succeeded');
  expect(status?.conditions).toContainEqual(expect.objectContaining({ type: 'Fit', status: 'True' }));
});

test('LA4: one that does not stream for longer is refused', async () => {
  const s = await scene({ patience: { ...defaultPatience, fitMs: 600 } });
  const target = s.world.instances.get('demo-1003-1004');
  if (target) target.streams = false;
  await s.ask('late', { type: 'SwitchRw', parameters: { instance: '1004' } });
  const { status } = await s.ended('late');
  expect(status).toMatchObject({ phase: 'Failed', error: { code: 'NoSwitchTarget' } });
  expect(status?.conditions).toContainEqual(expect.objectContaining({ type: 'Fit', status: 'False' }));
});

test('OP2: the steps that run are those of the plan, which the status shows', async () => {
  const s = await scene();
  await s.ask('again', { type: 'RestartIns', parameters: { instance: 'demo-1001-1002' } });
  const { status, metadata } = await s.ended('again');
  expect(status?.phase).toBe('Succeeded');
  expect(status?.steps?.map(({ name }) => name)).toEqual(status?.plan?.map(({ step }) => step));
  expect(status?.plan?.[0]).toMatchObject({
    step: 'RestartEngine-1002',
    interrupts: expect.stringContaining('Writes'),
  });
  expect(status?.consequences).toMatchObject({ restarts: ['1002'], writePauses: [{ reason: 'restart of the RW' }] });
  expect(metadata.ownerReferences?.[0]).toMatchObject({ kind: 'MPDCluster', name: 'demo' });
});

test('OP3: what cannot end well is refused before its first step, with a code and a remedy', async () => {
  const s = await scene();
  await s.ask('unknown', { type: 'RestartIns', parameters: { instance: '7' } });
  await s.ask('mistyped', { type: 'RestartIns', parameters: { instanceId: '1004' } });
  expect((await s.ended('unknown')).status).toMatchObject({ phase: 'Failed', error: { code: 'InstanceUnknown' } });
  const { status } = await s.ended('mistyped');
  expect(status).toMatchObject({ phase: 'Failed', error: { code: 'OperationInvalid', remedy: expect.any(String) } });
  expect(status?.message).toContain('instance');
  expect(status?.steps).toBeUndefined();
});

test('planOnly shows the plan and changes nothing, also beside an operation under way', async () => {
  const s = await scene();
  await s.ask('look', { type: 'RestartIns', parameters: { instance: '1004' }, planOnly: true });
  const { status } = await s.ended('look');
  expect(status).toMatchObject({ phase: 'Succeeded', plan: [{ step: 'RestartEngine-1004' }, {}, {}] });
  expect(status?.steps).toBeUndefined();
  expect(s.starts('demo-1003-1004')).toBe(1);
});

test('LA1, LA3: approval and a moment are waited for, with the plan shown; others queue behind in order', async () => {
  const s = await scene();
  await s.ask('first', {
    type: 'RestartIns',
    parameters: { instance: '1004' },
    approval: { required: true, approved: false },
  });
  const waiting = await s.eventually('the wait', async () => {
    const found = await s.find('first');
    return found?.status?.message === 'waits for approval' ? found : undefined;
  });
  expect(waiting.status).toMatchObject({ phase: 'Pending', plan: [{ step: 'RestartEngine-1004' }, {}, {}] });
  await s.ask('second', { type: 'RestartIns', parameters: { instance: '1006' } });
  await s.eventually('the queue', async () =>
    (await s.find('second'))?.status?.message === 'waits for RestartIns (first); 1 of 1 in the queue'
      ? true
      : undefined,
  );
  expect(s.starts('demo-1005-1006')).toBe(1);
  await s.patchOperation('first', { approval: { required: true, approved: true, approver: 'me' } });
  expect((await s.ended('first')).status?.phase).toBe('Succeeded');
  expect((await s.ended('second')).status?.phase).toBe('Succeeded');
  expect([s.starts('demo-1003-1004'), s.starts('demo-1005-1006')]).toEqual([2, 2]);

  const startAt = new Date(Date.now() + 400).toISOString();
  await s.ask('later', { type: 'RestartIns', parameters: { instance: '1006' }, startAt });
  const { status } = await s.ended('later');
  expect(status?.phase).toBe('Succeeded');
  expect(Date.parse(status?.startedAt ?? '')).toBeGreaterThanOrEqual(Date.parse(startAt));
});

test('one that waits can be cancelled, and nothing of it was done', async () => {
  const s = await scene();
  await s.ask('never', {
    type: 'RestartIns',
    parameters: { instance: '1004' },
    approval: { required: true, approved: false },
  });
  await s.patchOperation('never', { steering: { action: 'Cancel', requestId: 'x' } });
  expect((await s.ended('never')).status).toMatchObject({ phase: 'Cancelled', handledSteering: 'x' });
  expect(s.starts('demo-1003-1004')).toBe(1);
});

test('a step that cannot go on interrupts with its code; a person resumes it', async () => {
  const s = await scene();
  s.world.failures.set('stop demo-1003-1004', new StackError('AgentForbidden', 'not you'));
  await s.ask('hurt', { type: 'RestartIns', parameters: { instance: '1004' } });
  const { status } = await s.ended('hurt');
  expect(status).toMatchObject({ phase: 'Interrupted', error: { code: 'AgentForbidden' } });
  await s.eventually('the state', async () =>
    (await s.cluster('demo'))?.status?.clusterStatus === 'Interrupt' ? true : undefined,
  );
  await s.patchOperation('hurt', { steering: { action: 'Resume', requestId: 'r1' } });
  await s.eventually('the end', async () => ((await s.find('hurt'))?.status?.phase === 'Succeeded' ? true : undefined));
  expect(s.starts('demo-1003-1004')).toBe(2);
});
