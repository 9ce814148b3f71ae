import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { celValue } from '../cel-value.ts';
import { compile } from './compile.ts';
import { estimateCost } from './cost.ts';
import { declaredOf } from './declared.ts';
import { evaluate } from './evaluate.ts';
import { CostExceeded, createMeter } from './meter.ts';
import { DYN } from './types.ts';
import { CelError, type CelValue } from './values.ts';

const names = new Map([['x', DYN]]);

function run(source: string, x: unknown = null): CelValue {
  const compiled = compile(source, names);
  if ('problem' in compiled) throw new Error(compiled.problem);
  const value = celValue(undefined, x);
  return evaluate(compiled.checked, (name) => (name === 'x' ? value : undefined), createMeter());
}

describe('expressions', () => {
  it.each([
    '1 + 2 * 3 == 7 && -7 / 2 == -3 && -7 % 2 == -1 && 7.0 / 2.0 == 3.5',
    '9223372036854775807 - 1 == 9223372036854775806 && -9223372036854775808 < 0',
    `'a' + 'b' == "ab" && size('é😀') == 2 && r'\\d' == '\\\\d' && b'\\xff'.size() == 1`,
    '[1, 2, 3].all(i, i > 0) && [1, 2].exists(i, i == 2) && [1, 1, 2].exists_one(i, i == 2)',
    '[1, 2, 3].map(i, i * 2) == [2, 4, 6] && [1, 2, 3].filter(i, i > 1) == [2, 3] && [1, 2].map(i, i > 1, i) == [2]',
    "{'a': 1, 'b': 2}.all(k, k < 'c') && {'a': 1}.a == 1 && !has({'a': 1}.b) && 'a' in {'a': 1}",
    "{'a': 1, 'b': 2}.transformMap(k, v, v + 1) == {'a': 2, 'b': 3} && [5].transformList(i, v, i) == [0]",
    "optional.of(1).orValue(2) == 1 && optional.none().orValue(2) == 2 && !{'a': 1}.?b.hasValue()",
    'optional.of(3).optMap(v, v + 1).value() == 4 && [1][?5].orValue(7) == 7 && [?optional.none(), 1] == [1]',
    "duration('1h30m').getMinutes() == 90 && timestamp('2024-02-29T12:00:00Z').getDayOfYear() == 59",
    "timestamp('2024-01-01T00:00:00Z').getHours('+02:00') == 2 && timestamp(0) + duration('1s') == timestamp(1)",
    "quantity('1.5Gi').compareTo(quantity('1536Mi')) == 0 && quantity('1').add(2).asInteger() == 3",
    "url('https://u@a.b:81/c?d=e').getHost() == 'a.b:81' && url('https://a/c?d=e').getQuery() == {'d': ['e']}",
    "cidr('10.1.2.3/8').masked() == cidr('10.0.0.0/8') && cidr('::/0').containsIP('::1') && ip('::1').isLoopback()",
    "'a1b22'.findAll('[0-9]+') == ['1', '22'] && 'abc'.replace('', '-') == '-a-b-c-'",
    "'%s %d %.2f %x'.format(['a', 5, 1.5, 255]) == 'a 5 1.50 ff' && string(1000000.0) == '1e+06'",
    "semver('1.2.3-a').isLessThan(semver('1.2.3')) && isSemver('v1.2', true) && !isSemver('1.2')",
    "sets.equivalent([1, 2], [2, 1, 1]) && [1, 2].sum() == 3 && ['b', 'a'].max() == 'b' && [1, 2].isSorted()",
    "format.dns1123Label().validate('A').hasValue() && format.named('uuid').value().validate('x').hasValue()",
    'dyn(1) == 1.0 && dyn(1u) == 1 && type(1) == int && dyn("1") != 1',
  ])('%s', (source) => {
    expect(run(source)).toBe(true);
  });

  it.each([
    ['1 / 0', 'division by zero'],
    ['9223372036854775807 + 1', 'integer overflow'],
    ['[1][3]', 'index out of bounds: 3'],
    ["{'a': 1}['b']", 'no such key: b'],
    ['x.a', 'no such key: a'],
    ["int('a')", "type conversion error from 'string' to 'int'"],
    ['dyn(1) + dyn("a")', 'no such overload'],
    ['optional.none().value()', 'optional.none() dereference'],
    ["dyn(1).startsWith('a')", 'no such overload: startsWith(int, string)'],
  ])('%s fails', (source, message) => {
    expect(() => run(source)).toThrow(new CelError(message));
  });

  it('E3 errors count for nothing where the other side decides', () => {
    expect(run('1 / 0 == 1 || true')).toBe(true);
    expect(run('false && 1 / 0 == 1')).toBe(false);
    expect(run('[0, 1].exists(i, 1 / i == 1)')).toBe(true);
    expect(run('[0, 2].all(i, 1 / i == 1)')).toBe(false);
    expect(() => run('[0, 1].all(i, 1 / i == 1)')).toThrow('division by zero');
  });

  it('E1 M1 end when they cost too much', () => {
    const x = Array.from({ length: 2_000 }, (_, i) => i);
    expect(() => run('x.all(a, x.all(b, x.all(c, a + b + c >= 0)))', x)).toThrow(CostExceeded);
    expect(() => run('x.exists(a, 1 / 0 == 1 || x.all(b, a + b >= 0) && false)', x)).toThrow(CostExceeded);
  });

  it('M2 end when they work more than their price says', () => {
    const source = `optional.of(x.map(i, i))${'.optMap(a, a + a)'.repeat(40)}.hasValue()`;
    expect(() => run(source, [1, 2, 3])).toThrow(CostExceeded);
  });

  it('E2 leave their input alone', () => {
    const compiled = compile('x.map(i, i + 1).size() + (x + [1]).size() + (x + [2]).size()', names);
    if ('problem' in compiled) throw new Error(compiled.problem);
    const value = celValue(undefined, [1, 2]);
    const twice = [1, 2].map(() => evaluate(compiled.checked, () => value, createMeter()));
    expect(twice).toEqual([8n, 8n]);
  });

  it('compute with whole numbers as 64 bits do', () => {
    const whole = fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n });
    fc.assert(
      fc.property(whole, whole, fc.constantFrom('+', '-', '*'), (a, b, operator) => {
        const exact = operator === '+' ? a + b : operator === '-' ? a - b : a * b;
        const source = `int('${a}') ${operator} int('${b}')`;
        if (BigInt.asIntN(64, exact) === exact) expect(run(source)).toBe(exact);
        else expect(() => run(source)).toThrow('integer overflow');
      }),
    );
  });

  it('never fail in a way that is not theirs, whatever is written', () => {
    const words = 'x 1 "a" [ ] ( ) { } , . ? : + - * / % ! && || == < in all( exists( has( map( i size() true null';
    const part = fc.constantFrom(...words.split(' '));
    fc.assert(
      fc.property(fc.array(part, { maxLength: 12 }), (parts) => {
        const compiled = compile(parts.join(' '), names);
        if ('problem' in compiled) {
          expect(compiled.problem).toMatch(/^ERROR: <input>:\d+:\d+: /);
          return;
        }
        try {
          evaluate(compiled.checked, () => null, createMeter());
        } catch (error) {
          expect(error).toBeInstanceOf(CelError);
        }
      }),
      { numRuns: 2_000 },
    );
  });

  it('of great depth are refused, of great length not', () => {
    expect(compile(`${'('.repeat(1_000)}1${')'.repeat(1_000)}`, names)).toHaveProperty('problem');
    expect(compile(Array(2_000).fill('true').join(' && '), names)).toHaveProperty('checked');
  });
});

describe('prices', () => {
  const priced = (source: string, bounds: object) => {
    const declared = declaredOf({ type: 'array', items: { type: 'integer' }, ...bounds }, false);
    if (!declared) throw new Error('no type');
    const compiled = compile(source, new Map([['self', declared.type]]));
    if ('problem' in compiled) throw new Error(compiled.problem);
    return { checked: compiled.checked, price: estimateCost(compiled.checked, new Map([['self', declared]])) };
  };

  it('grow with what the schema allows', () => {
    const rule = 'self.all(a, self.all(b, a != b))';
    expect(priced(rule, {}).price).toBeGreaterThan(1e9);
    expect(priced(rule, { maxItems: 10 }).price).toBeLessThan(1_000);
  });

  it('are never below what a run costs', () => {
    const rule = fc.constantFrom(
      'self.all(a, a > 1)',
      'self.exists(a, self.filter(b, b > a).size() > 3)',
      'self.map(a, a / 2).size() > 5 && self.isSorted()',
      '3 in self ? self.size() > 1 : self.max() == self.min()',
    );
    fc.assert(
      fc.property(rule, fc.array(fc.integer(), { minLength: 1, maxLength: 20 }), (source, items) => {
        const { checked, price } = priced(source, { maxItems: 20 });
        const meter = createMeter();
        evaluate(checked, () => celValue(undefined, items), meter);
        expect(meter.cost).toBeLessThanOrEqual(price);
      }),
    );
  });
});
