import { StackError, silentLogger } from '@polarstack/base';
import { createVirtualClock } from '@polarstack/testkit';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import {
  createMemoryStore,
  defineWorkflow,
  done,
  newRecord,
  runWorkflow,
  type StepContext,
  type WorkflowStore,
} from './index.ts';

/** How a step of the model behaves on each attempt; the last entry repeats. */
type Behaviour = 'ok' | 'slow' | 'fail' | 'effect-then-fail' | 'wait' | 'fatal';
interface Plan {
  readonly steps: readonly (readonly Behaviour[])[];
  /** Per life of the process: killed at which write, and whether that write still reached the store. */
  readonly kills: readonly { readonly write: number; readonly before: boolean }[];
}

const plans: fc.Arbitrary<Plan> = fc.record({
  steps: fc.array(
    fc.array(
      fc.oneof(
        { weight: 4, arbitrary: fc.constant<Behaviour>('ok') },
        { weight: 6, arbitrary: fc.constantFrom<Behaviour>('slow', 'fail', 'effect-then-fail', 'wait') },
        { weight: 1, arbitrary: fc.constant<Behaviour>('fatal') },
      ),
      { minLength: 1, maxLength: 4 },
    ),
    { minLength: 1, maxLength: 4 },
  ),
  kills: fc.array(fc.record({ write: fc.nat(8), before: fc.boolean() }), { maxLength: 4 }),
});

/** Runs the plan to its end over as many lives of the process as its kills ask for, and checks W1-W6 on the way. */
async function live({ steps, kills }: Plan): Promise<number> {
  const clock = createVirtualClock();
  const memory = createMemoryStore();
  const never = new AbortController().signal;
  /** The world outside: effects by step name. Applying one twice changes nothing. */
  const effects = new Map<string, string>();
  const finishedSteps = new Set<string>();
  const calls = new Map<string, number>();
  const stored = async () => (await memory.load('op', never))?.record ?? newRecord(workflow);

  /** What a step throws is an error of the step: what breaks an invariant there is kept and thrown at the end. */
  const violations: unknown[] = [];
  const must = (check: () => void): void => {
    try {
      check();
    } catch (error) {
      violations.push(error);
    }
  };

  const workflow = defineWorkflow({
    name: 'w',
    steps: steps.map((behaviours, index) => ({
      name: `s${index}`,
      timeoutMs: 60_000,
      retry: { limit: 5, baseMs: 10, maxMs: 100 },
      run: async ({ attempt, context, progress, signal }: StepContext<undefined>) => {
        const name = `s${index}`;
        const record = await stored();
        must(() => expect(record.steps[index], 'W1').toMatchObject({ state: 'Running', attempts: attempt }));
        must(() => expect(finishedSteps.has(name), 'W2').toBe(false));
        for (let i = 0; i < index; i++) must(() => expect(context[`s${i}`], 'W3, W4').toBe(effects.get(`s${i}`)));
        const call = calls.get(name) ?? 0;
        calls.set(name, call + 1);
        const behaviour = behaviours[Math.min(call, behaviours.length - 1)] ?? 'ok';
        if (behaviour === 'fail') throw new StackError('Timeout', 'later');
        if (behaviour === 'fatal') throw new StackError('InvalidConfig', 'never');
        if (behaviour === 'wait' && call < 6) return { type: 'wait' as const, reason: 'for the world' };
        if (behaviour === 'slow') {
          // Long enough for what it says to be stored while it runs.
          progress(`call ${call}`);
          await clock.sleep(6_000, signal);
        }
        // Idempotent: compares before it acts.
        const effect = effects.get(name) ?? `made in attempt ${attempt}`;
        effects.set(name, effect);
        if (behaviour === 'effect-then-fail') throw new StackError('Timeout', 'lost the answer');
        return done({ [name]: effect });
      },
    })),
  });
  memory.put('op', newRecord(workflow));

  let writes = 0;
  for (let life = 0; ; life++) {
    const kill = kills[life];
    const dead = new AbortController();
    let seen = 0;
    const store: WorkflowStore = {
      load: (...args) => memory.load(...args),
      save: async (...args) => {
        dead.signal.throwIfAborted();
        const fatal = kill !== undefined && seen++ === kill.write;
        if (fatal && kill.before) dead.abort(new Error('killed'));
        dead.signal.throwIfAborted();
        const saved = await memory.save(...args);
        writes++;
        for (const { name, state } of saved.record.steps) if (state === 'Succeeded') finishedSteps.add(name);
        if (fatal) dead.abort(new Error('killed'));
        dead.signal.throwIfAborted();
        return saved;
      },
    };
    const outcome = await clock.run(
      runWorkflow({
        workflows: new Map([['w', workflow]]),
        id: 'op',
        store,
        services: undefined,
        logger: silentLogger,
        signal: dead.signal,
        clock,
        writer: `life-${life}`,
      }).catch((error: unknown) => {
        if (!dead.signal.aborted) throw error;
        return undefined;
      }),
    );
    if (violations.length > 0) throw violations[0];
    if (outcome === undefined || outcome.type === 'waiting') {
      expect(life).toBeLessThan(200);
      continue;
    }
    const record = await stored();
    if (outcome.type === 'finished') {
      expect(record.phase).toBe('Succeeded');
      expect([...effects.keys()].sort()).toEqual(steps.map((_, index) => `s${index}`));
      expect(record.context).toEqual(Object.fromEntries(effects));
    } else {
      expect(outcome.type).toBe('interrupted');
      expect(record).toMatchObject({
        phase: 'Interrupted',
        reason: { code: expect.any(String), remedy: expect.any(String) },
      });
    }
    for (const { failures } of record.steps) expect(failures, 'W6').toBeLessThanOrEqual(5);
    return writes;
  }
}

test('every plan ends finished or interrupted with a reason, wherever the process is killed', async () => {
  await fc.assert(
    fc.asyncProperty(plans, async (plan) => void (await live(plan))),
    { numRuns: 300 },
  );
});

test('kill before and after each single write, and before and after each pair of writes', async () => {
  const steps: Plan['steps'] = [['slow'], ['fail', 'ok'], ['wait', 'effect-then-fail', 'ok'], ['ok']];
  const writes = await live({ steps, kills: [] });
  for (let first = 0; first < writes; first++) {
    for (const before of [true, false]) {
      await live({ steps, kills: [{ write: first, before }] });
      for (let second = 0; second < writes; second++) {
        for (const again of [true, false]) {
          await live({
            steps,
            kills: [
              { write: first, before },
              { write: second, before: again },
            ],
          });
        }
      }
    }
  }
});
