import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createTemplate, type TemplateItem } from '../catalog/template.ts';
import { checkParameter, checkParameters, parseBool } from './check.ts';
import { planFlush, userItemsForClass } from './flush.ts';
import { formatItems, itemTime, type ParameterItem, type ParameterItems, parseItems } from './item.ts';
import { initialParameters, mergeTemplate } from './layers.ts';
import { quote, unquote } from './quoting.ts';
import { formatNumber, parseNumber } from './units.ts';

const item = (name: string, defaultValue: string, more: Partial<TemplateItem> = {}): TemplateItem => ({
  name,
  defaultValue,
  isDynamic: true,
  isVisible: true,
  isUserChangeable: true,
  optional: '',
  type: 'STRING',
  isDeleted: false,
  comment: '',
  ...more,
});

const template = createTemplate(15, [
  item('shared_buffers', '64MB', {
    type: 'INT',
    optional: '[16-1073741823]',
    baseUnit: '8kB',
    isDynamic: false,
    engineDefault: '1024',
  }),
  item('work_mem', '4096', { type: 'INT', optional: '[64-2147483647]', baseUnit: 'kB' }),
  item('checkpoint_timeout', '300', { type: 'INT', optional: '[30-86400]', baseUnit: 's' }),
  item('max_connections', '100', { type: 'INT', optional: '[1-262143]', isDynamic: false, engineDefault: '100' }),
  item('random_page_cost', '1.1', { type: 'DOUBLE', optional: '[0-1.79769e+308]', engineDefault: '4' }),
  item('lock_timeout', '0', { type: 'INT', optional: String.raw`^(0|[1-9]\d{3,8})$` }),
  item('jit', 'off', { optional: '[on|off]' }),
  item('wal_level', 'replica', { optional: '[replica|logical]', isDynamic: false }),
  item('synchronous_commit', 'on', { optional: '[local|remote_write|remote_apply|on|off]' }),
  item('TimeZone', "'UTC'", { engineDefault: "'GMT'" }),
  item('search_path', `'"$user", public'`),
  item('fsync', 'on', { optional: '[on|off]', isUserChangeable: false }),
  item('ssl', 'on', { optional: '[on|off]', isUserChangeable: false }),
]);
const message = (name: string, value: string) => checkParameter(template, name, value)?.message;

describe('numbers with units', () => {
  it.each([
    ['128MB', 'INT', '8kB', 16_384],
    ['2GB', 'INT', 'kB', 2_097_152],
    [' 1.5 GB ', 'INT', 'MB', 1536],
    ['1min', 'INT', 's', 60],
    ['1500us', 'INT', 'ms', 2],
    ['1500us', 'DOUBLE', 'ms', 1.5],
    ['2d', 'INT', 'min', 2880],
    ['0x10', 'INT', undefined, 16],
    ['010', 'INT', undefined, 8],
    ['4kB', 'INT', '8kB', 0],
    ['12kB', 'INT', '8kB', 2],
    ['-1', 'INT', 'kB', -1],
    ['1e3', 'DOUBLE', undefined, 1000],
  ] as const)('%s as %s of %s is %d', (text, type, unit, value) => {
    expect(parseNumber(text, type, unit)).toEqual({ ok: true, value });
  });

  it.each([
    ['lots', 'INT', 'kB', 'is not a number'],
    ['', 'INT', 'kB', 'is not a number'],
    ['1kb', 'INT', 'kB', 'has an unknown unit; units are B, kB, MB, GB, TB'],
    ['1MB', 'INT', 's', 'has an unknown unit; units are us, ms, s, min, h, d'],
    ['1MB', 'INT', undefined, 'takes no unit'],
    ['1 2', 'INT', undefined, 'is not a number'],
  ] as const)('%s as %s of %s %s', (text, type, unit, reason) => {
    expect(parseNumber(text, type, unit)).toEqual({ ok: false, reason });
  });

  it('are read as they are written', () => {
    const unit = fc.constantFrom('B', 'kB', '8kB', '16kB', 'MB', 'us', 'ms', 's', 'min', undefined);
    fc.assert(
      fc.property(fc.integer({ min: -1, max: 2 ** 31 - 1 }), unit, (value, baseUnit) => {
        expect(parseNumber(formatNumber(value, baseUnit), 'INT', baseUnit)).toEqual({ ok: true, value });
      }),
    );
  });
});

describe('quotes', () => {
  it('can be put on and taken off any text', () => {
    fc.assert(
      fc.property(fc.string(), (text) => {
        expect(unquote(quote(text))).toBe(text);
      }),
    );
  });
});

describe('truth values', () => {
  it.each(['on', 'ON', 'true', 't', 'y', 'yes', '1', 'tr'])('%s is true', (word) => expect(parseBool(word)).toBe(true));
  it.each(['off', 'of', 'f', 'no', 'n', '0'])('%s is false', (word) => expect(parseBool(word)).toBe(false));
  it.each(['o', '', '2', 'onn', 'yes!'])('%j is neither', (word) => expect(parseBool(word)).toBeUndefined());
});

describe('what a user asks for', () => {
  it.each([
    ['shared_buffers', '64kB', 'shared_buffers: 64kB is below the minimum 128kB'],
    ['shared_buffers', '9', 'shared_buffers: 9 (72kB) is below the minimum 128kB'],
    ['checkpoint_timeout', '2d', 'checkpoint_timeout: 2d is above the maximum 1d'],
    ['max_connections', '0', 'max_connections: 0 is below the minimum 1'],
    ['max_connections', '10MB', 'max_connections: "10MB" takes no unit'],
    ['work_mem', 'much', 'work_mem: "much" is not a number'],
    ['jit', 'maybe', 'jit: "maybe" is neither on nor off'],
    ['wal_level', 'minimal', 'wal_level: "minimal" is none of replica, logical'],
    ['synchronous_commit', 'tru', 'synchronous_commit: "tru" is none of local, remote_write, remote_apply, on, off'],
    ['lock_timeout', '5', String.raw`lock_timeout: "5" does not match ^(0|[1-9]\d{3,8})$`],
    ['fsync', 'off', 'fsync: is set by the stack and cannot be changed'],
    ['shared_bufers', '1GB', 'shared_bufers: PostgreSQL 15 has no such parameter'],
    ['search_path', 'a\nport = 1', 'search_path: "a\\nport = 1" contains a line break or another control character'],
  ])('%s = %j: %s', (name, value, expected) => {
    expect(message(name, value)).toBe(expected);
  });

  it.each([
    ['SHARED_BUFFERS', '128kB'],
    ['shared_buffers', "'1GB'"],
    ['random_page_cost', '1.5'],
    ['jit', 'TRUE'],
    ['synchronous_commit', 'no'],
    ['synchronous_commit', 'LOCAL'],
    ['lock_timeout', '5000'],
    ['search_path', '"$user", public'],
    ['timezone', "'Europe/Berlin'"],
  ])('%s = %s is fine', (name, value) => {
    expect(message(name, value)).toBeUndefined();
  });

  it('comes with a remedy', () => {
    expect(checkParameter(template, 'shared_bufers', '1')?.remedy).toBe('Did you mean shared_buffers?');
    expect(checkParameter(template, 'max_connections', '0')?.remedy).toBe('Allowed: 1 to 262143.');
    expect(checkParameter(template, 'shared_buffers', '1')?.remedy).toBe('Allowed: 128kB to 8589934584kB.');
    expect(checkParameter(template, 'zzz', '0')?.remedy).toBe('Correct the name or leave it out.');
  });

  it('is refused when it names one parameter twice, and checked in the order of the names', () => {
    const problems = checkParameters(template, { work_mem: '1', WORK_MEM: '8MB', jit: 'x' });
    expect(problems.map((problem) => problem.message)).toEqual([
      'jit: "x" is neither on nor off',
      'work_mem: is the same parameter as WORK_MEM',
    ]);
  });

  it('is judged whatever it is, and a refusal names the parameter', () => {
    fc.assert(
      fc.property(fc.constantFrom(...template.items.map(({ name }) => name)), fc.string(), (name, value) => {
        const problem = checkParameter(template, name, value);
        if (problem) expect(problem).toMatchObject({ name, message: expect.stringMatching(`^${name}: `) });
      }),
    );
  });

  it('may be locked where the administrator allows it', () => {
    expect(checkParameter(template, 'fsync', 'off', { allowLocked: true })).toBeUndefined();
  });
});

const now = new Date('2024-05-01T10:00:00.123Z');

describe('parameter ConfigMaps', () => {
  it('are read as they are written', () => {
    const name = fc.stringMatching(/^[a-z_][a-z_.]{0,20}$/).filter((text) => !(text in {}));
    const entry = fc.record(
      {
        name,
        value: fc.string(),
        updateTime: fc.constant(itemTime(now)),
        inoperativeValue: fc.string({ minLength: 1 }),
      },
      { requiredKeys: ['name', 'value', 'updateTime'] },
    );
    fc.assert(
      fc.property(fc.array(entry), (entries) => {
        const items = new Map(entries.map((one) => [one.name, one]));
        expect(parseItems(formatItems(items))).toEqual({ items, broken: [] });
      }),
    );
  });

  it('have the form of the original', () => {
    const items = new Map([['a', { name: 'a', value: "'x'", updateTime: itemTime(now) }]]);
    expect(formatItems(items)).toEqual({
      a: `{"name":"a","value":"'x'","updateTime":"2024-05-01T10:00:00Z","inoperative_value":""}`,
    });
  });

  it('name what a person broke, and keep the rest', () => {
    const { items, broken } = parseItems({ a: '{"value":1}', b: '{', c: '{"name":"d","value":"1"}', e: '[]', f: '{}' });
    expect(items.get('a')).toEqual({ name: 'a', value: '1', updateTime: '' });
    expect(broken.map(({ key }) => key)).toEqual(['b', 'c', 'e', 'f']);
  });
});

describe('layers', () => {
  const small = { max_connections: '50', SHARED_BUFFERS: '32MB', made_up: '1' };

  it('invariant 1: the user wins over the class, the class over the template', () => {
    const { items } = initialParameters(
      { template, classParameters: small, userParameters: { max_connections: '70' } },
      now,
    );
    expect(items.get('max_connections')?.value).toBe('70');
    expect(items.get('shared_buffers')?.value).toBe('32MB');
    expect(items.get('work_mem')?.value).toBe('4096');
    for (const { name } of template.items) expect(items.has(name), name).toBe(true);
  });

  it('invariant 2: names are those of the template; unknown ones of a class are kept, locked', () => {
    const { items, engine } = initialParameters(
      { template, classParameters: small, userParameters: { timezone: 'Europe/Berlin' } },
      now,
    );
    expect(items.get('TimeZone')?.value).toBe("'Europe/Berlin'");
    expect(items.has('timezone')).toBe(false);
    expect(engine.made_up).toBe('1');
    expect(mergeTemplate(template, small).get('made_up')).toMatchObject({ isUserChangeable: false, isDynamic: true });
  });

  it('invariant 3: the engine is told what differs from its own default, without quotes', () => {
    const { engine } = initialParameters({ template, classParameters: small, userParameters: { jit: 'on' } }, now);
    expect(engine).toEqual({
      TimeZone: 'UTC',
      jit: 'on',
      made_up: '1',
      max_connections: '50',
      random_page_cost: '1.1',
      shared_buffers: '32MB',
    });
  });
});

describe('flush', () => {
  const merged = mergeTemplate(template, {});
  const at = (minute: number) => `2024-05-01T10:${String(minute).padStart(2, '0')}:00Z`;
  const items = (...list: readonly (readonly [string, string, number])[]): ParameterItems =>
    new Map(
      list.map(([name, value, minute]): [string, ParameterItem] => [name, { name, value, updateTime: at(minute) }]),
    );
  const plan = (
    user: ParameterItems,
    running: ParameterItems,
    more: { latestFlushTime?: string; canUpdateLocked?: boolean } = {},
  ) => planFlush({ merged, user, running, latestFlushTime: '', canUpdateLocked: false, ...more });

  it('takes the newer value of the user, and says whether a restart is needed', () => {
    const user = items(['work_mem', '8192', 5], ['max_connections', '200', 5]);
    const running = items(['work_mem', '4096', 1], ['max_connections', '100', 1]);
    expect(plan(user, running).changed).toEqual([
      { name: 'max_connections', value: '200', restart: true },
      { name: 'work_mem', value: '8192', restart: false },
    ]);
  });

  it('keeps what runs where the user has not touched it since', () => {
    const result = plan(items(['work_mem', '8192', 1]), items(['work_mem', '4096', 5]));
    expect(result.changed).toEqual([]);
    expect(result.values.get('work_mem')).toBe('4096');
  });

  it('takes a value that an earlier flush has seen as unchanged', () => {
    const user = items(['work_mem', '8192', 5]);
    const result = plan(user, items(['work_mem', '4096', 1]), { latestFlushTime: at(9) });
    expect([result.changed, result.values.get('work_mem')]).toEqual([[], '8192']);
  });

  it('forces locked parameters back, except where the administrator allows them and except ssl', () => {
    const [user, running] = [
      items(['fsync', 'off', 5], ['ssl', 'off', 5]),
      items(['fsync', 'on', 1], ['ssl', 'on', 1]),
    ];
    expect(plan(user, running).values).toEqual(
      new Map([
        ['fsync', 'on'],
        ['ssl', 'off'],
      ]),
    );
    expect(plan(user, running).changed.map(({ name }) => name)).toEqual(['ssl']);
    expect(plan(user, running, { canUpdateLocked: true }).values.get('fsync')).toBe('off');
    expect(plan(user, new Map()).values.get('fsync')).toBe('on');
  });

  it('adds what only the user has, drops what only runs, and never takes log_line_prefix from what runs', () => {
    const result = plan(
      items(['jit', 'on', 1], ['log_line_prefix', "'%m'", 1]),
      items(['work_mem', '1', 1], ['log_line_prefix', "'%p'", 5]),
    );
    expect(result.changed).toEqual([{ name: 'jit', value: 'on', restart: false }]);
    expect([...result.values.keys()]).toEqual(['jit']);
  });

  it('gives running strings the quotes back that the cluster manager leaves off', () => {
    const result = plan(items(['search_path', "'a'", 1]), items(['search_path', 'b, c', 5]));
    expect(result.values.get('search_path')).toBe("'b, c'");
  });

  it('compares moments, however they are written', () => {
    const user: ParameterItems = new Map([
      ['work_mem', { name: 'work_mem', value: '1', updateTime: '2024-05-01T12:30:00+02:00' }],
    ]);
    expect(plan(user, items(['work_mem', '2', 45])).changed).toEqual([]);
    expect(plan(user, items(['work_mem', '2', 15])).changed).toHaveLength(1);
  });

  it('once carried out has nothing more to change', () => {
    const names = fc.constantFrom(...template.items.map(({ name }) => name));
    const layer = fc.array(
      fc.tuple(names, fc.constantFrom('1', 'on', 'off', "'x'", 'y'), fc.integer({ min: 0, max: 9 })),
    );
    fc.assert(
      fc.property(layer, layer, (asked, runs) => {
        const [user, running] = [items(...asked), items(...runs)];
        const first = plan(user, running);
        const after = items(...[...first.values].map(([name, value]) => [name, value, 10] as const));
        const second = plan(user, after, { latestFlushTime: at(10) });
        const changed = second.changed.filter(({ name }) => first.values.has(name));
        expect(changed).toEqual([]);
      }),
    );
  });
});

describe('class change', () => {
  const [oldClass, newClass] = [
    { max_connections: '50', work_mem: '4096' },
    { max_connections: '200', work_mem: '4096' },
  ];
  const change = (user: ParameterItems, running: ParameterItems) =>
    userItemsForClass({
      oldMerged: mergeTemplate(template, oldClass),
      newMerged: mergeTemplate(template, newClass),
      oldClass,
      newClass,
      user,
      running,
      canUpdateLocked: false,
      now,
    });
  const one = (name: string, value: string, updateTime = '2020-01-01T00:00:00Z'): ParameterItems =>
    new Map([[name, { name, value, updateTime }]]);

  it('moves values of the old class to those of the new one, and leaves what the user chose', () => {
    expect(change(one('max_connections', '50'), new Map()).get('max_connections')).toEqual({
      name: 'max_connections',
      value: '200',
      updateTime: itemTime(now),
    });
    expect(change(one('max_connections', '77'), new Map()).get('max_connections')?.value).toBe('77');
  });

  it('asks for no flush where the new value runs already', () => {
    const running = one('max_connections', '200', '2023-01-01T00:00:00Z');
    expect(change(one('max_connections', '50'), running).get('max_connections')?.updateTime).toBe(
      '2023-01-01T00:00:00Z',
    );
  });

  it('forces locked ones to the default and adds none', () => {
    const result = change(one('fsync', 'off'), new Map());
    expect([...result.values()].map(({ name, value }) => [name, value])).toEqual([['fsync', 'on']]);
  });
});
