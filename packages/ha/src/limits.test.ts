/** When there is no failover: beyond the limits, and where nothing is wrong with the primary. */
import { describe, expect, test } from 'vitest';
import { suspect } from './failover/suspicion.ts';
import { watch } from './testing/manage.ts';
import { createModel, type Model } from './testing/model.ts';
import { healed } from './testing/scenes.ts';

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
