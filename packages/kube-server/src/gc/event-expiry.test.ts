import { silentLogger, systemClock } from '@polarstack/base';
import { describe, expect, it } from 'vitest';
import { createAdmission } from '../admission/admission.ts';
import { createFieldTracker } from '../apply/field-tracker.ts';
import { createItemTexts } from '../http/item-texts.ts';
import type { JsonObject } from '../json.ts';
import { createObject } from '../operations/create.ts';
import type { Environment } from '../operations/environment.ts';
import { createListSnapshots } from '../operations/snapshots.ts';
import { updateObject } from '../operations/update.ts';
import { builtinDefinitions } from '../registry/builtin.ts';
import { createRegistry } from '../registry/registry.ts';
import { builtinTypes } from '../schema/builtin/types.ts';
import { createMemoryStore } from '../store/memory-store.ts';
import { createEventSweep } from './event-expiry.ts';

const HOUR = 3_600_000;

describe('events', () => {
  it('go an hour after their last change by the clock that cannot jump', async () => {
    let monotonic = 0;
    let wall = new Date('2026-01-01T00:00:00Z');
    const clock = { ...systemClock, now: () => wall, monotonic: () => monotonic };
    const store = createMemoryStore();
    const types = builtinTypes();
    const registry = createRegistry(
      store,
      builtinDefinitions(types, { reserve: () => undefined }, async () => {}),
    );
    const env: Environment = {
      store,
      registry,
      types,
      clock,
      logger: silentLogger,
      snapshots: createListSnapshots(clock, 0),
      admission: createAdmission(store, registry, new AbortController().signal),
      fields: createFieldTracker(types),
      itemTexts: createItemTexts(),
    };
    const input = { fieldValidation: 'Strict', duplicates: [], warn: () => {} } as const;
    const context = { now: wall, user: { username: 'x', groups: [] }, dryRun: false };
    const create = (plural: string, namespace: string | undefined, value: JsonObject) => {
      const definition = registry.find('', 'v1', plural);
      if (!definition) throw new Error(plural);
      return createObject(env, { ...input, definition, namespace, value, context });
    };
    await create('namespaces', undefined, { metadata: { name: 'default' } });
    const event = (name: string): JsonObject => ({
      metadata: { name },
      involvedObject: { kind: 'Pod', namespace: 'default', name: 'p' },
    });
    await create('events', 'default', event('quiet'));
    await create('events', 'default', event('busy'));
    const names = (): readonly unknown[] => store.list('core/events/').map(({ object }) => object.metadata.name);

    const sweep = createEventSweep(env);
    await sweep();
    wall = new Date('2036-01-01T00:00:00Z');
    await sweep();
    expect(names()).toEqual(['busy', 'quiet']);
    monotonic = HOUR - 1;
    const definition = registry.find('', 'v1', 'events');
    if (!definition) throw new Error('events');
    const next = (current: Readonly<JsonObject>): JsonObject => ({ ...current, count: 2 });
    await updateObject(env, {
      ...input,
      definition,
      namespace: 'default',
      name: 'busy',
      status: false,
      context,
      next,
      isReplace: false,
    });
    await sweep();
    monotonic = HOUR;
    await sweep();
    expect(names()).toEqual(['busy']);
    monotonic = 2 * HOUR;
    await sweep();
    expect(names()).toEqual([]);
  });
});
