/** The real code of the switch, in a world that checks itself: killed and cut off at every call. */
import { StackError } from '@polarstack/base';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { resultOf } from './record/record.ts';
import { ask, manage } from './testing/manage.ts';
import { createModel, type Fault, IDS } from './testing/model.ts';

async function run(faults: readonly Fault[], target = 'b') {
  const model = createModel(faults);
  ask(model, target);
  await manage(model);
  return model;
}

test('a switchover: the chosen replica is primary, everybody follows it, nothing acknowledged is lost', async () => {
  const model = await run([]);
  expect(model.faultsFound()).toEqual([]);
  expect(resultOf(model.record, 'ask')).toMatchObject({ outcome: 'done', epoch: 2, from: 'a', to: 'b' });
  expect(model.record).toMatchObject({ epoch: 2, primary: 'b' });
  for (const id of ['a', 'c'])
    expect(model.get(id)).toMatchObject({ running: true, role: 'replica', timeline: 2, term: { epoch: 2 } });
  expect(model.acknowledged.length).toBeGreaterThan(5);
});

test('I8: killed before and after every call, the next manager ends the switch', async () => {
  const { calls } = await run([]);
  for (let at = 1; at <= calls; at++) {
    for (const when of ['before', 'after'] as const) {
      const model = await run([{ at, when, what: 'kill' }]);
      expect(model.faultsFound(), `killed ${when} call ${at}`).toEqual([]);
      expect(resultOf(model.record, 'ask')?.outcome, `killed ${when} call ${at}`).toBe('done');
    }
  }
});

test('any calls lost, any number of deaths: one primary, and no acknowledged row is lost', async () => {
  const fault: fc.Arbitrary<Fault> = fc.record({
    at: fc.integer({ min: 1, max: 80 }),
    when: fc.constantFrom('before', 'after'),
    what: fc.constantFrom('kill', 'lose'),
  });
  await fc.assert(
    fc.asyncProperty(fc.array(fault, { maxLength: 12 }), async (faults) => {
      const model = await run(faults);
      expect(model.faultsFound()).toEqual([]);
      expect(resultOf(model.record, 'ask')).toBeDefined();
    }),
    { numRuns: 300 },
  );
});

describe('what cannot go on', () => {
  test('M4: the target dies after the stop: the old primary is resumed in its epoch', async () => {
    const model = createModel();
    ask(model, 'b');
    const { stop } = model.ports.agent('a');
    const agent = model.ports.agent.bind(model.ports);
    const ports = {
      ...model.ports,
      agent: (id: string) =>
        id === 'a'
          ? {
              ...agent('a'),
              stop: async (...args: Parameters<typeof stop>) => {
                model.get('b').stuck = true;
                return await stop(...args);
              },
            }
          : agent(id),
    };
    await manage({ ...model, ports, life: model.life });
    expect(model.record).toMatchObject({ epoch: 1, primary: 'a' });
    expect(model.faultsFound()).toEqual([]);
  });

  test("S8': the elected one stays in recovery: the old primary takes over in a further epoch, the failed one is rewound", async () => {
    const model = createModel();
    model.get('b').cannotPromote = true;
    ask(model, 'b');
    await manage(model);
    expect(model.faultsFound()).toEqual([]);
    expect(model.record).toMatchObject({ epoch: 3, primary: 'a' });
    expect(resultOf(model.record, 'ask')).toMatchObject({ outcome: 'failed', code: 'SwitchReturned', to: 'a' });
    expect(model.get('b')).toMatchObject({ running: true, role: 'replica', term: { epoch: 3 } });
  });
});

test('random lives of a cluster: switches to anybody, members that go down and come back', async () => {
  const act = fc.oneof(
    fc.record({ what: fc.constant('switch' as const), id: fc.constantFrom(...IDS, undefined) }),
    fc.record({
      what: fc.constantFrom('down' as const, 'up' as const),
      id: fc.constantFrom('b' as const, 'c' as const),
    }),
  );
  await fc.assert(
    fc.asyncProperty(fc.array(act, { maxLength: 8 }), async (acts) => {
      const model = createModel();
      for (const [index, { what, id }] of acts.entries()) {
        // A primary that goes down is a failover, which is not planned.
        if (what !== 'switch') {
          if (id !== undefined && id !== model.record.primary) model.get(id).down = what === 'down';
        } else ask(model, id, `ask-${index}`);
        await manage(model);
        expect(model.faultsFound()).toEqual([]);
        if (what === 'switch') expect(resultOf(model.record, `ask-${index}`)).toBeDefined();
      }
      for (const one of model.instances.values()) one.down = false;
      await manage(model);
      await manage(model);
      for (const one of model.instances.values())
        if (one.id !== model.record.primary) expect(one).toMatchObject({ role: 'replica', running: true });
      expect(model.faultsFound()).toEqual([]);
    }),
    { numRuns: 100 },
  );
});

test('switches in a row: each is done, although a replica tells an old timeline once its primary is gone', async () => {
  const model = createModel();
  for (const [index, target] of ['b', 'c', 'a', 'c'].entries()) {
    ask(model, target, `ask-${index}`);
    await manage(model);
    expect(resultOf(model.record, `ask-${index}`)).toMatchObject({ outcome: 'done', to: target, epoch: index + 2 });
  }
  expect(model.faultsFound()).toEqual([]);
});

test('F4: an old primary that came back and was then stopped by request is left alone, also while nobody answers there', async () => {
  const model = createModel();
  ask(model, 'b');
  await manage(model);
  expect(model.get('a')).toMatchObject({ running: true, role: 'replica', fence: 2 });
  for (const id of ['a', 'b']) await model.ports.agent(id).stop({ mode: 'fast', timeoutMs: 1_000 });
  let asked = 0;
  const agent = model.ports.agent.bind(model.ports);
  const ports = {
    ...model.ports,
    agent: (id: string) => {
      const refuse = async (): Promise<never> => {
        asked += 1;
        throw new StackError('EngineNotRunning', 'nobody answers there');
      };
      return id === 'a' ? { ...agent(id), rewind: refuse, start: refuse } : agent(id);
    },
  };
  await manage({ ...model, ports, life: model.life, kill: model.kill });
  expect(asked).toBe(0);
  expect(model.get('a').running).toBe(false);
});
