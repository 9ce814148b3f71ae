import { StackError } from '@polarstack/base';
import { expect, test } from 'vitest';
import { defineWorkflow, done, type ErrorAction, type Hooks, newRecord, resume, spliceGroups } from './index.ts';
import { createHarness, type Log, noting } from './testing/harness.ts';

const repair = (run: () => Promise<void>, limit = 2): ErrorAction<Log> => ({
  type: 'repair',
  limit,
  repair: {
    name: 'mend',
    timeoutMs: 1_000,
    run: async ({ services, step }) => {
      services.log.push(`mend ${step}`);
      await run();
      return undefined;
    },
  },
});

test('W14: a guide replaces the remedy; the one of the step goes before that of the workflow', async () => {
  const fail = async (): Promise<never> => {
    throw new StackError('InvalidConfig', 'broken');
  };
  const guide = (text: string) => ({ InvalidConfig: { type: 'guide', text } }) as const;
  for (const [more, remedy] of [
    [{}, 'of the workflow'],
    [{ onError: guide('of the step') }, 'of the step'],
  ] as const) {
    const h = createHarness([noting('a', { run: fail, ...more })], { onError: guide('of the workflow') });
    expect(await h.start()).toMatchObject({
      type: 'interrupted',
      record: { reason: { code: 'InvalidConfig', remedy } },
    });
  }
});

test('W14: a repair mends the cause and the failed step is run again; the next cause is mended as well', async () => {
  let causes = 2;
  const h = createHarness(
    [
      noting('a', {
        run: async ({ services }) => {
          services.log.push('a');
          if (causes > 0) throw new StackError('InvalidConfig', 'broken');
          return undefined;
        },
      }),
    ],
    { onError: { InvalidConfig: repair(async () => void causes--) } },
  );
  expect(await h.start()).toMatchObject({ type: 'finished', record: { phase: 'Succeeded' } });
  expect(h.log).toEqual(['a', 'mend a', 'a', 'mend a', 'a']);
  expect((await h.stored()).history?.map(({ event }) => event)).toContain('Repaired');
});

test('W14: a repair that does not help, or fails itself, is tried up to its limit; a resume counts anew', async () => {
  for (const helps of [true, false]) {
    const h = createHarness(
      [
        noting('a', {
          run: async () => {
            throw new StackError('InvalidConfig', 'the cause');
          },
        }),
      ],
      {
        onError: {
          InvalidConfig: repair(async () => {
            if (!helps) throw new StackError('Timeout', 'no answer');
          }, 3),
        },
      },
    );
    const interrupted = { type: 'interrupted', record: { reason: { code: 'InvalidConfig' } } };
    expect(await h.start()).toMatchObject(interrupted);
    expect(h.log).toEqual(['mend a', 'mend a', 'mend a']);
    const { reason, steps } = await h.stored();
    expect(reason?.message).toBe(helps ? 'the cause' : 'the cause; mending that failed: Timeout: no answer');
    expect(steps[0]?.repairing).toBeUndefined();
    await h.steer((record, now) => resume(record, 'failed', now));
    expect(await h.start()).toMatchObject(interrupted);
    expect(h.log).toHaveLength(6);
  }
});

test('W14: what the retry limit was spent on is mended too, and a repair is stopped by a cancel', async () => {
  const cancel = new AbortController();
  const h = createHarness(
    [
      noting('a', {
        retry: { limit: 2 },
        run: async () => {
          throw new StackError('Timeout', 'still not');
        },
      }),
    ],
    {
      onError: {
        Timeout: repair(async () => {
          cancel.abort(new StackError('Cancelled', 'enough'));
          throw new Error('stopped');
        }),
      },
    },
  );
  expect(await h.start({ cancel: cancel.signal })).toMatchObject({ type: 'finished', record: { phase: 'Cancelled' } });
  expect((await h.stored()).steps[0]).toMatchObject({ attempts: 3, state: 'Failed', error: { code: 'Cancelled' } });
});

test('W6: the policy of the run goes before that of the step', async () => {
  const h = createHarness([
    noting('a', {
      retry: { limit: 9, baseMs: 5, maxMs: 5 },
      run: async () => {
        throw new StackError('Timeout', 'no');
      },
    }),
  ]);
  await h.steer((record) => ({ ...record, retry: { limit: 3, baseMs: 1_000, maxMs: 1_000 } }));
  expect(await h.start()).toMatchObject({ type: 'interrupted' });
  expect((await h.stored()).steps[0]).toMatchObject({ attempts: 3 });
  // Jitter is the lower half here.
  expect(h.clock.monotonic()).toBe(1_000);
});

test('W11: a deadline is stored, wakes at the latest, is told, and interrupts a step that still waits', async () => {
  const seen: boolean[] = [];
  const h = createHarness([
    noting('a', {
      run: async ({ deadlinePassed }) => {
        seen.push(deadlinePassed);
        return { type: 'wait', reason: 'for the ship', untilMs: 60_000, deadlineMs: 90_000 };
      },
    }),
  ]);
  expect(await h.start()).toMatchObject({ type: 'waiting', untilMs: 60_000 });
  await h.clock.advance(60_000);
  expect(await h.start()).toMatchObject({ type: 'waiting', untilMs: 30_000 });
  expect((await h.stored()).steps[0]).toMatchObject({ deadline: '2026-01-01T00:01:30.000Z' });
  await h.clock.advance(30_000);
  expect(await h.start()).toMatchObject({ type: 'interrupted', record: { reason: { code: 'WaitTimeout' } } });
  expect(seen).toEqual([false, false, true]);
  // A resume waits anew.
  await h.steer((record, now) => resume(record, 'failed', now));
  expect(await h.start()).toMatchObject({ type: 'waiting', untilMs: 60_000 });
});

test('W11: what comes with the deadline is not missed', async () => {
  let open = false;
  const h = createHarness([
    noting('a', { run: async () => (open ? done() : { type: 'wait', reason: 'for the door', deadlineMs: 10 }) }),
  ]);
  await h.start();
  await h.clock.advance(20);
  open = true;
  expect(await h.start()).toMatchObject({ type: 'finished', record: { phase: 'Succeeded' } });
});

test('W15: hooks are called around runs and steps; what they do wrong changes nothing', async () => {
  const steps = (heard: string[]) => [
    noting('a', {
      run: async ({ failures }) => {
        heard.push('a');
        if (failures === 0) throw new StackError('Timeout', 'once');
        return undefined;
      },
    }),
  ];
  const heard: string[] = [];
  const h = createHarness(steps(heard));
  const hooks: Hooks = {
    beforeRun: ({ record }) => void heard.push(`run ${record.phase}`),
    afterRun: ({ record }) => void heard.push(`end ${record.phase}`),
    beforeStep: ({ step, record }) => void heard.push(`before ${step} ${record.steps[0]?.state}`),
    afterStep: async ({ step, error }) => void heard.push(`after ${step} ${error?.code ?? 'well'}`),
  };
  expect(await h.start({ hooks })).toMatchObject({ type: 'finished' });
  expect(heard).toEqual([
    'run Pending',
    ...['before a Running', 'a', 'after a Timeout'],
    ...['before a Running', 'a', 'after a well'],
    'end Succeeded',
  ]);
  const quiet = createHarness(steps([]));
  const wrong = async (): Promise<never> => {
    throw new Error('a bad hook');
  };
  const hangs = async (): Promise<never> => await new Promise(() => {});
  const bad: Hooks = { beforeRun: wrong, afterRun: hangs, beforeStep: hangs, afterStep: wrong };
  expect(await quiet.start({ hooks: bad, hookTimeoutMs: 100 })).toMatchObject({ type: 'finished' });
});

test('groups are spliced into plans, also into each other; names and inputs say for what', async () => {
  const groups = [
    { name: 'replace', steps: [{ name: 'make' }, { name: 'swap' }] },
    {
      name: 'swap',
      steps: [
        { name: 'stop', input: { mode: 'fast' } },
        { name: 'begin', use: 'start' },
      ],
    },
  ];
  const h = createHarness(
    ['make', 'stop', 'start'].map((name) =>
      noting(name, {
        run: async ({ services, step, input }) => {
          services.log.push(`${name} ${step} ${JSON.stringify(input)}`);
          return undefined;
        },
      }),
    ),
    { groups },
  );
  h.memory.put(
    'op',
    newRecord(h.workflow, {}, [{ name: 'swap' }, { name: 'First', use: 'replace', input: { id: 7 } }]),
  );
  await h.start();
  expect(h.log).toEqual([
    'stop stop {"mode":"fast"}',
    'start begin {}',
    'make First.make {"id":7}',
    'stop First.stop {"mode":"fast","id":7}',
    'start First.begin {"id":7}',
  ]);
  expect(() => newRecord(h.workflow, {}, [{ name: 'swap' }, { name: 'swap' }])).toThrow('two planned steps');
  const loop = [{ name: 'x', steps: [{ name: 'x' }] }];
  expect(() => spliceGroups([{ name: 'x' }], loop)).toThrow('contains itself');
});

test('definitions of groups and actions are checked', () => {
  const steps = [noting('a')];
  const define = (more: object) => () => defineWorkflow<Log>({ name: 'w', steps, ...more });
  expect(define({ groups: [{ name: 'a', steps: [] }] })).toThrow('called a');
  expect(define({ groups: [{ name: 'g', steps: [{ name: 'b' }] }] })).toThrow('names b');
  expect(define({ onError: { Timeout: repair(async () => {}, 0) } })).toThrow('limit below 1');
});
