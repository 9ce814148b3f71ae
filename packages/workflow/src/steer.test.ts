import { StackError } from '@polarstack/base';
import { expect, test } from 'vitest';
import { done, HISTORY_LIMIT, newRecord, resume, type WorkflowRecord } from './index.ts';
import { remember } from './record.ts';
import { createHarness, noting, undoable } from './testing/harness.ts';

const broken = async (): Promise<never> => {
  throw new StackError('InvalidConfig', 'broken');
};
const wish = (message = 'no longer wanted'): AbortSignal => AbortSignal.abort(new StackError('Cancelled', message));
const states = ({ steps }: WorkflowRecord) => steps.map(({ state }) => state);

test('W12: cancel undoes what was begun in reverse order, the failed step included, and ends cancelled', async () => {
  const h = createHarness([undoable('a'), noting('b'), undoable('c', { run: broken }), undoable('d')]);
  expect(await h.start()).toMatchObject({ type: 'interrupted' });
  expect(await h.start({ cancel: wish() })).toMatchObject({
    type: 'finished',
    record: { phase: 'Cancelled', reason: { code: 'Cancelled', message: 'no longer wanted' } },
  });
  expect(h.log).toEqual(['a', 'b', '-c', '-a']);
  const record = await h.stored();
  // b has no undo: it stays as it is. d was never begun.
  expect(states(record)).toEqual(['Undone', 'Succeeded', 'Undone', 'Pending']);
  expect(record.undoing).toBeUndefined();
  expect(record.history?.map(({ event, step }) => [event, step].filter(Boolean).join(' '))).toEqual([
    'Started',
    'Succeeded a',
    'Succeeded b',
    'Failed c',
    'Interrupted',
    'Cancelling',
    'Undone c',
    'Undone a',
    'Cancelled',
  ]);
});

test('W12: the step under way is stopped first, and undone only when it has ended', async () => {
  const cancel = new AbortController();
  const h = createHarness([
    undoable('a', {
      run: async ({ services, signal }) => {
        cancel.abort(new StackError('Cancelled', 'stop'));
        await new Promise((resolve) => setImmediate(resolve));
        services.log.push(`a ended ${signal.aborted}`);
        return done();
      },
    }),
  ]);
  expect(await h.start({ cancel: cancel.signal })).toMatchObject({ record: { phase: 'Cancelled' } });
  expect(h.log).toEqual(['a ended true', '-a']);
});

test('W12: an undo is retried, interrupts when it fails for good, and a resume goes on undoing', async () => {
  let hurt: 'Timeout' | 'InvalidConfig' | undefined = 'Timeout';
  let calls = 0;
  const undo = async ({ services }: { services: { log: string[] } }) => {
    calls++;
    if (hurt) throw new StackError(hurt, 'not now');
    services.log.push('-b');
    return undefined;
  };
  const h = createHarness([undoable('a'), noting('b', { undo, retry: { limit: 3 } }), noting('c', { run: broken })]);
  await h.start();
  expect(await h.start({ cancel: wish() })).toMatchObject({
    type: 'interrupted',
    record: { undoing: true, phase: 'Interrupted', reason: { code: 'Timeout' } },
  });
  expect(calls).toBe(3);
  // Another wish to cancel changes nothing.
  expect(await h.start({ cancel: wish('again') })).toMatchObject({ type: 'interrupted' });
  hurt = 'InvalidConfig';
  await h.steer((record, now) => resume(record, 'failed', now));
  expect(await h.start()).toMatchObject({ type: 'interrupted', record: { reason: { code: 'InvalidConfig' } } });
  hurt = undefined;
  // There is no way back to running it: from the first is on with undoing.
  await h.steer((record, now) => resume(record, 'first', now));
  expect(await h.start()).toMatchObject({ type: 'finished', record: { phase: 'Cancelled' } });
  expect(h.log).toEqual(['a', 'b', '-b', '-a']);
});

test('W12: an undo that cannot succeed is left out by a person, or the run is abandoned', async () => {
  for (const how of ['skip', 'abandon'] as const) {
    const h = createHarness([undoable('a'), noting('b', { undo: broken }), noting('c', { run: broken })]);
    await h.start();
    await h.start({ cancel: wish() });
    if (how === 'skip') await h.steer((record, now) => resume(record, 'skip', now));
    const outcome = await h.start(how === 'abandon' ? { abandon: wish('gone') } : {});
    expect(outcome).toMatchObject({ type: 'finished', record: { phase: 'Cancelled' } });
    expect(h.log).toEqual(how === 'skip' ? ['a', 'b', '-a'] : ['a', 'b']);
    expect(states(await h.stored())[1]).toBe(how === 'skip' ? 'Skipped' : 'Failed');
  }
});

test('W12: a step that was skipped after it had begun is undone as well, one skipped before is not', async () => {
  const h = createHarness([undoable('a', { run: broken }), undoable('b'), noting('c', { run: broken })]);
  await h.start();
  await h.steer((record, now) => ({ ...resume(record, 'skip', now, { skip: 'b' }), phase: 'Interrupted' }));
  await h.steer((record, now) => resume(record, 'skip', now));
  await h.start();
  await h.start({ cancel: wish() });
  expect(h.log).toEqual(['-a']);
  expect(states(await h.stored())).toEqual(['Undone', 'Skipped', 'Failed']);
});

test('W12: a step that this program does not know interrupts the undoing instead of being passed over', async () => {
  const h = createHarness([undoable('a'), noting('b', { run: broken })]);
  await h.start();
  await h.steer((record) => ({ ...record, steps: record.steps.map((s, i) => (i === 0 ? { ...s, use: 'old' } : s)) }));
  expect(await h.start({ cancel: wish() })).toMatchObject({
    type: 'interrupted',
    record: { undoing: true, reason: { code: 'UnknownStep' } },
  });
  await h.steer((record, now) => resume(record, 'skip', now, { skip: 'a' }));
  expect(await h.start()).toMatchObject({ type: 'finished', record: { phase: 'Cancelled' } });
});

test('W13: pause takes effect after the attempt under way, is stored, and resume goes on', async () => {
  const pause = new AbortController();
  const h = createHarness([
    noting('a', {
      run: async ({ services, signal }) => {
        pause.abort();
        services.log.push(`a ${signal.aborted}`);
        return done({ x: 1 });
      },
    }),
    noting('b'),
  ]);
  expect(await h.start({ pause: pause.signal })).toMatchObject({ type: 'paused', record: { phase: 'Paused' } });
  expect(await h.stored()).toMatchObject({ context: { x: 1 }, steps: [{ state: 'Succeeded' }, { state: 'Pending' }] });
  // Nothing runs until somebody resumes it.
  expect(await h.start()).toMatchObject({ type: 'paused' });
  expect(h.log).toEqual(['a false']);
  await h.steer((record, now) => resume(record, 'failed', now, { by: 'me' }));
  expect(await h.start()).toMatchObject({ type: 'finished', record: { phase: 'Succeeded' } });
  expect(h.log).toEqual(['a false', 'b']);
  expect((await h.stored()).history).toContainEqual(expect.objectContaining({ event: 'Resumed', step: 'b', by: 'me' }));
});

test('W13: a pause ends the wait for the next attempt, and works while a run waits or is undone', async () => {
  const pause = new AbortController();
  const h = createHarness([
    undoable('a'),
    noting('b', {
      retry: { limit: 5, baseMs: 3_600_000, maxMs: 3_600_000 },
      run: async ({ failures }) => {
        if (failures === 0) throw new StackError('Timeout', 'later');
        return { type: 'wait', reason: 'for rain' };
      },
    }),
  ]);
  const running = h.start({
    pause: pause.signal,
    observe: ({ type }) => type === 'failed' && queueMicrotask(() => pause.abort()),
  });
  expect(await running).toMatchObject({ type: 'paused' });
  expect(h.clock.monotonic()).toBe(0);
  await h.steer((record, now) => resume(record, 'failed', now));
  expect(await h.start()).toMatchObject({ type: 'waiting' });
  expect(await h.start({ pause: AbortSignal.abort() })).toMatchObject({ type: 'paused' });
  expect(await h.start({ cancel: wish(), pause: AbortSignal.abort() })).toMatchObject({
    type: 'paused',
    record: { undoing: true },
  });
  await h.steer((record, now) => resume(record, 'failed', now));
  expect(await h.start()).toMatchObject({ type: 'finished', record: { phase: 'Cancelled' } });
  expect(h.log).toEqual(['a', '-a']);
});

test('a named step can be skipped while it is not done; what is unknown or done changes nothing', async () => {
  const h = createHarness([noting('a'), noting('b', { run: broken }), noting('c'), noting('d')]);
  await h.start();
  const record = await h.stored();
  for (const name of ['a', 'nonsense']) expect(resume(record, 'skip', '', { skip: name })).toBe(record);
  expect(resume({ ...record, phase: 'Running' }, 'skip', '')).toMatchObject({ phase: 'Running' });
  const once = { ...resume(record, 'skip', '', { skip: 'c' }), phase: 'Interrupted' } as const;
  h.memory.put('op', resume(once, 'skip', ''));
  expect(await h.start()).toMatchObject({ type: 'finished', record: { phase: 'Succeeded' } });
  expect(h.log).toEqual(['a', 'd']);
});

test('the history keeps the first entry and the latest', () => {
  let record: WorkflowRecord = newRecord(createHarness([noting('a')]).workflow);
  for (let i = 0; i < HISTORY_LIMIT * 2; i++) record = remember(record, { at: String(i), event: 'Waiting' });
  expect(record.history).toHaveLength(HISTORY_LIMIT);
  expect(record.history?.map(({ at }) => Number(at)).slice(0, 2)).toEqual([0, HISTORY_LIMIT + 1]);
});
