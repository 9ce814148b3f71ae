/** Failovers by the real code, in a world that checks itself (`testing/checker.ts`). */
import { StackError } from '@polarstack/base';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { HaSettings } from './record/failover.ts';
import { resultOf, type SwitchResult } from './record/record.ts';
import { ask, manage, watch } from './testing/manage.ts';
import { createModel, type Fault, IDS, type Mishap, type Model, mishaps } from './testing/model.ts';

/** Something happens to the primary, and a manager watches for as long as it takes. */
async function after(mishap: Mishap, faults: readonly Fault[] = [], forMs = 40_000): Promise<Model> {
  const model = createModel(faults);
  model.befall(mishap, 'a');
  await watch(model, forMs);
  return model;
}

const failoverOf = ({ record }: Model): SwitchResult | undefined =>
  record.results.find(({ kind }) => kind === 'failover');

async function healed(model: Model): Promise<void> {
  for (const { id } of model.instances.values()) {
    for (const mishap of ['mends', 'wake', 'hears'] as const) model.befall(mishap, id);
    model.get(id).down = false;
    if (!model.get(id).stoppedByRequest && !model.get(id).running) model.get(id).died ??= { at: 0, count: 1 };
  }
  await watch(model, 60_000, 1_000);
}

const everybodyFollows = ({ record, instances }: Model): void => {
  for (const one of instances.values()) {
    if (one.id === record.primary) continue;
    expect(one).toMatchObject({ running: true, role: 'replica', term: { epoch: record.epoch } });
    const behind = (instances.get(record.primary)?.log ?? []).slice(one.log.length);
    expect([...one.log, ...behind]).toEqual(instances.get(record.primary)?.log);
    expect(behind.length).toBeLessThan(3);
  }
};

describe('the engine of the primary ends', () => {
  test('I3: the replica that has received everything takes over, the old primary comes back; the record says all of it', async () => {
    const model = await after('die');
    expect(model.faultsFound()).toEqual([]);
    expect(model.record).toMatchObject({ epoch: 2, primary: 'b' });
    const result = failoverOf(model);
    expect(result).toMatchObject({
      id: 'failover-2',
      outcome: 'done',
      from: 'a',
      to: 'b',
      lostBytes: 0,
      cause: { verdict: 'dead', instance: 'a', signals: [{ what: 'E1' }] },
      evidence: [{ kind: 'F1', instanceId: 'a', epoch: 2, cleanStop: false }],
    });
    expect(result?.left).toBeUndefined();
    expect(result?.candidates?.map(({ id, guard }) => [id, guard])).toEqual([
      ['b', undefined],
      ['c', undefined],
    ]);
    expect(model.record.failovers).toMatchObject([{ from: 'a', to: 'b' }]);
    everybodyFollows(model);
  });

  test('A4: between the pulse and the fence lies one write of the record', async () => {
    const model = createModel();
    const stored = await model.store.read(new AbortController().signal);
    model.befall('die', 'a');
    const before = model.calls;
    let at = 0;
    const ports = {
      ...model.ports,
      agent: (id: string) => {
        const agent = model.ports.agent(id);
        return {
          ...agent,
          fence: async (...args: Parameters<typeof agent.fence>) => {
            at ||= model.calls;
            return await agent.fence(...args);
          },
        };
      },
    };
    const { tend } = await import('./actor.ts');
    const { store, clock, pulses } = model;
    const quiet = { info: () => {}, warn: () => {} };
    if (!stored) throw new Error('there is no record');
    await clock.run(tend({ store, ports, clock, log: quiet, signal: model.life(), pulses, known: stored }));
    // The looks at the others begin beside it.
    expect(at - before).toBe(1);
    expect(model.record.epoch).toBe(2);
  });

  test.each(['die-tail', 'hides'] as const)(
    'I3: where no replica is proven to have everything (%s), the old primary goes on in place',
    async (mishap) => {
      const model = createModel();
      model.live();
      if (mishap === 'hides') model.befall('hides', 'a');
      model.befall(mishap === 'hides' ? 'die' : mishap, 'a');
      await watch(model, 20_000);
      expect(model.faultsFound()).toEqual([]);
      expect(model.record).toMatchObject({ epoch: 2, primary: 'a' });
      expect(failoverOf(model)).toMatchObject({ outcome: 'done', from: 'a', to: 'a', lostBytes: 0 });
      expect(failoverOf(model)?.candidates?.[0]).toMatchObject({ id: 'b', guard: 'K8-has-everything' });
      everybodyFollows(model);
    },
  );

  test('H-A: where nobody could take over nothing is written, and its agent starts it in place', async () => {
    const model = createModel();
    for (const id of ['b', 'c']) model.befall('die', id);
    for (const id of ['b', 'c']) model.befall('breaks', id);
    await watch(model, 2_000);
    model.befall('die', 'a');
    const before = model.record;
    await watch(model, 10_000);
    expect(model.record.epoch).toBe(1);
    expect(model.record).toEqual(before);
    expect(model.faultsFound()).toEqual([]);
  });

  test('I9: nobody watches: its agent starts it after a second; who watches later finds it well', async () => {
    const model = createModel();
    model.befall('die', 'a');
    await model.clock.advance(1_500);
    model.live();
    await watch(model, 5_000);
    expect(model.record.epoch).toBe(1);
    expect(model.faultsFound()).toEqual([]);
  });

  test('a fence that comes after its agent has started it stops it again, and finds what it has written since', async () => {
    const model = createModel();
    model.befall('die', 'a');
    const find = (id: string) => model.ports.agent(id);
    let first = true;
    const ports = {
      ...model.ports,
      agent: (id: string) => {
        const agent = find(id);
        return {
          ...agent,
          fence: async (...args: Parameters<typeof agent.fence>) => {
            if (first) {
              first = false;
              await model.clock.advance(1_500);
              model.live();
              model.live();
              expect(model.get('a').running).toBe(true);
            }
            return await agent.fence(...args);
          },
        };
      },
    };
    await manage({ ...model, ports, life: model.life });
    expect(model.faultsFound()).toEqual([]);
    expect(model.record.epoch).toBe(2);
  });
});

describe('the primary hangs', () => {
  test('its engine: after three seconds it is ended and another one takes over; it may wake whenever it likes', async () => {
    const model = await after('hang', [], 2_500);
    expect(model.record.epoch).toBe(1);
    await watch(model, 30_000);
    expect(failoverOf(model)).toMatchObject({ cause: { verdict: 'hung' }, from: 'a', to: 'b', lostBytes: 0 });
    expect(model.faultsFound()).toEqual([]);
    everybodyFollows(model);
  });

  test('its engine, and nobody could take over: it is started anew in place', async () => {
    const model = createModel();
    for (const id of ['b', 'c']) model.befall('down', id);
    for (const id of ['b', 'c']) model.get(id).downUntil = Number.POSITIVE_INFINITY;
    model.befall('hang', 'a');
    await watch(model, 50_000);
    expect(failoverOf(model)).toMatchObject({ from: 'a', to: 'a', lostBytes: 0 });
    expect(model.get('a').running).toBe(true);
    await healed(model);
    expect(model.faultsFound()).toEqual([]);
  });

  test('its disk, and that of nobody else: who has a disk that works takes over', async () => {
    const model = await after('disk', [], 30_000);
    expect(failoverOf(model)).toMatchObject({ cause: { verdict: 'disk' }, from: 'a', to: 'b' });
    await healed(model);
    expect(model.faultsFound()).toEqual([]);
  });

  test('V-D, I13: the disks of all: nothing is done, and it goes on by itself', async () => {
    const model = createModel();
    for (const id of IDS) model.befall('disk', id);
    await watch(model, 20_000);
    expect(model.record.epoch).toBe(1);
    await healed(model);
    expect(model.record.epoch).toBe(1);
    expect(model.faultsFound()).toEqual([]);
  });
});

describe("S8': the one that was to go on cannot", () => {
  /** The tail of the primary's WAL reached nobody, and its engine does not start any more. */
  const broken = async (unreceived: number, maxLossBytes?: number): Promise<Model> => {
    const model = createModel();
    if (maxLossBytes !== undefined) model.record = { ...model.record, settings: { maxLossBytes } };
    for (const id of ['b', 'c']) model.befall('deaf', id);
    for (let i = 0; i < unreceived; i++) model.live();
    model.befall('die-tail', 'a');
    for (const id of ['b', 'c']) model.befall('hears', id);
    model.befall('breaks', 'a');
    return model;
  };

  test('in place fails: a replica takes over with a loss that is counted exactly and allowed', async () => {
    const model = await broken(3);
    await watch(model, 60_000);
    const [result] = model.record.results;
    expect(result).toMatchObject({ kind: 'failover', outcome: 'done', from: 'a', to: 'b', epoch: 3 });
    expect(result?.lostBytes).toBe(model.givenUp.size * 16);
    expect(model.givenUp.size).toBeGreaterThanOrEqual(3);
    await healed(model);
    expect(model.faultsFound()).toEqual([]);
    everybodyFollows(model);
  });

  test('I11: a member that has what was given up, and could not be elected, is rewound before it follows', async () => {
    const model = createModel();
    model.befall('deaf', 'b');
    model.record = {
      ...model.record,
      members: { ...model.record.members, c: { ...member(model, 'c'), electable: false } },
    };
    for (let i = 0; i < 3; i++) model.live();
    model.befall('die', 'a');
    model.befall('breaks', 'a');
    await watch(model, 60_000);
    expect(model.record).toMatchObject({ primary: 'b', epochs: [{}, {}, { lostBytes: expect.any(Number) }] });
    await healed(model);
    expect(model.faultsFound()).toEqual([]);
    everybodyFollows(model);
  });

  test('I13: where the loss is not allowed it stays unavailable, says why, and goes on once somebody mends it', async () => {
    const model = await broken(3, 16);
    await watch(model, 120_000);
    expect(model.record).toMatchObject({ epoch: 2, primary: 'a', switch: { kind: 'failover', step: 'S5' } });
    expect(model.record.switch?.trouble).toMatchObject({ code: 'NoSwitchTarget' });
    expect(model.record.switch?.trouble?.message).toMatch(
      /nobody else can take over.*at most 16 bytes may be lost.*b has the WAL up to/,
    );
    await healed(model);
    expect(model.faultsFound()).toEqual([]);
    expect(model.givenUp.size).toBe(0);
    expect(failoverOf(model)).toMatchObject({ to: 'a', lostBytes: 0 });
  });

  test('the elected replica stays in recovery: with evidence against it the old primary goes on, in a further epoch', async () => {
    const model = createModel();
    model.get('b').cannotPromote = true;
    model.befall('die', 'a');
    await watch(model, 60_000);
    expect(model.record).toMatchObject({ epoch: 3, primary: 'a' });
    expect(failoverOf(model)?.evidence?.map(({ instanceId }) => instanceId)).toEqual(['a', 'b']);
    expect(model.faultsFound()).toEqual([]);
  });

  test('the elected replica stays in recovery and the old primary is gone: another one that has everything takes over', async () => {
    const model = createModel();
    model.get('b').cannotPromote = true;
    model.befall('die', 'a');
    const find = (id: string) => model.ports.agent(id);
    const ports = {
      ...model.ports,
      agent: (id: string) => {
        const agent = find(id);
        if (id !== 'b') return agent;
        return {
          ...agent,
          promote: async (...args: Parameters<typeof agent.promote>) => {
            model.get('a').down = true;
            model.get('a').downUntil = Number.POSITIVE_INFINITY;
            return await agent.promote(...args);
          },
        };
      },
    };
    await watch({ ...model, ports, life: model.life } as Model, 60_000);
    expect(model.record).toMatchObject({ epoch: 3, primary: 'c' });
    await healed(model);
    expect(model.faultsFound()).toEqual([]);
  });
});

test('F3: an old primary that could not be rewound in one epoch is rewound in the next', async () => {
  const model = createModel();
  model.live();
  model.befall('die-tail', 'a');
  model.befall('breaks', 'a');
  const find = (id: string) => model.ports.agent(id);
  const ports = {
    ...model.ports,
    agent: (id: string) => ({
      ...find(id),
      rewind: async () => await Promise.reject(new StackError('RewindFailed', 'the source is away')),
    }),
  };
  const hindered = Object.create(model, { ports: { value: ports } }) as Model;
  await watch(hindered, 70_000);
  expect(model.record.epoch).toBe(3);
  const { log } = model.get('a');
  model.befall('die', model.record.primary);
  await watch(hindered, 40_000);
  expect(model.record.epoch).toBe(4);
  expect(model.get('a')).toMatchObject({ running: false, log, fence: 4, term: { role: 'replica', epoch: 4 } });
  await healed(model);
  expect(model.faultsFound()).toEqual([]);
  everybodyFollows(model);
});

const member = ({ record }: Model, id: string) => {
  const found = record.members[id];
  if (!found) throw new Error(`no member ${id}`);
  return found;
};

/** Every place at which something can happen while a scene is played. */
async function everywhere(
  play: (faults: readonly Fault[]) => Promise<Model>,
  whats: readonly Pick<Fault, 'what' | 'id'>[],
  check: (model: Model, where: string) => void = () => {},
): Promise<void> {
  const { calls } = await play([]);
  for (const what of whats) {
    for (let at = 1; at <= calls; at++) {
      // What happens to an instance after a call happens before the next one.
      const whens = ['kill', 'lose'].includes(what.what) ? (['before', 'after'] as const) : (['before'] as const);
      for (const when of whens) {
        const where = `${what.what} ${what.id ?? ''} ${when} call ${at}`;
        const model = await play([{ at, when, ...what }]);
        if (model.faultsFound().length > 0) await healed(model);
        expect(model.faultsFound(), where).toEqual([]);
        check(model, where);
      }
    }
  }
}

describe('at every call', () => {
  const failover = async (faults: readonly Fault[]): Promise<Model> => {
    const model = createModel(faults);
    model.befall('die', 'a');
    await manage(model, 60_000);
    return model;
  };

  test('I8: a failover whose manager is killed, whose call is lost or comes twice, ends', async () => {
    await everywhere(failover, [{ what: 'kill' }, { what: 'lose' }, { what: 'repeat' }], (model, where) => {
      expect(model.record.switch, where).toBeUndefined();
      expect(model.record.epoch, where).toBeGreaterThanOrEqual(2);
    });
  });

  test('M7: a failover during which the new primary, or another one, dies or hangs', async () => {
    await everywhere(failover, [
      { what: 'die', id: 'b' },
      { what: 'hang', id: 'b' },
      { what: 'die', id: 'c' },
    ]);
  });

  test('M7: a switchover during which the old primary dies or hangs: it ends, and nothing is lost', async () => {
    const switchover = async (faults: readonly Fault[]): Promise<Model> => {
      const model = createModel(faults);
      ask(model, 'b');
      await manage(model, 60_000);
      return model;
    };
    await everywhere(
      switchover,
      [
        { what: 'die', id: 'a' },
        { what: 'die-tail', id: 'a' },
        { what: 'hang', id: 'a' },
        { what: 'breaks', id: 'a' },
      ],
      (model, where) => {
        expect(resultOf(model.record, 'ask'), where).toBeDefined();
        expect(model.record.switch, where).toBeUndefined();
      },
    );
  });
});

describe('I16: limits', () => {
  /** Whoever is primary dies again as soon as everybody follows. */
  const kills = async (model: Model, count: number, everyMs: number): Promise<void> => {
    for (let i = 0; i < count; i++) {
      model.befall('die', model.record.primary);
      await watch(model, everyMs, 500);
    }
  };

  test('the first is free, the next ones half a minute apart, the fourth within ten minutes is left to the agent', async () => {
    const model = createModel();
    await kills(model, 6, 40_000);
    expect(model.failovers.length).toBe(3);
    expect(model.record.epoch).toBe(4);
    expect(model.faultsFound()).toEqual([]);
    model.record = {
      ...model.record,
      settings: { resumed: { failover: { by: 'me', at: model.clock.now().toISOString() } } },
    };
    await model.clock.advance(1_000);
    model.live();
  });

  test('B1: within the gap the agent starts it in place', async () => {
    const model = createModel();
    await kills(model, 2, 15_000);
    expect(model.failovers.length).toBe(1);
    expect(model.faultsFound()).toEqual([]);
  });

  test('both are lifted by settings: twenty failovers in a row', async () => {
    const model = createModel();
    model.record = { ...model.record, settings: { minFailoverGapMs: 0, maxFailovers: 1_000 } };
    await kills(model, 20, 12_000);
    expect(model.failovers.length).toBe(20);
    expect(model.record.epoch).toBe(21);
    expect(model.record.failovers?.length).toBe(20);
    expect(model.faultsFound()).toEqual([]);
  });

  test.each([
    ['H1-mode', { mode: 'manual' }],
    ['H2-not-paused', { paused: { failover: { by: 'me', at: '2026-01-01T00:00:00Z' } } }],
  ] as const)('%s: nothing fails over by itself', async (guard, settings) => {
    const model = createModel();
    model.record = { ...model.record, settings };
    model.befall('hang', 'a');
    await watch(model, 10_000);
    expect(model.record.epoch).toBe(1);
    const { suspect } = await import('./failover/suspicion.ts');
    const at = { now: model.clock.now(), monotonic: model.clock.monotonic() };
    const { guards, acts } = suspect(model.record, model.pulses(), at);
    expect([guards.find(({ holds }) => !holds)?.guard, acts]).toEqual([guard, false]);
  });
});

describe('I9: no needless failover', () => {
  test.each([
    ['a replica dies', (m: Model) => m.befall('die', 'c')],
    ['replicas hang', (m: Model) => ['b', 'c'].map((id) => m.befall('hang', id))],
    ['the agent of the primary is gone for five seconds', (m: Model) => m.befall('down', 'a')],
    ['a disk of a replica fails', (m: Model) => m.befall('disk', 'b')],
    ['nothing at all', () => undefined],
  ])('%s', async (_, befall) => {
    const model = createModel();
    befall(model);
    await watch(model, 20_000);
    expect(model.record.epoch).toBe(1);
    await healed(model);
    expect([model.record.epoch, model.faultsFound()]).toEqual([1, []]);
  });
});

test('random lives: whatever fails, one primary comes of it, and nothing acknowledged is lost unsaid', async () => {
  // What leads far into the machine comes more often, and several things at once.
  const what = fc.constantFrom<Mishap>(...mishaps, 'die', 'die-tail', 'die-tail', 'hang', 'breaks', 'stays', 'deaf');
  const id = fc.constantFrom(...IDS, 'a');
  const all = fc.array(fc.record({ what, id }), { minLength: 1, maxLength: 4, size: 'max' });
  const settings = fc.constantFrom<HaSettings>(
    {},
    { minFailoverGapMs: 0, maxFailovers: 1_000 },
    { minFailoverGapMs: 0, maxFailovers: 1_000, maxLossBytes: 0 },
  );
  const act = fc.oneof(
    { weight: 3, arbitrary: fc.record({ kind: fc.constant('mishaps' as const), all }) },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant('ask' as const), id }) },
    {
      weight: 2,
      arbitrary: fc.record({ kind: fc.constant('time' as const), ms: fc.constantFrom(100, 2_000, 12_000, 40_000) }),
    },
  );
  const fault: fc.Arbitrary<Fault> = fc.record({
    at: fc.integer({ min: 1, max: 150 }),
    when: fc.constantFrom('before', 'after'),
    what: fc.oneof(fc.constantFrom<'kill' | 'lose' | 'repeat'>('kill', 'lose', 'repeat'), what),
    id: fc.constantFrom(...IDS),
  });
  await fc.assert(
    fc.asyncProperty(
      fc.array(act, { maxLength: 8, size: 'max' }),
      fc.array(fault, { maxLength: 6 }),
      settings,
      async (acts, faults, set) => {
        const model = createModel(faults);
        model.record = { ...model.record, settings: set };
        for (const [i, one] of acts.entries()) {
          if (one.kind === 'mishaps') for (const each of one.all) model.befall(each.what, each.id);
          else if (one.kind === 'ask') {
            if (!model.record.switch && !model.record.request) ask(model, one.id, `ask-${i}`);
          }
          await watch(model, one.kind === 'time' ? one.ms : 300, 1_000);
          expect(model.violations).toEqual([]);
        }
        await healed(model);
        await healed(model);
        expect(model.faultsFound()).toEqual([]);
        everybodyFollows(model);
      },
    ),
    { numRuns: 50 },
  );
}, 60_000);
