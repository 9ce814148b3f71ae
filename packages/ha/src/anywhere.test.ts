/** Failovers and switchovers that are disturbed at every call, and random lives of a cluster. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { HaSettings } from './record/failover.ts';
import { resultOf } from './record/record.ts';
import { ask, manage, watch } from './testing/manage.ts';
import { createModel, type Fault, IDS, type Mishap, type Model, mishaps } from './testing/model.ts';
import { everybodyFollows, healed } from './testing/scenes.ts';

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
