import { StackError, waitFor } from '@polarstack/base';
import { expect, test } from 'vitest';
import { createProbe } from './probe.ts';
import { troubleOf } from './trouble.ts';

const signal = AbortSignal.timeout(60_000);
const until = async (what: string, check: () => boolean): Promise<void> => {
  await waitFor(what, async () => (check() ? true : undefined), { signal, timeoutMs: 20_000, intervalMs: 1 });
};

function setUp(lateMs: number) {
  const life = new AbortController();
  const scene = {
    life,
    looks: 0,
    changes: 0,
    applies: true,
    /** What the next looks come to. */
    look: (async () => {}) as (signal: AbortSignal) => Promise<void>,
  };
  const probe = createProbe({
    periodMs: 1,
    lateMs,
    applies: () => scene.applies,
    onChange: () => void scene.changes++,
    look: async (lookSignal) => {
      scene.looks++;
      await scene.look(lookSignal);
    },
  });
  return Object.assign(scene, { probe, ended: probe.run(life.signal) });
}

test('a probe says how long it has failed, and with what; a look that succeeds ends that', async () => {
  const scene = setUp(60_000);
  await until('a look', () => scene.probe.state !== undefined);
  expect(scene.probe.state).toMatchObject({ ok: true, failingMs: 0 });
  scene.look = async () => await Promise.reject(new StackError('EngineTimeout', 'too slow'));
  await until('failures', () => (scene.probe.state?.failingMs ?? 0) > 5);
  expect(scene.probe.state).toMatchObject({ ok: false, reason: 'no answer: too slow' });
  expect(scene.changes).toBe(1);
  scene.look = async () => {};
  await until('success', () => scene.probe.state?.ok === true);
  expect(scene.probe.state).not.toHaveProperty('reason');
  expect(scene.changes).toBe(2);
  scene.applies = false;
  await until('nothing to look at', () => scene.probe.state === undefined);
  scene.life.abort();
  await scene.ended;
});

test('what was seen of something that is gone does not count, nor what is seen of it later', async () => {
  const scene = setUp(60_000);
  await until('a look', () => scene.probe.state?.ok === true);
  let end: (() => void) | undefined;
  scene.look = async () =>
    await new Promise((resolve) => {
      end = resolve;
    });
  await until('another', () => end !== undefined);
  scene.probe.forget();
  expect(scene.probe.state).toBeUndefined();
  const again: (() => void)[] = [];
  scene.look = async () => await new Promise((resolve) => again.push(resolve));
  end?.();
  await until('the next', () => again.length === 1);
  expect(scene.probe.state).toBeUndefined();
  again[0]?.();
  await until('its end', () => scene.probe.state?.ok === true);
  scene.life.abort();
  again[1]?.();
  await scene.ended;
});

test('a look that does not end fails from its begin on, and there is never a second one beside it', async () => {
  const scene = setUp(20);
  let end: (() => void) | undefined;
  await until('a look', () => scene.probe.state?.ok === true);
  scene.look = async () =>
    await new Promise((resolve) => {
      end = resolve;
    });
  await until('it to be late', () => scene.probe.state?.ok === false);
  const { looks } = scene;
  expect(scene.probe.state?.failingMs).toBeGreaterThanOrEqual(20);
  expect(scene.probe.state?.reason).toMatch(/^no answer: /);
  expect(scene.looks).toBe(looks);
  scene.look = async () => {};
  end?.();
  await until('the next', () => scene.probe.state?.ok === true && scene.looks > looks);
  scene.look = async (lookSignal) =>
    await new Promise((_, reject) => {
      lookSignal.addEventListener('abort', () => reject(new Error('aborted')));
    });
  scene.life.abort();
  await scene.ended;
  expect(scene.probe.state).toBeUndefined();
});

test.each([
  [new StackError('EngineNotRunning', 'the database system is starting up', { cause: { code: '57P03' } }), 'starting'],
  [new StackError('EngineNotRunning', 'le serveur démarre', { cause: { code: '57P03' } }), 'starting'],
  [
    new StackError('EngineNotRunning', 'the database system is in recovery mode', { cause: { code: '57P03' } }),
    'recovery',
  ],
  [
    new StackError('EngineNotRunning', 'the database system is shutting down', { cause: { code: '57P03' } }),
    'shutting down',
  ],
  [new StackError('EngineQueryFailed', 'sorry', { details: { sqlState: '53300' } }), 'too many clients'],
  [new StackError('EngineQueryFailed', 'canceling', { details: { sqlState: '55P03' } }), 'lock'],
  [new StackError('EngineQueryFailed', 'canceling', { details: { sqlState: '57014' } }), 'no answer'],
  [new StackError('WrongRole', 'read-only'), 'read-only'],
  [new StackError('EngineNotRunning', 'ECONNREFUSED'), 'failed'],
])('what a failed look means: %s', (error, trouble) => {
  expect(troubleOf(error)).toBe(trouble);
});
