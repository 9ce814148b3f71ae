/** `x-kubernetes-validations`: which rules a definition may have, what they may cost, and what they say of objects. */
import { expect } from 'vitest';
import { type Api, mergePatch } from '../api.ts';
import { topic } from '../case.ts';
import { crds, definition, version } from './definitions.ts';

type Fields = Readonly<Record<string, unknown>>;

const text = { type: 'string' };
const fields: Fields = {
  n: { type: 'integer' },
  m: { type: 'integer' },
  f: { type: 'number' },
  s: { ...text, maxLength: 100 },
  'a-b': text,
  ok: { type: 'boolean' },
  when: { type: 'string', format: 'date-time' },
  wait: { type: 'string', format: 'duration' },
  data: { type: 'string', format: 'byte' },
  port: { 'x-kubernetes-int-or-string': true },
  list: { type: 'array', maxItems: 20, items: { ...text, maxLength: 20 } },
  numbers: { type: 'array', maxItems: 20, items: { type: 'integer' } },
  set: { type: 'array', maxItems: 20, 'x-kubernetes-list-type': 'set', items: { ...text, maxLength: 20 } },
  map: { type: 'object', maxProperties: 20, additionalProperties: { type: 'integer' } },
  parts: {
    type: 'array',
    maxItems: 20,
    'x-kubernetes-list-type': 'map',
    'x-kubernetes-list-map-keys': ['id'],
    items: { type: 'object', required: ['id'], properties: { id: { ...text, maxLength: 20 }, n: { type: 'integer' } } },
  },
};

const schemaWith = (rules: readonly Fields[], properties: Fields = fields): Fields => ({
  type: 'object',
  properties: { spec: { type: 'object', properties, 'x-kubernetes-validations': rules } },
});

async function judged(api: Api, schema: Fields, code: number): Promise<void> {
  const ask = code === 422 ? 'call' : 'brief';
  const answer = await api[ask]('POST', `${crds}?dryRun=All`, definition(api, [version(schema)]));
  expect(answer.code, answer.text).toBe(code);
}

/** Defines ships with these rules and answers the path of their objects. */
export async function define(api: Api, schema: Fields, extra: Fields = {}): Promise<string> {
  const made = definition(api, [version(schema, extra)]);
  const answer = await api.quiet('POST', crds, made);
  expect(answer.code, answer.text).toBe(201);
  return await served(api);
}

export async function served(api: Api, name = 'v1'): Promise<string> {
  const path = `/apis/${api.namespace}.example.com/${name}/namespaces/${api.namespace}/ships`;
  const deadline = Date.now() + 30_000;
  while ((await api.quiet('GET', path)).code !== 200) {
    if (Date.now() > deadline) throw new Error('the definition was not served');
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  return path;
}

export const undefine = (api: Api) => api.quiet('DELETE', `${crds}/ships.${api.namespace}.example.com`);

/** Takes the definition away, and waits until it is. */
export async function undefineWhole(api: Api): Promise<void> {
  await undefine(api);
  const deadline = Date.now() + 30_000;
  while ((await api.quiet('GET', `${crds}/ships.${api.namespace}.example.com`)).code !== 404) {
    if (Date.now() > deadline) throw new Error('the definition did not go');
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

export const ship = (api: Api, name: string, spec: unknown, ofVersion = 'v1') => ({
  apiVersion: `${api.namespace}.example.com/${ofVersion}`,
  kind: 'Ship',
  metadata: { name },
  spec,
});

const all = 'self.list.all(a, self.list.all(b, self.list.all(c, a == b && b == c)))';

export const ruleCases = topic('rules', {
  'that do not type check are refused, with the place': async (api) => {
    for (const rule of [
      'self.missing == 1',
      'self.n == "a"',
      'self.n + 1.0 > 2.0',
      'self.s.size() > "1"',
      'self.s.startsWith(1)',
      'missing == 1',
      'nonsense(self.n)',
      'self.n',
      'has(self)',
      'has(self.missing)',
      'self.n.x == 1',
      'self.list.all(x, x > 1)',
      'self.list.map(x, x + 1).size() > 0',
      'self.n.all(x, x > 1)',
      "self.s.matches('(')",
      "duration('x') > self.wait",
      "timestamp('yesterday') < self.when",
      'self.map.a == "x"',
      '[1, "a"].size() == 2',
      'self.ok && self.n',
      'self.ok ? 1 : self.ok',
      'self.list.exists(1, true)',
      'self.list.sum() > 0',
      "ip('1.2.3.4').family() == '4'",
      'self.a-b == "x"',
      'Thing{a: 1} == self',
      'self.numbers.distinct().size() == 1',
    ]) {
      await judged(api, schemaWith([{ rule }]), 422);
    }
  },

  'that type check are accepted': async (api) => {
    await judged(
      api,
      schemaWith(
        [
          'self.n + 1 == 4 || self.n % 2 == 0',
          "self.a__dash__b == 'x'",
          "type(self.port) == int ? self.port > 0 : self.port.matches('^[a-z]+$')",
          'self.when < timestamp("2030-01-01T00:00:00Z") && self.when.getFullYear() > 2000',
          'self.wait > duration("1m") && self.wait.getSeconds() > 1',
          'self.data.size() > 3',
          "self.list.all(x, x.startsWith('a')) && self.list.exists_one(x, x == 'b')",
          "self.list.map(x, x.upperAscii()).filter(x, x != 'A').size() > 0 && self.list.join(',').size() > 0",
          "self.map.all(k, k.size() > 0 && self.map[k] > 0) && !('a' in self.map)",
          'self.numbers.isSorted() && self.numbers.sum() < 10 && self.numbers.max() > self.numbers.min()',
          'self.set == ["b", "a"] && sets.contains(self.set, ["a"])',
          'self.parts.exists(p, p.id == "x" && has(p.n) && p.n > 3)',
          "quantity('1Gi').compareTo(quantity('500Mi')) > 0 && isQuantity('1')",
          "isURL(self.s) && url(self.s).getHost() == 'a'",
          "isIP(self.s) && ip(self.s).family() == 4 && cidr('10.0.0.0/8').containsIP(self.s)",
          "self.s.find('[0-9]+') != '' && self.s.findAll('[a-z]').size() == 3",
          "'%s-%d'.format([self.s, self.n]) == 'a-1' && self.s.split('-').size() == 2",
          "!format.dns1123Label().validate(self.s).hasValue() && semver('1.2.3').major() == 1",
          "self.?s.orValue('') == '' && optional.of(1).hasValue() && self.?n.optMap(v, v + 1).orValue(0) == 1",
          'self.list.transformList(i, v, i)[?0].hasValue() && self.map.exists(k, v, v > 1)',
          '{"a": 1}.a == 1 && dyn(self.n) == 1.0 && 1u + 2u == 3u',
          "'a\\u00e9\\n' + r'\\d' + '''x''' != \"\"",
        ].map((rule) => ({ rule })),
      ),
      201,
    );
  },

  'have words that go together': async (api) => {
    for (const rule of [
      { rule: ' ' },
      { rule: 'true', message: ' ' },
      { rule: 'true', message: 'a\nb' },
      { rule: 'true &&\ntrue' },
      { rule: 'true', messageExpression: ' ' },
      { rule: 'true', messageExpression: '1' },
      { rule: 'true', messageExpression: 'self.missing' },
      { rule: 'true', reason: 'Because' },
      { rule: 'true', fieldPath: '.missing' },
      { rule: 'true', fieldPath: 'n' },
      { rule: 'true', fieldPath: ".map['a'" },
      { rule: 'true', optionalOldSelf: true },
    ]) {
      await judged(api, schemaWith([rule]), 422);
    }
  },

  'with an old self need values that can be told apart': async (api) => {
    const item = { ...text, 'x-kubernetes-validations': [{ rule: 'self == oldSelf' }] };
    await judged(api, schemaWith([], { list: { type: 'array', maxItems: 5, items: item } }), 422);
    await judged(api, schemaWith([], { map: { type: 'object', maxProperties: 5, additionalProperties: item } }), 201);
  },

  'may not cost too much': async (api) => {
    const list = (bounds: Fields, itemBounds: Fields): Fields => ({
      list: { type: 'array', ...bounds, items: { ...text, ...itemBounds } },
    });
    await judged(api, schemaWith([{ rule: all }], list({}, {})), 422);
    await judged(api, schemaWith([{ rule: all }], list({ maxItems: 10 }, { maxLength: 10 })), 201);
    await judged(api, schemaWith([{ rule: all }], list({ maxItems: 100 }, { maxLength: 100 })), 422);
    await judged(api, schemaWith([{ rule: "self.list.all(a, a.contains('x'))" }], list({ maxItems: 1000 }, {})), 422);
    await judged(api, schemaWith([{ rule: "self.s.matches('^(a+)+$')" }], { s: text }), 201);
    await judged(api, schemaWith([{ rule: 'self.list.all(a, self.list.exists(b, a == b))' }], list({}, {})), 422);
    await judged(api, schemaWith([{ rule: 'self.a == self.b' }], { a: text, b: text }), 201);
    await judged(api, schemaWith([{ rule: "self.s.replace('', self.s).size() > 0" }], { s: text }), 201);
    const nested = { ...text, 'x-kubernetes-validations': [{ rule: "self.contains('a') && self.contains('b')" }] };
    await judged(api, schemaWith([], { list: { type: 'array', items: nested } }), 422);
    await judged(
      api,
      schemaWith([], { list: { type: 'array', maxItems: 10, items: { ...nested, maxLength: 50 } } }),
      201,
    );
  },

  'may not cost too much together': async (api) => {
    const cheap = "self.list.all(a, a.matches('^[a-z]+$'))";
    const list = { type: 'array', maxItems: 1000, items: { ...text, maxLength: 500 } };
    const properties = { list: { ...list } };
    await judged(api, schemaWith([{ rule: cheap }], properties), 201);
    await judged(api, schemaWith(Array(400).fill({ rule: cheap }), properties), 422);
  },

  'say of objects what is wrong': async (api) => {
    const path = await define(
      api,
      schemaWith([
        { rule: '!has(self.n) || self.n < 10', message: 'too many' },
        { rule: '!has(self.m) || self.m < 10', messageExpression: "self.s + ' is too many'", fieldPath: '.m' },
        { rule: '!has(self.s) || self.s != "x"', reason: 'FieldValueForbidden', fieldPath: '.s' },
        { rule: '!has(self.ok) || self.ok', reason: 'FieldValueRequired', message: 'must be' },
        { rule: '!has(self.list) || self.list[3] == "d"' },
        { rule: '!has(self.map) || self.map.a == 1', message: 'needs a' },
        { rule: '!has(self.port) || self.port > 5' },
        { rule: '!has(self.numbers) || 10 / self.numbers[0] == 5' },
      ]),
    );
    for (const spec of [
      { n: 10 },
      { m: 11, s: 'y' },
      { m: 11 },
      { s: 'x' },
      { ok: false },
      { list: ['a'] },
      { map: { b: 1 } },
      { map: { a: 2 } },
      { port: 'http' },
      { numbers: [0] },
      { n: 10, m: 10, s: 'x' },
      { n: 1, m: 1, s: 'y', ok: true, map: { a: 1 }, port: 6, numbers: [2] },
    ]) {
      await api.call('POST', path, ship(api, 'one', spec));
      await api.quiet('DELETE', `${path}/one`);
    }
    await undefine(api);
  },

  'of transitions see the old object, or that there is none': async (api) => {
    const path = await define(
      api,
      schemaWith([
        { rule: 'self.n >= oldSelf.n', message: 'shrinks' },
        { rule: 'oldSelf.hasValue() || self.n < 5', optionalOldSelf: true, message: 'starts small' },
        { rule: 'self.parts.all(p, true)', message: 'parts' },
      ]),
    );
    expect((await api.call('POST', path, ship(api, 'one', { n: 7, parts: [] }))).code).toBe(422);
    expect((await api.call('POST', path, ship(api, 'one', { n: 3, parts: [] }))).code).toBe(201);
    expect((await api.call('PATCH', `${path}/one`, { spec: { n: 9 } }, mergePatch)).code).toBe(200);
    expect((await api.call('PATCH', `${path}/one`, { spec: { n: 8 } }, mergePatch)).code).toBe(422);
    await undefine(api);
  },

  'end when they cost too much': async (api) => {
    const properties = { numbers: { type: 'array', maxItems: 300, items: { type: 'integer' } } };
    const rule = 'self.numbers.all(a, self.numbers.all(b, a + b < 100000))';
    const path = await define(api, schemaWith([{ rule, message: 'sums' }], properties));
    const numbers = Array.from({ length: 300 }, (_, i) => i);
    expect((await api.call('POST', path, ship(api, 'one', { numbers: numbers.slice(0, 20) }))).code).toBe(201);
    expect((await api.brief('POST', path, ship(api, 'two', { numbers }))).code).toBe(201);
    await undefine(api);
  },
});
