/** What several tests of failovers ask of the model. */
import { expect } from 'vitest';
import type { SwitchResult } from '../record/record.ts';
import { watch } from './manage.ts';
import type { Model } from './model.ts';

export const failoverOf = ({ record }: Model): SwitchResult | undefined =>
  record.results.find(({ kind }) => kind === 'failover');

/** Everything is mended, and a manager watches for a minute. */
export async function healed(model: Model): Promise<void> {
  for (const { id } of model.instances.values()) {
    for (const mishap of ['mends', 'wake', 'hears'] as const) model.befall(mishap, id);
    model.get(id).down = false;
    if (!model.get(id).stoppedByRequest && !model.get(id).running) model.get(id).died ??= { at: 0, count: 1 };
  }
  await watch(model, 60_000, 1_000);
}

export const everybodyFollows = ({ record, instances }: Model): void => {
  for (const one of instances.values()) {
    if (one.id === record.primary) continue;
    expect(one).toMatchObject({ running: true, role: 'replica', term: { epoch: record.epoch } });
    const behind = (instances.get(record.primary)?.log ?? []).slice(one.log.length);
    expect([...one.log, ...behind]).toEqual(instances.get(record.primary)?.log);
    expect(behind.length).toBeLessThan(3);
  }
};
