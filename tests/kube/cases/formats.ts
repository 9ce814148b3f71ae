/** What the schema of a definition says of values: formats, bounds, lists, defaults, null. */
import { expect } from 'vitest';
import type { Api } from '../api.ts';
import { topic } from '../case.ts';
import { specOf } from './definitions.ts';
import { define, ship, undefine, undefineWhole } from './rules.ts';

/** Texts that have a format, and texts that do not. */
const formats: Readonly<Record<string, readonly string[]>> = {
  'date-time': [
    '2024-02-29T10:00:00Z',
    '2023-02-29T10:00:00Z',
    '2024-01-01t10:00:00.5+02:00',
    '2024-01-01 10:00:00Z',
    '2024-01-01T24:00:00Z',
    '2024-01-01T10:00:60Z',
    '2024-01-01',
  ],
  datetime: ['2024-02-29T10:00:00Z', 'x'],
  date: ['2024-02-29', '2023-02-29', '2024-2-9', '0000-01-01', '2024-13-01'],
  duration: ['1h30m', '1.5h', '5', '0', '2 hours', '3 days', '-1s', '1h x', 'h', '1µs', '10 parsecs', ''],
  ipv4: ['1.2.3.4', '01.2.3.4', '1.2.3', '::1', '::ffff:1.2.3.4', '256.1.1.1'],
  ipv6: ['::1', '1:2:3:4:5:6:7:8', '1.2.3.4', 'fe80::1%eth0', '::ffff:1.2.3.4', ':::', '12345::'],
  cidr: ['10.0.0.0/8', '10.0.0.1/8', '10.0.0.0/33', '::/128', '::/129', '10.0.0.0', '10.0.0.0/08', '1.2.3.4/'],
  mac: [
    '00:11:22:33:44:55',
    '00-11-22-33-44-55',
    '0011.2233.4455',
    '00:11:22:33:44',
    '00:11-22:33:44:55',
    'gg:11:22:33:44:55',
    '00:11:22:33:44:55:66:77',
  ],
  uuid: [
    '11111111-2222-3333-4444-555555555555',
    '11111111222233334444555555555555',
    'AAAAAAAA-2222-3333-4444-555555555555',
    '1111',
  ],
  uuid3: ['11111111-2222-3333-4444-555555555555', '11111111-2222-4333-4444-555555555555'],
  uuid4: ['11111111-2222-4333-8444-555555555555', '11111111-2222-4333-4444-555555555555'],
  uuid5: ['11111111-2222-5333-8444-555555555555', '11111111-2222-4333-8444-555555555555'],
  uri: [
    'http://a.b/c',
    '/a/b',
    'a/b',
    'http://',
    'http://a b/',
    'mailto:a@b',
    '*',
    '',
    'http://a:x/',
    'http://[::1]:80/',
    '//a/b',
    '%zz',
    'http://a/%zz',
  ],
  email: ['a@b.c', 'a', 'A B <a@b.c>', 'a@', '@b', 'a@b', '"a b"@c', 'a..b@c'],
  hostname: ['a.example.com', 'a', '-a', 'a-', '1a.com', 'a_b.com', 'a.1', 'é.com', ''],
  byte: ['YQ==', 'YWI=', 'YWJj', 'YQ', 'Y Q==', '', '!!!!'],
  bsonobjectid: ['507f1f77bcf86cd799439011', '507f1f77bcf86cd79943901', '507f1f77bcf86cd79943901g'],
  isbn: ['0321751043', '978-0321751041', '1234567890', '0-321-75104-3'],
  isbn10: ['0321751043', '978-0321751041', '155404295X'],
  isbn13: ['978-0321751041', '0321751043', '9780321751042'],
  creditcard: ['4111111111111111', '4111-1111-1111-1111', '4111111111111112', '1234'],
  ssn: ['111-11-1111', '111 11 1111', '111111111', '11-111-1111'],
  hexcolor: ['#fff', 'FFFFFF', '#ffff', 'red'],
  rgbcolor: ['rgb(1,2,3)', 'rgb( 1 , 2 , 3 )', 'rgb(256,2,3)', 'rgb(1,2)'],
  password: ['anything'],
  'k8s-short-name': ['a-b', 'A', '-a'],
  'k8s-long-name': ['a.b', 'A.b', '.a'],
  'unheard-of': ['x'],
};

async function values(api: Api, schema: object, samples: readonly unknown[]): Promise<void> {
  const path = await define(api, specOf({ v: schema }));
  for (const v of samples) {
    const answer = await api.quiet('POST', `${path}?dryRun=All`, ship(api, 'one', { v }));
    const { code, body } = answer;
    api.note(`${JSON.stringify(schema)}: ${JSON.stringify(v)?.slice(0, 80)}`, {
      code,
      message: body.message,
      details: body.details,
      spec: body.spec,
    });
  }
  await undefineWhole(api);
}

export const formatCases = topic('values', {
  'formats of texts': async (api) => {
    const names = Object.keys(formats);
    const fields = Object.fromEntries(names.map((format, i) => [`f${i}`, { type: 'string', format }]));
    const path = await define(api, specOf(fields));
    for (const [i, format] of names.entries()) {
      for (const text of formats[format] ?? []) {
        const answer = await api.quiet('POST', `${path}?dryRun=All`, ship(api, 'one', { [`f${i}`]: text }));
        expect([201, 422]).toContain(answer.code);
        api.note(`${format}: ${text}`, { code: answer.code, message: answer.body.message });
      }
    }
    await undefine(api);
  },

  'bounds of numbers': async (api) => {
    const fields = {
      between: { type: 'integer', minimum: 1, maximum: 10 },
      inside: { type: 'number', minimum: 1, exclusiveMinimum: true, maximum: 2, exclusiveMaximum: true },
      fives: { type: 'integer', multipleOf: 5 },
      tenths: { type: 'number', multipleOf: 0.1 },
      small: { type: 'integer', format: 'int32' },
      large: { type: 'integer', format: 'int64' },
      float: { type: 'number', format: 'float' },
      whole: { type: 'integer' },
      any: { 'x-kubernetes-int-or-string': true },
    };
    const path = await define(api, specOf(fields));
    for (const spec of [
      { between: 0 },
      { between: 1 },
      { between: 11 },
      { between: 1.5 },
      { between: '5' },
      { between: null },
      { inside: 1 },
      { inside: 1.5 },
      { inside: 2 },
      { fives: 7 },
      { fives: 10 },
      { tenths: 0.3 },
      { tenths: 0.35 },
      { small: 2147483647 },
      { small: 2147483648 },
      { small: -2147483649 },
      { large: 4294967296 },
      { float: 1e300 },
      { float: 1.5 },
      { whole: true },
      { any: 1 },
      { any: 'x' },
      { any: 1.5 },
      { any: true },
    ]) {
      await api.call('POST', `${path}?dryRun=All`, ship(api, 'one', spec));
    }
    await undefine(api);
  },

  'lengths of texts, lists and maps': async (api) => {
    await values(api, { type: 'string', minLength: 2, maxLength: 3 }, ['a', '😀😀', '😀😀😀', '😀😀😀😀', 'abcd', '']);
    await values(api, { type: 'array', minItems: 1, maxItems: 2, items: { type: 'string' } }, [
      [],
      ['a'],
      ['a', 'b', 'c'],
      'a',
      [1],
    ]);
    await values(
      api,
      { type: 'object', minProperties: 1, maxProperties: 2, additionalProperties: { type: 'integer' } },
      [{}, { a: 1 }, { a: 1, b: 2, c: 3 }, { a: 'x' }, []],
    );
    await values(api, { type: 'string', pattern: '^[a-z]+$' }, ['abc', 'ABC', '']);
    await values(api, { type: 'string', enum: ['a', 'b'] }, ['a', 'c', '']);
    await values(api, { type: 'integer', enum: [1, 2] }, [1, 3]);
    await values(api, { type: 'string', pattern: '^(a+)+$' }, [`${'a'.repeat(5_000)}!`]);
  },

  'lists that are sets and maps': async (api) => {
    const item = {
      type: 'object',
      required: ['a'],
      properties: { a: { type: 'string' }, b: { type: 'integer', default: 1 }, c: { type: 'string' } },
    };
    await values(api, { type: 'array', 'x-kubernetes-list-type': 'set', items: { type: 'string' } }, [
      ['a', 'b'],
      ['a', 'a', 'a', 'b', 'b'],
    ]);
    await values(
      api,
      { type: 'array', 'x-kubernetes-list-type': 'map', 'x-kubernetes-list-map-keys': ['a', 'b'], items: item },
      [
        [{ a: 'x' }, { a: 'x', b: 2 }],
        [{ a: 'x' }, { a: 'x', b: 1, c: 'other' }],
        [{ a: 'x' }, 'x'],
      ],
    );
  },

  'defaults, null and what is unknown': async (api) => {
    await values(api, { type: 'object', properties: { a: { type: 'string', default: 'x' }, b: { type: 'integer' } } }, [
      {},
      { a: null },
      { b: null },
      { z: 1 },
      { a: 'y', b: 2, z: { y: 1 } },
    ]);
    await values(api, { type: 'object', default: {}, properties: { a: { type: 'string', default: 'x' } } }, [
      undefined,
      null,
      {},
    ]);
    await values(api, { type: 'string', nullable: true }, [null, 'a']);
    await values(api, { type: 'string', nullable: true, default: 'x' }, [null, undefined]);
    await values(api, { type: 'array', items: { type: 'string', nullable: true } }, [[null], ['a', null]]);
    await values(
      api,
      {
        type: 'object',
        'x-kubernetes-preserve-unknown-fields': true,
        properties: { a: { type: 'object', properties: { b: { type: 'string' } } } },
      },
      [{ z: { y: 1 }, a: { b: 'x', c: 1 } }],
    );
  },

  logic: async (api) => {
    const fields = { type: 'object', properties: { a: { type: 'string' }, b: { type: 'string' } } };
    await values(api, { ...fields, oneOf: [{ required: ['a'] }, { required: ['b'] }] }, [
      { a: 'x' },
      {},
      { a: 'x', b: 'y' },
    ]);
    await values(api, { ...fields, anyOf: [{ required: ['a'] }, { required: ['b'] }] }, [{ a: 'x' }, {}]);
    await values(api, { ...fields, not: { required: ['a'] } }, [{ a: 'x' }, {}]);
    await values(api, { ...fields, allOf: [{ required: ['a'] }, { properties: { a: { minLength: 2 } } }] }, [
      { a: 'x' },
      { a: 'xy' },
      {},
    ]);
  },

  'embedded resources': async (api) => {
    const embedded = {
      type: 'object',
      'x-kubernetes-embedded-resource': true,
      'x-kubernetes-preserve-unknown-fields': true,
    };
    await values(api, embedded, [
      { apiVersion: 'v1', kind: 'Pod', metadata: { name: 'a' }, spec: { x: 1 } },
      { kind: 'Pod' },
      { apiVersion: 'v1' },
      { apiVersion: 'a/b/c', kind: 'Pod' },
      { apiVersion: 'v1', kind: 'Pod!' },
      { apiVersion: 'v1', kind: 'Pod', metadata: { labels: { 'a b': 'c' } } },
    ]);
  },
});
