/** Failovers by the real code, in a world that checks itself (`testing/checker.ts`). */
import { StackError } from '@polarstack/base';
import { describe, expect, test } from 'vitest';
import { manage, watch } from './testing/manage.ts';
import { createModel, type Fault, IDS, type Mishap, type Model } from './testing/model.ts';
import { everybodyFollows, failoverOf, healed } from './testing/scenes.ts';

/** Something happens to the primary, and a manager watches for as long as it takes. */
async function after(mishap: Mishap, faults: readonly Fault[] = [], forMs = 40_000): Promise<Model> {
  const model = createModel(faults);
  model.befall(mishap, 'a');
  await watch(model, forMs);
  return model;
}

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
