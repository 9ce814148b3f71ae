import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { fieldMessage } from '../http/field-error.ts';
import { cloneJson, equalJson } from '../json.ts';
import { builtinTypes } from './builtin/types.ts';
import { compileCel } from './cel.ts';
import { compileTypes } from './dsl.ts';
import { hasFormat } from './formats.ts';
import { checkListTypes } from './list-types.ts';
import { normalise } from './normalise.ts';
import { parseQuantity } from './quantity.ts';
import type { Schema } from './schema.ts';
import { checkSchema } from './schema-rules.ts';
import { validate } from './validate.ts';

const messages = (schema: Schema, value: unknown): readonly string[] =>
  validate(schema, value, { typed: false, at: ['spec'] }).map(fieldMessage);

describe('the notation of built-in types', () => {
  it('says fields, lists, maps, enumerations, defaults and merge keys', () => {
    const types = compileTypes(
      [
        {
          prefix: 'io.test',
          text: 'A: name! string, kind string(X|Y)=X, list [B]@id, map {quantity}, self A, on bool=true\nB: id! int',
        },
      ],
      { A: 'An A.', 'A.name': 'Its name.' },
    );
    expect(types('A')).toMatchObject({
      typeName: 'io.test.A',
      description: 'An A.',
      required: ['name'],
      properties: {
        name: { type: 'string', description: 'Its name.' },
        kind: { enum: ['X', 'Y'], default: 'X' },
        list: { type: 'array', 'x-kubernetes-patch-merge-key': 'id', items: { typeName: 'io.test.B' } },
        map: { type: 'object', additionalProperties: { format: 'quantity' } },
        on: { type: 'boolean', default: true },
      },
    });
    expect(types('A').properties?.self).toBe(types('A'));
    expect(() => types('C')).toThrow('type C is not declared');
  });

  it('compiles for every built-in kind, with every field readable', () => {
    const types = builtinTypes();
    const seen = new Set<Schema>();
    const visit = (schema: Schema): void => {
      if (seen.has(schema)) return;
      seen.add(schema);
      for (const child of Object.values(schema.properties ?? {})) visit(child);
      if (schema.items) visit(schema.items);
      if (typeof schema.additionalProperties === 'object') visit(schema.additionalProperties);
    };
    const kinds = [
      'Pod',
      'Node',
      'Service',
      'Event',
      'EventsEvent',
      'Lease',
      'EndpointSlice',
      'CustomResourceDefinition',
      'DeleteOptions',
      'Scale',
      'Binding',
    ];
    for (const kind of kinds) visit(types(kind));
    expect(seen.size).toBeGreaterThan(300);
  });
});

describe('normalise', () => {
  const schema: Schema = {
    type: 'object',
    properties: {
      a: { type: 'string', default: 'x' },
      deep: { type: 'object', default: {}, properties: { n: { type: 'integer', default: 3 } } },
      free: {
        type: 'object',
        'x-kubernetes-preserve-unknown-fields': true,
        properties: { k: { type: 'object', properties: {} } },
      },
      list: { type: 'array', items: { type: 'object', properties: { id: { type: 'string' } } } },
      nullable: { type: 'string', nullable: true, default: 'd' },
    },
  };

  it('fills defaults, also inside of defaults', () => {
    expect(normalise(schema, {}, { typed: false }).value).toEqual({ a: 'x', deep: { n: 3 }, nullable: 'd' });
    expect(normalise(schema, { a: null, nullable: null }, { typed: false }).value).toMatchObject({
      a: 'x',
      nullable: null,
    });
  });

  it('leaves out and reports what is unknown, except where it is preserved (N2)', () => {
    const result = normalise(
      schema,
      { z: 1, free: { any: 1, k: { gone: 1 } }, list: [{ id: 'a', b: 1 }] },
      { typed: false, at: ['spec'] },
    );
    expect(result.value).toMatchObject({ free: { any: 1, k: {} }, list: [{ id: 'a' }] });
    expect(result.unknown).toEqual(['spec.z', 'spec.free.k.gone', 'spec.list[0].b']);
  });

  it('treats nulls and wrong types of typed kinds as Go does (N3)', () => {
    const pod = builtinTypes()('Pod');
    const good = normalise(
      pod,
      {
        metadata: { creationTimestamp: null },
        spec: { containers: [{ name: 'c', resources: { limits: { cpu: 2 } } }] },
      },
      { typed: true },
    );
    expect(good.mismatches).toEqual([]);
    expect(good.value).toMatchObject({ metadata: {}, spec: { containers: [{ resources: { limits: { cpu: '2' } } }] } });
    const bad = normalise(pod, { spec: { hostNetwork: 'yes', containers: {} } }, { typed: true });
    expect(bad.mismatches).toEqual([
      'json: cannot unmarshal string into Go struct field PodSpec.spec.hostNetwork of type bool',
      'json: cannot unmarshal object into Go struct field PodSpec.spec.containers of type []v1.Container',
    ]);
  });

  it('shares nothing with its input and is stable (N1)', () => {
    fc.assert(
      fc.property(fc.jsonValue({ maxDepth: 4 }), (value) => {
        const before = cloneJson(value);
        const once = normalise(schema, value, { typed: false }).value;
        const twice = normalise(schema, once, { typed: false });
        expect(equalJson(twice.value, once)).toBe(true);
        expect(twice.unknown).toEqual([]);
        expect(value).toEqual(before);
      }),
    );
  });

  it('keeps a field called __proto__ out of the prototype', () => {
    const value: unknown = JSON.parse('{"free":{"__proto__":{"polluted":true}}}');
    const result = normalise(schema, value, { typed: false }).value as { free: object };
    expect(Object.hasOwn(result.free, '__proto__')).toBe(true);
    expect((result.free as { polluted?: boolean }).polluted).toBeUndefined();
  });
});

describe('validate', () => {
  it('speaks as Kubernetes does', () => {
    expect(messages({ type: 'integer', minimum: 1, exclusiveMinimum: true }, 1)).toEqual([
      'spec: Invalid value: 1: spec in body should be greater than 1',
    ]);
    expect(messages({ type: 'integer', maximum: 3 }, 4)).toEqual([
      'spec: Invalid value: 4: spec in body should be less than or equal to 3',
    ]);
    expect(messages({ type: 'string', maxLength: 2 }, 'abc')).toEqual(['spec: Too long: may not be more than 2 bytes']);
    expect(messages({ type: 'string', minLength: 2 }, '')).toEqual([
      'spec: Invalid value: "": spec in body should be at least 2 chars long',
    ]);
    expect(messages({ type: 'array', maxItems: 1, items: { type: 'string' } }, ['a', 'b'])).toEqual([
      'spec: Too many: 2: must have at most 1 item',
    ]);
    expect(messages({ type: 'string', format: 'date-time' }, 'x')).toEqual([
      'spec: Invalid value: "x": spec in body must be of type date-time: "x"',
    ]);
    expect(messages({ type: 'string' }, null)).toEqual([
      'spec: Invalid value: "null": spec in body must be of type string: "null"',
    ]);
    expect(messages({ 'x-kubernetes-int-or-string': true }, 1.5)).toHaveLength(1);
    expect(messages({ type: 'object', oneOf: [{ required: ['a'] }, { required: ['b'] }] }, { a: 1, b: 1 })).toEqual([
      '<nil>: Invalid value: "": "spec" must validate one and only one schema (oneOf). Found 2 valid alternatives',
    ]);
    expect(messages({ type: 'string', pattern: '(?i)^abc$' }, 'ABC')).toEqual([]);
  });

  it('tells items of a map list apart by their keys, defaults included', () => {
    const schema: Schema = {
      type: 'array',
      'x-kubernetes-list-type': 'map',
      'x-kubernetes-list-map-keys': ['port', 'protocol'],
      items: {
        type: 'object',
        properties: { port: { type: 'integer' }, protocol: { type: 'string', default: 'TCP' } },
      },
    };
    const twice = (value: unknown) => checkListTypes(schema, value).map(fieldMessage);
    const tcp = { port: 1, protocol: 'TCP' };
    expect(twice([tcp, { port: 1, protocol: 'UDP' }])).toEqual([]);
    expect(twice([tcp, tcp, tcp])).toEqual(['[1]: Duplicate value: {"port":1,"protocol":"TCP"}']);
  });
});

describe('CEL rules', () => {
  const judge = (schema: Schema, value: unknown, old?: unknown): readonly string[] => {
    const { validator, errors } = compileCel(schema);
    expect(errors).toEqual([]);
    return validator.validate(value, old).map(fieldMessage);
  };
  const rule = (text: string, message?: string, extra: object = {}): Schema => ({
    type: 'object',
    properties: {
      n: { type: 'integer' },
      f: { type: 'number' },
      s: { type: 'string' },
      u: { type: 'integer' },
      namespace: { type: 'string' },
      l: { type: 'array', items: { type: 'string' } },
      t: { type: 'string', format: 'date-time' },
      any: { type: 'object', additionalProperties: { type: 'integer' } },
    },
    'x-kubernetes-validations': [{ rule: text, ...(message === undefined ? {} : { message }), ...extra }],
  });

  it('see integers, numbers, times, maps, lists and escaped names', () => {
    const value = { n: 3, f: 2, s: 'x', namespace: 'ns', l: ['b', 'a'], t: '2026-01-01T00:00:00Z', any: { a: 1 } };
    for (const text of [
      'self.n + 1 == 4',
      'self.f + 0.5 == 2.5',
      'self.__namespace__ == "ns"',
      'size(self.l) == 2 && !self.l.isSorted() && self.l.indexOf("a") == 1',
      'self.t < timestamp("2027-01-01T00:00:00Z")',
      'self.any.all(k, self.any[k] > 0)',
      '!has(self.u)',
      'quantity("1Gi").isGreaterThan(quantity("1023Mi"))',
      'self.s.matches("^x$") && "a-b".replace("-", "") == "ab"',
    ]) {
      expect(judge(rule(text), value), text).toEqual([]);
    }
  });

  it('say why, by message, expression or their own text', () => {
    expect(judge(rule('self.n > 5', 'too few'), { n: 1 })).toEqual(['Invalid value: "object": too few']);
    expect(judge(rule('self.n > 5', undefined, { messageExpression: '"got " + string(self.n)' }), { n: 1 })).toEqual([
      'Invalid value: "object": got 1',
    ]);
    expect(judge(rule('self.n > 5', 'm', { fieldPath: '.n', reason: 'FieldValueForbidden' }), { n: 1 })).toEqual([
      'n: Forbidden: m',
    ]);
    expect(judge(rule('self.n > 5'), { n: 1 })).toEqual(['Invalid value: "object": failed rule: self.n > 5']);
  });

  it('that cannot be evaluated refuse (C3)', () => {
    expect(judge(rule('self.u == 1'), {})).toEqual([
      'Invalid value: "object": no such key: u evaluating rule: self.u == 1',
    ]);
  });

  it('on transitions wait for an old value, and tell items apart by key (C2)', () => {
    const schema: Schema = {
      type: 'object',
      properties: {
        list: {
          type: 'array',
          'x-kubernetes-list-type': 'map',
          'x-kubernetes-list-map-keys': ['id'],
          items: {
            type: 'object',
            properties: { id: { type: 'string' }, n: { type: 'integer' } },
            'x-kubernetes-validations': [{ rule: 'self.n >= oldSelf.n', message: 'shrinks' }],
          },
        },
      },
    };
    const before = {
      list: [
        { id: 'a', n: 5 },
        { id: 'b', n: 1 },
      ],
    };
    expect(judge(schema, before)).toEqual([]);
    expect(
      judge(
        schema,
        {
          list: [
            { id: 'b', n: 2 },
            { id: 'c', n: 0 },
            { id: 'a', n: 4 },
          ],
        },
        before,
      ),
    ).toEqual(['list[2]: Invalid value: "object": shrinks']);
  });

  it('leave alone what an update leaves alone (C4)', () => {
    expect(judge(rule('self.n > 5'), { n: 1 }, { n: 1 })).toEqual([]);
    expect(judge(rule('self.n > 5'), { n: 2 }, { n: 1 })).toHaveLength(1);
  });

  it('that do not compile are found when the definition is made (C1)', () => {
    for (const text of ['self.n ==', 'nonsense(self)', 'other > 1']) {
      const { errors } = compileCel(rule(text));
      expect(errors, text).toHaveLength(1);
      expect(errors[0], text).toMatch(/^compilation failed: ERROR: <input>:1:/);
    }
  });
});

describe('structural schemas', () => {
  const problems = (properties: Record<string, Schema>): readonly string[] =>
    checkSchema({ type: 'object', properties }, 'r', { hasStatus: false, isUnchanged: false })
      .map(fieldMessage)
      .map((text) => text.replace(/^r\.openAPIV3Schema/, 'r'));

  it('are told from others', () => {
    expect(problems({ a: {} })).toEqual([
      'r.properties[a].type: Required value: must not be empty for specified object fields',
    ]);
    expect(problems({ a: { type: 'array' } })).toEqual(['r.properties[a].items: Required value: must be specified']);
    expect(problems({ a: { type: 'string', pattern: '(' } })[0]).toContain('must be a valid regular expression');
    expect(problems({ a: { type: 'integer', default: 'x' } })[0]).toContain('must be of type integer');
    expect(problems({ a: { type: 'object', properties: {}, default: { z: 1 } } })[0]).toContain(
      'must not have unknown fields',
    );
    expect(problems({ a: { type: 'object', anyOf: [{ type: 'string' }] } })[0]).toContain(
      'must be empty to be structural',
    );
    expect(
      problems({ a: { 'x-kubernetes-int-or-string': true, anyOf: [{ type: 'integer' }, { type: 'string' }] } }),
    ).toEqual([]);
    expect(problems({ a: { 'x-kubernetes-preserve-unknown-fields': true } })).toEqual([]);
  });
});

describe('quantities and formats', () => {
  it('are read', () => {
    expect(parseQuantity('1')).toBe(10n ** 9n);
    expect(parseQuantity('500m')).toBe(5n * 10n ** 8n);
    expect(parseQuantity('1.5Gi')).toBe(1_610_612_736n * 10n ** 9n);
    expect(parseQuantity('1e3')).toBe(10n ** 12n);
    expect(parseQuantity('-2k')).toBe(-2000n * 10n ** 9n);
    expect(parseQuantity('1 Gi')).toBeUndefined();
    expect(hasFormat('micro-time', '2026-01-01T00:00:00.000000Z')).toBe(true);
    expect(hasFormat('micro-time', '2026-01-01T00:00:00.000Z')).toBe(false);
    expect(hasFormat('cidr', '10.0.0.0/33')).toBe(false);
    expect(hasFormat('unheard-of', 'x')).toBe(true);
  });
});
