import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { JsonObject } from '../json.ts';
import type { Schema } from '../schema/schema.ts';
import { validate } from '../schema/validate.ts';
import { compareMaps } from './compare.ts';
import { difference, equalSets, type FieldSet, intersection, isEmptySet, LEAF, pathsOf, union } from './field-set.ts';
import { fieldsOf } from './fields-of.ts';
import type { ManagedEntry } from './managed-fields.ts';
import { afterUpdate, applyConfig, type Writing } from './ownership.ts';

const schema: Schema = {
  type: 'object',
  properties: {
    spec: {
      type: 'object',
      properties: {
        size: { type: 'integer' },
        name: { type: 'string' },
        labels: { type: 'object', additionalProperties: { type: 'string' } },
        whole: { type: 'object', 'x-kubernetes-map-type': 'atomic', additionalProperties: { type: 'string' } },
        list: { type: 'array', items: { type: 'string' } },
        tags: { type: 'array', 'x-kubernetes-list-type': 'set', items: { type: 'string' } },
        parts: {
          type: 'array',
          'x-kubernetes-list-type': 'map',
          'x-kubernetes-list-map-keys': ['id'],
          items: {
            type: 'object',
            required: ['id'],
            properties: { id: { type: 'string' }, a: { type: 'integer' }, b: { type: 'integer' } },
          },
        },
      },
    },
  },
};

const text = fc.constantFrom('x', 'y');
const number = fc.integer({ min: 0, max: 2 });

/** Configurations with these keys; empty lists and maps leave no trace by Kubernetes' rules, so there are none. */
const configOf = (keys: readonly string[]) => {
  const key = fc.constantFrom(...keys);
  const parts = fc.record({ id: key, a: number, b: number }, { requiredKeys: ['id'] });
  return {
    labels: fc.dictionary(key, text, { minKeys: 1, maxKeys: 3, noNullPrototype: true }),
    tags: fc.uniqueArray(key, { minLength: 1, maxLength: 3 }),
    parts: fc.uniqueArray(parts, { minLength: 1, maxLength: 3, selector: (part) => part.id }),
  };
};
const lists = configOf(['a', 'b', 'c']);
const scalars = { size: number, name: text, whole: lists.labels, list: fc.array(text, { maxLength: 3 }) };
const config: fc.Arbitrary<JsonObject> = fc.record({
  spec: fc.record({ ...scalars, ...lists }, { requiredKeys: [] }),
});
/** No field of it is in a `config`. */
const otherConfig: fc.Arbitrary<JsonObject> = fc.record({
  spec: fc.record(configOf(['p', 'q']), { requiredKeys: [] }),
});

const manager = fc.constantFrom('one', 'two', 'three');
const step = fc.oneof(
  fc.record({ type: fc.constant('apply' as const), manager, config }),
  fc.record({ type: fc.constant('update' as const), manager, config }),
);

interface State {
  readonly object: JsonObject;
  readonly entries: readonly ManagedEntry[];
}

const empty: State = { object: {}, entries: [] };

const writing = (name: string, operation: 'Apply' | 'Update'): Writing => ({
  manager: { name, operation },
  apiVersion: 'v1',
  time: 't',
  ownable: (set) => set,
});

function apply({ object, entries }: State, name: string, wanted: JsonObject, force = true): State {
  const kept = entries.filter(({ fields }) => !isEmptySet(fields));
  return applyConfig(schema, object, wanted, kept, writing(name, 'Apply'), { force, tolerated: LEAF });
}

function run(state: State, next: { type: 'apply' | 'update'; manager: string; config: JsonObject }): State {
  if (next.type === 'apply') return apply(state, next.manager, next.config);
  const comparison = compareMaps(schema, state.object, next.config);
  return { object: next.config, entries: afterUpdate(state.entries, writing(next.manager, 'Update'), comparison) };
}

const history = fc.array(step, { maxLength: 6 }).map((steps) => steps.reduce(run, empty));
const texts = (set: FieldSet): readonly string[] => [...pathsOf(set)].map((path) => path.join('/')).sort();
const ownedBy = (state: State, name: string): FieldSet =>
  state.entries.find((entry) => entry.name === name && entry.operation === 'Apply')?.fields ?? LEAF;
const ownedByAll = (state: State): FieldSet => state.entries.reduce((sum, { fields }) => union(sum, fields), LEAF);
const everything = (object: JsonObject): FieldSet => compareMaps(schema, {}, object).changed;

describe('ownership', () => {
  it('of an applier is exactly what it applied (O2), and what it applied is there', () => {
    fc.assert(
      fc.property(history, manager, config, (state, name, wanted) => {
        const next = apply(state, name, wanted);
        expect(texts(ownedBy(next, name))).toEqual(texts(fieldsOf(schema, wanted)));
        expect(compareMaps(schema, next.object, wanted).changed).toEqual({});
      }),
    );
  });

  it('does not change by applying the same again (O5)', () => {
    fc.assert(
      fc.property(history, manager, config, (state, name, wanted) => {
        const once = apply(state, name, wanted);
        const twice = apply(once, name, wanted, false);
        expect(twice.object).toEqual(once.object);
        const last = ({ entries }: State) => entries.filter(({ fields }) => !isEmptySet(fields));
        expect(last(twice)).toEqual(last(once));
      }),
    );
  });

  it('is never of two managers by different values: an apply that is not forced conflicts or changes nobody else (O3)', () => {
    fc.assert(
      fc.property(history, manager, config, (state, name, wanted) => {
        const others = state.entries.filter((entry) => entry.name !== name || entry.operation !== 'Apply');
        const foreign = others.reduce((sum, { fields }) => union(sum, fields), LEAF);
        let next: State;
        try {
          next = apply(state, name, wanted, false);
        } catch (error) {
          expect(String(error)).toContain('Apply failed with');
          return;
        }
        const { changed } = compareMaps(schema, state.object, next.object);
        expect(texts(intersection(foreign, changed))).toEqual([]);
      }),
    );
  });

  it('of what is gone is nobody’s, of what came by an update its writer’s (O1)', () => {
    fc.assert(
      fc.property(history, manager, config, (state, name, wanted) => {
        const next = run(state, { type: 'update', manager: name, config: wanted });
        const { changed } = compareMaps(schema, state.object, wanted);
        for (const entry of next.entries) {
          const isWriter = entry.name === name && entry.operation === 'Update';
          const taken = intersection(entry.fields, changed);
          expect(texts(taken)).toEqual(isWriter ? texts(changed) : []);
        }
      }),
    );
  });
});

describe('a field', () => {
  it('that two appliers own stays when one drops it and goes with the last (O4)', () => {
    fc.assert(
      fc.property(config, (wanted) => {
        const nothing = { spec: {} };
        const both = apply(apply(empty, 'one', wanted), 'two', wanted, false);
        const one = apply(both, 'one', nothing, false);
        expect(compareMaps(schema, one.object, wanted).changed).toEqual({});
        const none = apply(one, 'two', nothing, false);
        const left = intersection(everything(none.object), fieldsOf(schema, wanted));
        expect(texts(difference(left, fieldsOf(schema, nothing)))).toEqual([]);
      }),
    );
  });

  it('that nobody applied is not touched by a later apply of less (O4, P1)', () => {
    fc.assert(
      fc.property(history, manager, config, config, (state, name, first, second) => {
        const before = apply(state, name, first);
        const after = apply(before, name, second);
        const { removed } = compareMaps(schema, before.object, after.object);
        const others = before.entries
          .filter((entry) => entry.name !== name || entry.operation !== 'Apply')
          .reduce((sum, { fields }) => union(sum, fields), LEAF);
        // As in Kubernetes, a list item goes as one whoever owns fields in it, and a list with its last item.
        const isPartOfList = (path: string): boolean => /\/k:|f:(tags|parts|labels)$/.test(path);
        const lost = texts(intersection(others, removed)).filter((path) => !isPartOfList(path));
        expect(lost).toEqual([]);
      }),
    );
  });
});

describe('appliers of different fields', () => {
  it('may come in any order', () => {
    fc.assert(
      fc.property(config, otherConfig, (first, second) => {
        const forth = apply(apply(empty, 'one', first, false), 'two', second, false);
        const back = apply(apply(empty, 'two', second, false), 'one', first, false);
        const { changed, removed } = compareMaps(schema, forth.object, back.object);
        expect({ changed, removed }).toEqual({ changed: {}, removed: {} });
        for (const name of ['one', 'two']) expect(ownedBy(forth, name)).toEqual(ownedBy(back, name));
      }),
    );
  });
});

describe('every history', () => {
  it('leaves an object that fits its schema, and owners of nothing that is not there', () => {
    fc.assert(
      fc.property(history, (state) => {
        expect(validate(schema, state.object, { typed: false })).toEqual([]);
        // What empty lists and maps leave behind is owned by whoever emptied them, if by anybody.
        const there = union(everything(state.object), fieldsOf(schema, state.object));
        const ghosts = texts(difference(ownedByAll(state), there)).filter(
          (path) => !/f:(labels|tags|parts|spec)$/.test(path),
        );
        expect(ghosts).toEqual([]);
      }),
    );
  });
});

describe('sets', () => {
  const set = config.map((value) => fieldsOf(schema, value));

  it('obey the laws of sets (F1, F2)', () => {
    fc.assert(
      fc.property(set, set, (a, b) => {
        const members = (fields: FieldSet) => new Set(texts(fields));
        expect(members(union(a, b))).toEqual(new Set([...members(a), ...members(b)]));
        expect(members(intersection(a, b))).toEqual(new Set([...members(a)].filter((path) => members(b).has(path))));
        expect(members(difference(a, b))).toEqual(new Set([...members(a)].filter((path) => !members(b).has(path))));
        expect(equalSets(union(difference(a, b), intersection(a, b)), a)).toBe(true);
      }),
    );
  });
});
