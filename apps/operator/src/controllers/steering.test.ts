import { MPDClusters, type MPDOperation, MPDOperations } from '@polarstack/api';
import { StackError, waitFor } from '@polarstack/base';
import { conditionOf, STEER_PREFIX } from '@polarstack/domain';
import { Events } from '@polarstack/kube';
import { afterEach, expect, test } from 'vitest';
import { createScene } from '../testing/scene.ts';
import { everyDeath, forEachDeath, type Scene, survive } from '../testing/survive.ts';

let close: () => Promise<void> = async () => {};
afterEach(async () => await close());

const steps = ['RestartEngine-1004', 'VerifyCluster', 'UpdateRunningStatus'];

async function scene(followerNum = 2) {
  const made = await createScene();
  close = made.close;
  await made.start();
  await made.create('demo', { followerNum });
  await made.until('demo', 'Ready', 'True');
  return { ...made, ...tools(made) };
}

function tools(made: Scene) {
  const key = (name: string) => ({ namespace: 'default', name });
  const eventually = async <T>(what: string, check: () => Promise<T | undefined> | T | undefined): Promise<T> =>
    await waitFor(what, async () => await check(), { signal: made.signal, timeoutMs: 30_000, intervalMs: 5 });
  const find = async (name: string): Promise<MPDOperation | undefined> =>
    await made.kube.find(MPDOperations, key(name));
  const untilStatus = async (
    name: string,
    what: string,
    check: (status: NonNullable<MPDOperation['status']>) => boolean,
  ) =>
    await eventually(`${name}: ${what}`, async () => {
      const operation = await find(name);
      return operation?.status && check(operation.status) ? operation : undefined;
    });
  let requests = 0;
  return {
    eventually,
    find,
    untilStatus,
    untilPhase: async (name: string, phase: string) =>
      await untilStatus(name, phase, (status) => status.phase === phase),
    ask: async (name: string, spec: Partial<MPDOperation['spec']> = {}) =>
      await made.kube.create(MPDOperations, {
        apiVersion: 'mpd.polardb.aliyun.com/v1',
        kind: 'MPDOperation',
        metadata: { name, namespace: 'default' },
        spec: { cluster: 'demo', planOnly: false, type: 'RestartIns', parameters: { instance: '1004' }, ...spec },
      }),
    /** Steers, and answers the operation when that was handled. */
    steer: async (name: string, action: string, step: string | null = null) => {
      const requestId = `r${++requests}`;
      const body = { spec: { steering: { action, step, requestId, requester: 'me' } } };
      await made.kube.patch(MPDOperations, key(name), { type: 'merge', body });
      return await untilStatus(name, `${action} to be handled`, (status) => status.handledSteering === requestId);
    },
    annotate: async (annotations: Readonly<Record<string, string | null>>) =>
      await made.kube.patch(MPDClusters, key('demo'), { type: 'merge', body: { metadata: { annotations } } }),
    /** Until the failures are cleared; those of the world happen once. */
    failAlways: (call: string, error: StackError): void => {
      made.world.failures.set(call, error);
      made.world.failures.delete = () => false;
    },
    events: (reason: string) => made.kube.all(Events).filter((event) => event.reason === reason),
  };
}

const steeredOf = ({ status }: MPDOperation) => status?.conditions?.find(({ type }) => type === 'Steered');
const approval = { required: true, approved: false };

test('an operation that has not begun is paused, resumed and cancelled; the next one waits and hears why', async () => {
  const s = await scene();
  await s.ask('first', { approval });
  await s.untilStatus('first', 'the wait', ({ message }) => message === 'waits for approval');
  expect(steeredOf(await s.steer('first', 'Resume'))).toMatchObject({
    status: 'False',
    message: expect.stringContaining('has not begun'),
  });
  await s.ask('second');
  expect((await s.steer('first', 'Pause')).status).toMatchObject({
    phase: 'Paused',
    message: 'paused before it began',
  });
  await s.untilStatus('second', 'its place', ({ message = '' }) =>
    message.includes('waits for RestartIns (first), which is paused; 1 of 1'),
  );
  // Approval alone does not begin it.
  await s.kube.patch(
    MPDOperations,
    { namespace: 'default', name: 'first' },
    {
      type: 'merge',
      body: { spec: { approval: { required: true, approved: true } } },
    },
  );
  expect(steeredOf(await s.steer('first', 'RetryStep'))?.status).toBe('False');
  expect((await s.find('first'))?.status).toMatchObject({ phase: 'Paused' });
  await s.steer('first', 'Resume');
  await s.untilPhase('first', 'Succeeded');
  await s.untilPhase('second', 'Succeeded');
  expect(steeredOf(await s.steer('first', 'Pause'))).toMatchObject({ message: expect.stringContaining('has ended') });
});

test('ST1: a run is paused between steps, its cluster says so, and goes on where it was', async () => {
  const s = await scene();
  s.failAlways('stop demo-1003-1004', new StackError('AgentUnreachable', 'no answer'));
  await s.ask('slow', { retry: { limit: 1_000, baseMs: 60_000, maxMs: 60_000 } });
  await s.untilStatus('slow', 'a failure', ({ steps: all }) => all?.[0]?.error?.code === 'AgentUnreachable');
  expect((await s.find('slow'))?.status?.steps?.[0]?.nextAttemptAt).toBeDefined();
  // A minute's back-off is not waited for.
  const paused = await s.steer('slow', 'Pause');
  expect(paused.status).toMatchObject({ phase: 'Paused', currentStep: '1/3' });
  await s.eventually('the condition', async () => {
    const claim = conditionOf((await s.cluster('demo'))?.status?.conditions, 'Progressing');
    return claim?.reason === 'Paused' && claim.message?.includes('slow') ? true : undefined;
  });
  expect((await s.cluster('demo'))?.status?.clusterStatus).toBe('RestartIns');
  s.world.failures.clear();
  await s.steer('slow', 'Resume');
  const { status } = await s.untilPhase('slow', 'Succeeded');
  const heard = status?.history?.map(({ event }) => event);
  expect(heard).toEqual(expect.arrayContaining(['Started', 'Failed', 'Paused', 'Resumed', 'Succeeded', 'Finished']));
  expect(status?.history?.find(({ event }) => event === 'Resumed')).toMatchObject({ by: 'me' });
  for (const reason of ['OperationStarted', 'OperationPaused', 'OperationResumed', 'OperationSucceeded']) {
    const kinds = s.events(reason).map(({ involvedObject }) => involvedObject.kind);
    expect(kinds, reason).toEqual(expect.arrayContaining(['MPDCluster', 'MPDOperation']));
  }
});

test('spec.retry is heeded, also where it is changed on the way', async () => {
  const s = await scene();
  s.failAlways('stop demo-1003-1004', new StackError('AgentUnreachable', 'no answer'));
  await s.ask('twice', { retry: { limit: 1, baseMs: 10, maxMs: 10 } });
  const { status } = await s.untilPhase('twice', 'Interrupted');
  expect(status?.steps?.[0]).toMatchObject({ attempts: 2, error: { code: 'AgentUnreachable' } });
  await s.kube.patch(
    MPDOperations,
    { namespace: 'default', name: 'twice' },
    {
      type: 'merge',
      body: { spec: { retry: { limit: 3, baseMs: 10, maxMs: 10 } } },
    },
  );
  await s.steer('twice', 'RetryStep');
  const again = await s.untilStatus(
    'twice',
    'six attempts',
    ({ phase, steps: all }) => phase === 'Interrupted' && all?.[0]?.attempts === 6,
  );
  expect(again.status?.steps?.[0]?.attempts).toBe(6);
});

test('ST2: an interrupted operation: what cannot be steered says why, a named step is left out, the rest is done', async () => {
  const s = await scene();
  s.failAlways('stop demo-1003-1004', new StackError('AgentForbidden', 'not you'));
  await s.ask('hurt');
  await s.untilPhase('hurt', 'Interrupted');
  const refused = async (action: string, step: string | null, why: string) =>
    expect(steeredOf(await s.steer('hurt', action, step))).toMatchObject({
      status: 'False',
      reason: 'Refused',
      message: expect.stringContaining(why),
    });
  await refused('Pause', null, 'has stopped already');
  await refused('RetryStep', 'VerifyCluster', 'stopped at RestartEngine-1004');
  await refused('SkipStep', 'Nonsense', `The steps are ${steps.join(', ')}`);
  expect(s.events('SteeringRefused').length).toBeGreaterThan(0);
  const condition = await s.eventually('the condition', async () => {
    const claim = conditionOf((await s.cluster('demo'))?.status?.conditions, 'Progressing');
    return claim?.reason === 'AgentForbidden' ? claim : undefined;
  });
  expect(condition).toMatchObject({
    message: expect.stringMatching(/RestartIns \(hurt\) stopped at step RestartEngine-1004: not you\. \w+/),
  });
  await s.steer('hurt', 'SkipStep', 'RestartEngine-1004');
  const { status } = await s.untilPhase('hurt', 'Succeeded');
  expect(status?.steps?.map(({ state }) => state)).toEqual(['Skipped', 'Succeeded', 'Succeeded']);
  expect(s.world.instances.get('demo-1003-1004')?.starts).toBe(1);
});

test('an interrupted operation begins again with its first step, and is cancelled', async () => {
  const s = await scene();
  s.failAlways('stop demo-1003-1004', new StackError('AgentForbidden', 'not you'));
  await s.ask('hurt');
  await s.untilPhase('hurt', 'Interrupted');
  await s.steer('hurt', 'RestartFromFirst');
  const again = await s.untilStatus(
    'hurt',
    'the next interrupt',
    ({ phase, steps: all }) => phase === 'Interrupted' && all?.[0]?.attempts === 2,
  );
  expect(again.status?.history?.at(-1)?.event).toBe('Interrupted');
  const { status } = await s.steer('hurt', 'Cancel');
  expect(status).toMatchObject({ phase: 'Cancelled', message: 'cancelled by me' });
  await s.eventually('the event', () => s.events('OperationCancelled')[0]);
});

test('a deletion ends what waits for approval or its turn, and what is paused', async () => {
  const s = await scene(1);
  await s.ask('first', { approval });
  await s.ask('second');
  await s.untilStatus('second', 'its place', ({ message = '' }) => message.includes('waits for'));
  await s.steer('first', 'Pause');
  await s.kube.delete(MPDClusters, { namespace: 'default', name: 'demo' });
  await s.untilGone('demo');
});

const hurt = async (s: Scene): Promise<void> => {
  const { operator } = await s.start();
  const { ask, untilPhase, eventually } = tools(s);
  await s.create('demo', { followerNum: 1 });
  await s.until('demo', 'Ready', 'True');
  tools(s).failAlways('stop demo-1003-1004', new StackError('AgentForbidden', 'not you'));
  await ask('hurt');
  await untilPhase('hurt', 'Interrupted');
  await eventually('the annotations', async () =>
    (await s.cluster('demo'))?.metadata.annotations?.['interrupt.recover'] === 'F' ? true : undefined,
  );
  await operator.close();
};
const clean = async (s: Scene): Promise<void> => {
  const { eventually } = tools(s);
  await eventually('no annotation to be left', async () => {
    const keys = Object.keys((await s.cluster('demo'))?.metadata.annotations ?? {});
    return keys.some((key) => key.startsWith('interrupt.') || key.startsWith(STEER_PREFIX) || key === 'cancelled')
      ? undefined
      : true;
  });
};

test('SA2: an interrupted cluster says why in the annotations of the original', async () => {
  const s = await scene();
  s.failAlways('stop demo-1003-1004', new StackError('AgentForbidden', 'not you'));
  await s.ask('hurt');
  await s.eventually('the annotations', async () => {
    const { metadata, status } = (await s.cluster('demo')) ?? {};
    return status?.clusterStatus === 'Interrupt' && metadata?.annotations?.['interrupt.recover'] ? true : undefined;
  });
  expect((await s.cluster('demo'))?.metadata.annotations).toMatchObject({
    'interrupt.recover': 'F',
    'interrupt.reason': 'AgentForbidden',
    'interrupt.message': 'not you',
    'interrupt.previous.status': 'RestartIns',
  });
});

test.each([
  ['interrupt.recover', 'T', 'Succeeded'],
  ['cancelled', 'true', 'Cancelled'],
])(
  'SA1, ST1: %s=%s: an operator that dies before or after any of its effects: the next one ends it %s',
  async (annotation, value, phase) => {
    const wish = async (s: Scene): Promise<void> => {
      s.world.failures.clear();
      await tools(s).annotate({ [annotation]: value });
    };
    const end = async (s: Scene): Promise<void> => {
      await tools(s).untilPhase('hurt', phase);
      await clean(s);
      await s.until('demo', 'Ready', 'True');
    };
    const { effects } = await survive(undefined, hurt, wish, end);
    expect(effects).toBeGreaterThan(4);
    await forEachDeath(everyDeath(effects), async (death) => await survive(death, hurt, wish, end));
  },
  300_000,
);

test('cancelled and interrupt.recover with nothing to steer are taken away with a notice', async () => {
  const s = await scene();
  await s.annotate({ cancelled: 'true', 'interrupt.recover': 'T' });
  await clean(s);
  await s.eventually('two notices', () => (s.events('RequestIgnored').length === 2 ? true : undefined));
});

test('a request made while another is interrupted is kept, and carried out after it', async () => {
  const s = await scene();
  s.failAlways('stop demo-1003-1004', new StackError('AgentForbidden', 'not you'));
  await s.ask('hurt');
  await s.untilPhase('hurt', 'Interrupted');
  await s.annotate({ restartIns: '1006' });
  const kept = await s.eventually('the second', () =>
    s.operations().find(({ spec }) => spec.requester !== undefined && spec.type === 'RestartIns'),
  );
  await s.untilStatus(kept.metadata.name ?? '', 'its place', ({ message = '' }) =>
    message.includes('which needs a person'),
  );
  s.world.failures.clear();
  await s.annotate({ 'interrupt.recover': 'T' });
  await s.untilPhase(kept.metadata.name ?? '', 'Succeeded');
  expect(s.world.instances.get('demo-1005-1006')?.starts).toBe(2);
});
