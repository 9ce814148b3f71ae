/**
 * Random walks and every single kill through flows that fail, wait, are repaired, cancelled, paused, skipped and resumed:
 * wherever the process dies, each ends finished, undone, paused or interrupted with a reason, and no invariant breaks.
 */
import { StackError, silentLogger } from '@polarstack/base';
import { createVirtualClock } from '@polarstack/testkit';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import {
  createMemoryStore,
  defineWorkflow,
  done,
  newRecord,
  type ResumeFrom,
  resume,
  runWorkflow,
  type StepContext,
  type WorkflowRecord,
  type WorkflowStore,
} from './index.ts';

/** What a call of a step, an undo or a repair does; the last entry repeats. */
type Behaviour = 'ok' | 'slow' | 'fail' | 'effect-then-fail' | 'wait' | 'fatal' | 'broken';
interface StepPlan {
  readonly run: readonly Behaviour[];
  /** Absent: it cannot be undone. */
  readonly undo?: readonly Behaviour[];
}
/** Something that a person does while, or after, the process makes its write number `write` in a life. */
interface Act {
  readonly write: number;
  readonly what: 'cancel' | 'pause' | 'abandon' | 'kill-before' | 'kill-after';
}
interface Plan {
  readonly steps: readonly StepPlan[];
  readonly repair: readonly Behaviour[];
  /** One entry a life of the process. */
  readonly lives: readonly Act[];
  /** How each stop that needs a person is answered, one after the other; then nobody answers. */
  readonly answers: readonly (ResumeFrom | 'cancel')[];
}

const behaviours = (...more: Behaviour[]) =>
  fc.array(
    fc.oneof(
      { weight: 4, arbitrary: fc.constant<Behaviour>('ok') },
      { weight: 5, arbitrary: fc.constantFrom<Behaviour>('slow', 'fail', 'effect-then-fail', 'wait', ...more) },
      { weight: 1, arbitrary: fc.constant<Behaviour>('fatal') },
    ),
    { minLength: 1, maxLength: 4 },
  );
const plans: fc.Arbitrary<Plan> = fc.record({
  steps: fc.array(
    fc
      .record({ run: behaviours('broken'), undo: fc.option(behaviours(), { nil: undefined }) })
      .map(({ run, undo }) => ({ run, ...(undo && { undo }) })),
    { minLength: 1, maxLength: 4 },
  ),
  repair: behaviours(),
  lives: fc.array(
    fc.record({
      write: fc.nat(8),
      what: fc.constantFrom<Act['what'][]>(
        'cancel',
        'pause',
        'pause',
        'abandon',
        'kill-before',
        'kill-after',
        'kill-before',
        'kill-after',
      ),
    }),
    { maxLength: 5 },
  ),
  answers: fc.array(fc.constantFrom<(ResumeFrom | 'cancel')[]>('failed', 'first', 'skip', 'cancel'), { maxLength: 5 }),
});

/** Lives the plan to its end; answers the record it ended with and how many writes each life made. */
async function live({ steps, repair, lives, answers }: Plan) {
  const clock = createVirtualClock();
  const memory = createMemoryStore();
  const never = new AbortController().signal;
  const effects = new Set<string>();
  const calls = new Map<string, number>();
  const running = new Set<string>();
  const stored = async (): Promise<WorkflowRecord> => {
    const found = await memory.load('op', never);
    if (!found) throw new Error('no record');
    return found.record;
  };

  /** What a step throws is an error of the step: what breaks an invariant there is kept and thrown at the end. */
  const violations: unknown[] = [];
  const must = (check: () => void): void => {
    try {
      check();
    } catch (error) {
      violations.push(error);
    }
  };
  const behave = async (
    what: string,
    list: readonly Behaviour[],
    { signal, attempt, step, progress }: StepContext<undefined>,
    effect: () => void,
  ) => {
    const record = await stored();
    const entry = record.steps.find(({ name }) => name === step);
    must(() => expect(entry, 'W1').toMatchObject({ state: 'Running', attempts: attempt }));
    must(() => expect(running.size, 'W8').toBe(0));
    running.add(what);
    try {
      const call = calls.get(what) ?? 0;
      calls.set(what, call + 1);
      const behaviour = list[Math.min(call, list.length - 1)] ?? 'ok';
      if (behaviour === 'fail') throw new StackError('Timeout', 'later');
      if (behaviour === 'fatal') throw new StackError('InvalidConfig', 'never');
      // Until it is repaired.
      if (behaviour === 'broken' && !effects.has(`mended ${step}`)) throw new StackError('ClusterNotReady', 'broken');
      if (behaviour === 'wait' && call < 6 && !what.startsWith('mend')) {
        return { type: 'wait' as const, reason: 'for the world', untilMs: 10, deadlineMs: 100_000 };
      }
      if (behaviour === 'slow') {
        progress(`call ${call}`);
        await clock.sleep(6_000, signal);
      }
      effect();
      if (behaviour === 'effect-then-fail') throw new StackError('Timeout', 'lost the answer');
      return done();
    } finally {
      running.delete(what);
    }
  };

  const workflow = defineWorkflow<undefined>({
    name: 'w',
    onError: {
      ClusterNotReady: {
        type: 'repair',
        limit: 2,
        repair: {
          name: 'mend',
          timeoutMs: 60_000,
          run: async (context) =>
            await behave(`mend ${context.step}`, repair, context, () => effects.add(`mended ${context.step}`)),
        },
      },
    },
    steps: steps.map(({ run, undo }, index) => ({
      name: `s${index}`,
      timeoutMs: 60_000,
      retry: { limit: 5, baseMs: 10, maxMs: 100 },
      run: async (context) => {
        const record = await stored();
        must(() => expect(record.undoing, 'W12: nothing is run any more').toBeUndefined());
        for (const { state } of record.steps.slice(0, index)) {
          must(() => expect(['Succeeded', 'Skipped'], 'W3').toContain(state));
        }
        return await behave(`s${index}`, run, context, () => effects.add(`s${index}`));
      },
      ...(undo && {
        undo: async (context: StepContext<undefined>) => {
          const record = await stored();
          must(() => expect(record.undoing, 'W12').toBe(true));
          for (const [later, { state, attempts }] of record.steps.entries()) {
            if (later <= index || attempts === 0 || !steps[later]?.undo) continue;
            must(() => expect(['Undone', 'Skipped'], 'W12: the last first').toContain(state));
          }
          return await behave(`-s${index}`, undo, context, () => effects.delete(`s${index}`));
        },
      }),
    })),
  });
  memory.put('op', newRecord(workflow));

  const writes: number[] = [];
  let paused = 0;
  let answered = 0;
  let isCancelled = false;
  for (let life = 0; ; life++) {
    expect(life, 'it ends').toBeLessThan(300);
    const act = lives[life];
    const [dead, cancel, abandon, pause] = [0, 0, 0, 0].map(() => new AbortController()) as [
      AbortController,
      AbortController,
      AbortController,
      AbortController,
    ];
    let seen = 0;
    const store: WorkflowStore = {
      load: (...args) => memory.load(...args),
      save: async (id, record, version, signal) => {
        dead.signal.throwIfAborted();
        const now = seen++ === act?.write ? act.what : undefined;
        if (now === 'kill-before') dead.abort(new Error('killed'));
        dead.signal.throwIfAborted();
        const before = await stored();
        must(() => expect(['Succeeded', 'Cancelled'], 'W9').not.toContain(before.phase));
        const saved = await memory.save(id, record, version, signal);
        if (now === 'kill-after') dead.abort(new Error('killed'));
        if (now === 'cancel') cancel.abort(new StackError('Cancelled', 'a person'));
        if (now === 'abandon') abandon.abort(new StackError('Cancelled', 'gone'));
        if (now === 'pause') pause.abort();
        dead.signal.throwIfAborted();
        return saved;
      },
    };
    // A wish to cancel is asked again in each life until the record says so, as its owner does.
    if (isCancelled) cancel.abort(new StackError('Cancelled', 'a person'));
    const outcome = await clock.run(
      runWorkflow({
        workflows: new Map([['w', workflow]]),
        id: 'op',
        store,
        services: undefined,
        logger: silentLogger,
        signal: dead.signal,
        cancel: cancel.signal,
        abandon: abandon.signal,
        pause: pause.signal,
        clock,
        writer: `life-${life}`,
      }).catch((error: unknown) => {
        if (!dead.signal.aborted) throw error;
        return undefined;
      }),
    );
    writes.push(seen);
    if (cancel.signal.aborted) isCancelled = true;
    const record = await stored();
    if (violations.length > 0) throw violations[0];
    if (outcome === undefined || outcome.type === 'waiting') continue;
    if (outcome.type === 'paused') {
      expect(record.phase, 'W13').toBe('Paused');
      paused++;
      memory.put('op', resume(record, 'failed', clock.now().toISOString()));
      continue;
    }
    if (outcome.type === 'interrupted') {
      expect(record).toMatchObject({
        phase: 'Interrupted',
        reason: { code: expect.any(String), message: expect.any(String), remedy: expect.any(String) },
      });
      const answer = answers[answered++];
      if (answer === 'cancel') isCancelled = true;
      else if (answer) memory.put('op', resume(record, answer, clock.now().toISOString()));
      if (answer && !(answer === 'cancel' && record.undoing)) continue;
    }
    for (const { failures, repairs = 0 } of record.steps) {
      expect(failures, 'W6').toBeLessThanOrEqual(5);
      expect(repairs, 'W14').toBeLessThanOrEqual(2);
    }
    if (outcome.type === 'finished' && record.phase === 'Succeeded') {
      expect(record.steps.every(({ state }) => state === 'Succeeded' || state === 'Skipped')).toBe(true);
      for (const { name, state } of record.steps) if (state === 'Succeeded') expect(effects, 'W2').toContain(name);
    }
    if (outcome.type === 'finished' && record.phase === 'Cancelled' && record.reason?.message !== 'gone') {
      for (const [index, { name, state }] of record.steps.entries()) {
        if (state === 'Undone') expect(effects, 'W12').not.toContain(name);
        else if (state !== 'Skipped' && steps[index]?.undo) expect(effects, 'W12').not.toContain(name);
      }
    }
    return { record, writes, paused };
  }
}

test('W12, W13, W14: random walks end finished, undone, or interrupted with a reason', async () => {
  const ends = new Set<string>();
  await fc.assert(
    fc.asyncProperty(plans, async (plan) => {
      const { record, paused } = await live(plan);
      ends.add(record.phase);
      if (record.steps.some(({ state }) => state === 'Undone')) ends.add('undone');
      if (paused > 0) ends.add('paused');
    }),
    { numRuns: 600 },
  );
  // The walks went everywhere.
  expect([...ends].sort()).toEqual(['Cancelled', 'Interrupted', 'Succeeded', 'paused', 'undone']);
}, 120_000);

const everything: Plan = {
  steps: [
    { run: ['slow'], undo: ['fail', 'effect-then-fail', 'ok'] },
    { run: ['fail', 'ok'] },
    { run: ['wait', 'broken', 'ok'], undo: ['wait', 'ok'] },
    { run: ['fatal'], undo: ['ok'] },
  ],
  repair: ['effect-then-fail', 'ok'],
  lives: [],
  answers: [],
};

test.each([
  ['interrupted, then cancelled and undone', ['cancel']],
  ['resumed, skipped', ['failed', 'skip']],
  ['from the first, then cancelled', ['first', 'cancel']],
] as const)('W5: kill before and after each single write of each life: %s', async (_, answers) => {
  const plan = { ...everything, answers };
  const { writes, record } = await live(plan);
  expect(writes.reduce((sum, count) => sum + count)).toBeGreaterThan(12);
  for (const [life, count] of writes.entries()) {
    for (let write = 0; write < count; write++) {
      for (const what of ['kill-before', 'kill-after'] as const) {
        const quiet: Act = { write: -1, what };
        const ended = await live({ ...plan, lives: [...Array(life).fill(quiet), { write, what }] });
        expect(ended.record.phase).toBe(record.phase);
        expect(ended.record.steps.map(({ state }) => state)).toEqual(record.steps.map(({ state }) => state));
      }
    }
  }
});

test('W10, W12, W13: cancel, pause and abandon at each write of each life', async () => {
  const plan: Plan = { ...everything, answers: ['skip'] };
  const { writes } = await live(plan);
  for (const [life, count] of writes.entries()) {
    for (let write = 0; write < count; write++) {
      for (const what of ['cancel', 'pause', 'abandon'] as const) {
        const quiet: Act = { write: -1, what };
        const { record } = await live({ ...plan, lives: [...Array(life).fill(quiet), { write, what }] });
        // What is asked for with the last write comes too late.
        const expected = what === 'pause' ? ['Succeeded'] : ['Cancelled', 'Succeeded'];
        expect(expected).toContain(record.phase);
      }
    }
  }
});
