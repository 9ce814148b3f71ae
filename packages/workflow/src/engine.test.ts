import { StackError, silentLogger } from '@polarstack/base';
import { createVirtualClock } from '@polarstack/testkit';
import { expect, test } from 'vitest';
import {
  createMemoryStore,
  defineWorkflow,
  done,
  newRecord,
  type Outcome,
  resume,
  runWorkflow,
  type Step,
  type StepContext,
  type WorkflowStore,
} from './index.ts';

type Services = { readonly log: string[] };

function harness(steps: readonly Step<Services>[], wrap: (store: WorkflowStore) => WorkflowStore = (s) => s) {
  const clock = createVirtualClock();
  const memory = createMemoryStore();
  const workflow = defineWorkflow({ name: 'w', steps });
  const log: string[] = [];
  let runs = 0;
  memory.put('op', newRecord(workflow, { input: 1 }));
  const store = wrap(memory);
  const start = (options: { cancel?: AbortSignal; signal?: AbortSignal; graceMs?: number } = {}): Promise<Outcome> =>
    clock.run(
      runWorkflow({
        workflows: new Map([['w', workflow]]),
        id: 'op',
        store,
        services: { log },
        logger: silentLogger,
        signal: new AbortController().signal,
        clock,
        random: () => 0,
        writer: `writer-${runs++}`,
        ...options,
      }),
    );
  const stored = async () => {
    const found = await memory.load('op', new AbortController().signal);
    if (!found) throw new Error('no record');
    return found.record;
  };
  return { clock, memory, log, start, stored };
}

const step = (name: string, run: Step<Services>['run'], more: Partial<Step<Services>> = {}): Step<Services> => ({
  name,
  timeoutMs: 60_000,
  run,
  ...more,
});
const says =
  (name: string) =>
  async ({ services }: StepContext<Services>) => {
    services.log.push(name);
    return done();
  };

test('W3, W4: steps run in order and see the input and earlier outputs', async () => {
  const seen: unknown[] = [];
  const h = harness([
    step('a', async () => done({ x: 'from a' })),
    step('b', async ({ context, progress }) => {
      seen.push(context);
      progress('almost');
    }),
  ]);
  expect(await h.start()).toMatchObject({ type: 'finished', record: { phase: 'Succeeded' } });
  expect(seen).toEqual([{ input: 1, x: 'from a' }]);
  expect((await h.stored()).steps).toMatchObject([
    { name: 'a', state: 'Succeeded', attempts: 1, failures: 0 },
    { name: 'b', state: 'Succeeded', message: 'almost' },
  ]);
  // Creation, the intent of a, a's success with b's intent, the end.
  expect((await h.stored()).revision).toBe(3);
});

test('W1: the intent is stored when the step runs', async () => {
  let during: unknown;
  const h = harness([
    step('a', async () => {
      during = await h.stored();
    }),
  ]);
  await h.start();
  expect(during).toMatchObject({ phase: 'Running', steps: [{ state: 'Running', attempts: 1 }] });
});

test('what a long step says is stored while it runs, and a takeover noticed then ends it', async () => {
  const stored: unknown[] = [];
  const takeOver = { now: false };
  const h = harness([
    step('a', async ({ progress, signal }) => {
      for (const part of ['10 %', '10 %', '60 %', '90 %']) {
        progress(part);
        if (takeOver.now && part === '60 %') {
          const record = await h.stored();
          h.memory.put('op', { ...record, revision: record.revision + 1, writer: 'somebody else' });
        }
        await h.clock.sleep(6_000, signal);
        stored.push((await h.stored()).steps[0]?.message);
      }
    }),
    step('b', says('b')),
  ]);
  expect(await h.start()).toMatchObject({ type: 'finished' });
  expect(stored).toEqual(['10 %', '10 %', '60 %', '90 %']);
  expect((await h.stored()).steps[0]).toMatchObject({ state: 'Succeeded', message: '90 %' });

  takeOver.now = true;
  h.memory.put('op', { ...(await h.stored()), phase: 'Pending', steps: [fresh('a'), fresh('b')] });
  h.log.length = 0;
  expect(await h.start()).toEqual({ type: 'lost' });
  expect(h.log).toEqual([]);
});
const fresh = (name: string) => ({ name, state: 'Pending' as const, attempts: 0, failures: 0 });

test('W6: an error is retried with growing pauses up to the limit, then interrupts with its code', async () => {
  const times: number[] = [];
  const h = harness([
    step(
      'a',
      async () => {
        times.push(h.clock.monotonic());
        throw new StackError('Timeout', 'not there yet');
      },
      { retry: { limit: 4, baseMs: 100, maxMs: 300 } },
    ),
    step('b', says('b')),
  ]);
  expect(await h.start()).toMatchObject({
    type: 'interrupted',
    record: { phase: 'Interrupted', reason: { code: 'Timeout', message: 'not there yet' } },
  });
  expect(times).toEqual([0, 50, 150, 300]);
  expect(h.log).toEqual([]);
  expect((await h.stored()).steps[0]).toMatchObject({ state: 'Failed', attempts: 4, failures: 4 });
});

test('W6: an error that says never interrupts at once', async () => {
  const h = harness([
    step('a', async () => {
      throw new StackError('InvalidConfig', 'no');
    }),
  ]);
  expect(await h.start()).toMatchObject({ type: 'interrupted', record: { reason: { code: 'InvalidConfig' } } });
  expect((await h.stored()).steps[0]).toMatchObject({ attempts: 1 });
  // Running it again changes nothing before a person resumes it.
  const before = await h.stored();
  expect(await h.start()).toMatchObject({ type: 'interrupted' });
  expect(await h.stored()).toEqual(before);
});

test('resume goes on from the failed step, from the first, or after skipping it', async () => {
  for (const [from, log] of [
    ['failed', ['a', 'b', 'c']],
    ['first', ['a', 'a', 'b', 'c']],
    ['skip', ['a', 'c']],
  ] as const) {
    let broken = true;
    const h = harness([
      step('a', says('a')),
      step('b', async (context) => {
        if (broken) throw new StackError('InvalidConfig', 'broken');
        return await says('b')(context);
      }),
      step('c', says('c')),
    ]);
    await h.start();
    broken = false;
    h.memory.put('op', resume(await h.stored(), from, h.clock.now().toISOString()));
    expect(await h.start()).toMatchObject({ type: 'finished', record: { phase: 'Succeeded' } });
    expect(h.log).toEqual(log);
  }
});

test('W8: throwing what is no error, or at once, ends the attempt only', async () => {
  let calls = 0;
  const h = harness([
    step('a', () => {
      if (calls++ === 0) throw 'a string';
      if (calls === 2) return Promise.reject(undefined);
      return Promise.resolve(undefined);
    }),
  ]);
  expect(await h.start()).toMatchObject({ type: 'finished' });
  expect((await h.stored()).steps[0]).toMatchObject({ attempts: 3, failures: 2 });
});

test('W8: a step that hangs is stopped by its time-out and tried again', async () => {
  let calls = 0;
  const h = harness([
    step(
      'a',
      async ({ signal }) => {
        if (calls++ > 0) return;
        await new Promise((_, reject) => signal.addEventListener('abort', () => reject(new Error('stopped'))));
      },
      { timeoutMs: 500 },
    ),
  ]);
  expect(await h.start()).toMatchObject({ type: 'finished' });
  expect(h.clock.monotonic()).toBe(550);
});

test('W8: a step that ignores its signal interrupts: a second attempt would overlap the first', async () => {
  const h = harness([step('a', () => new Promise(() => {}), { timeoutMs: 500 }), step('b', says('b'))]);
  expect(await h.start({ graceMs: 100 })).toMatchObject({
    type: 'interrupted',
    record: { reason: { code: 'StepStuck' }, steps: [{ attempts: 1 }, { attempts: 0 }] },
  });
});

test('W10: cancel stops the running step, is recorded, and nothing runs after it', async () => {
  const cancel = new AbortController();
  let ended = false;
  const h = harness([
    step('a', async ({ signal }) => {
      cancel.abort(new StackError('Cancelled', 'the cluster is being deleted'));
      await new Promise<void>((resolve) => {
        if (signal.aborted) resolve();
        signal.addEventListener('abort', () => resolve());
      });
      ended = true;
      throw new Error('stopped');
    }),
    step('b', says('b')),
  ]);
  expect(await h.start({ cancel: cancel.signal })).toMatchObject({
    type: 'finished',
    record: { phase: 'Cancelled', reason: { message: 'the cluster is being deleted' } },
  });
  expect(ended).toBe(true);
  expect(h.log).toEqual([]);
  const before = await h.stored();
  expect(await h.start()).toMatchObject({ type: 'finished' });
  expect(await h.stored(), 'W9').toEqual(before);
});

test('W11: a waiting step returns and is run again when woken, which is no failure', async () => {
  let open = false;
  const h = harness([
    step('a', async () => (open ? done() : { type: 'wait', reason: 'for the door', untilMs: 1_000 })),
    step('b', says('b')),
  ]);
  expect(await h.start()).toMatchObject({ type: 'waiting', untilMs: 1_000 });
  expect(h.clock.sleeping).toBe(0);
  expect(await h.stored()).toMatchObject({
    phase: 'Waiting',
    steps: [{ state: 'Waiting', message: 'for the door' }, {}],
  });
  open = true;
  expect(await h.start()).toMatchObject({ type: 'finished' });
  expect((await h.stored()).steps[0]).toMatchObject({ attempts: 2, failures: 0 });
});

test('W7: a write by another process ends the run without a further effect', async () => {
  const h = harness([
    step('a', async () => {
      const record = await h.stored();
      h.memory.put('op', { ...record, revision: record.revision + 1, writer: 'somebody else' });
    }),
    step('b', says('b')),
  ]);
  expect(await h.start()).toEqual({ type: 'lost' });
  expect(h.log).toEqual([]);
});

test('W7: a change beside the record, and a write whose answer was lost, are no conflict', async () => {
  let lose = true;
  const h = harness(
    [
      step('a', async () => {
        h.memory.put('op', await h.stored());
      }),
      step('b', says('b')),
    ],
    (store) => ({
      ...store,
      save: async (...args) => {
        const saved = await store.save(...args);
        lose = !lose;
        if (lose) throw new StackError('Timeout', 'the answer was lost');
        return saved;
      },
    }),
  );
  expect(await h.start()).toMatchObject({ type: 'finished', record: { phase: 'Succeeded' } });
  expect(h.log).toEqual(['b']);
});

test('a run whose record is gone ends; a step nobody knows interrupts', async () => {
  const gone = harness([step('a', says('a'))], (store) => ({
    ...store,
    save: async () => {
      throw new StackError('WorkflowGone', 'gone');
    },
  }));
  expect(await gone.start()).toEqual({ type: 'gone' });
  const h = harness([step('a', says('a'))]);
  const record = await h.stored();
  h.memory.put('op', { ...record, steps: [{ name: 'old', state: 'Pending', attempts: 0, failures: 0 }] });
  expect(await h.start()).toMatchObject({ type: 'interrupted', record: { reason: { code: 'UnknownStep' } } });
});

test('shutdown leaves the run resumable', async () => {
  const stop = new AbortController();
  const h = harness([
    step('a', async ({ services, attempt, signal }) => {
      services.log.push(`a${attempt}`);
      if (attempt > 1) return;
      stop.abort(new Error('shutdown'));
      signal.throwIfAborted();
    }),
  ]);
  await expect(h.start({ signal: stop.signal })).rejects.toThrow('shutdown');
  expect(await h.stored()).toMatchObject({ phase: 'Running' });
  expect(await h.start()).toMatchObject({ type: 'finished' });
  expect(h.log).toEqual(['a1', 'a2']);
  expect((await h.stored()).steps[0], 'W5').toMatchObject({ attempts: 2, failures: 0 });
});

test('definitions are checked', () => {
  expect(() => defineWorkflow({ name: 'w', steps: [step('a', says('a')), step('a', says('a'))] })).toThrow('two steps');
  expect(() => defineWorkflow({ name: 'w', steps: [step('a', says('a'), { timeoutMs: 0 })] })).toThrow('time-out');
  expect(() => defineWorkflow({ name: 'w', steps: [step('a', says('a'), { retry: { limit: 0 } })] })).toThrow('limit');
});

test('a planned run: one definition serves several steps, each with its own input', async () => {
  const workflow = defineWorkflow<Services>({
    name: 'w',
    steps: [
      step('restart', async ({ services, input, step: name }) => {
        services.log.push(`${name}: ${JSON.stringify(input.instance)}`);
      }),
      step('verify', says('verify')),
    ],
  });
  const plan = [
    { name: 'RestartReplica', use: 'restart', input: { instance: '1003' } },
    { name: 'RestartPrimary', use: 'restart', input: { instance: '1002' } },
    { name: 'verify' },
  ];
  const h = harness(workflow.steps);
  h.memory.put('op', newRecord(workflow, {}, plan));
  expect(await h.start()).toMatchObject({ type: 'finished', record: { phase: 'Succeeded' } });
  expect(h.log).toEqual(['RestartReplica: "1003"', 'RestartPrimary: "1002"', 'verify']);
  const again = resume({ ...(await h.stored()), phase: 'Interrupted' }, 'first', '');
  expect(again.steps.map(({ name, use, input }) => ({ name, use, input }))).toEqual(
    plan.map((each) => ({ use: undefined, input: undefined, ...each })),
  );
  expect(() => newRecord(workflow, {}, [{ name: 'a', use: 'b' }])).toThrow('no step b is known for a');
  expect(() => newRecord(workflow, {}, [{ name: 'verify' }, { name: 'verify' }])).toThrow('two planned steps');
});
