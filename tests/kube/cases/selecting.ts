import { expect } from 'vitest';
import { topic } from '../case.ts';
import { namesOf, textAt } from '../json.ts';

const encode = encodeURIComponent;

export const selectingCases = topic('selectors and pages', {
  'labels select in every form': async (api) => {
    const path = api.core('configmaps');
    const objects = { a: { tier: 'web', size: '1' }, b: { tier: 'db', size: '5' }, c: { other: 'x' } };
    for (const [name, labels] of Object.entries(objects)) await api.quiet('POST', path, { metadata: { name, labels } });
    const expected: Readonly<Record<string, readonly string[]>> = {
      'tier=web': ['a'],
      'tier==web': ['a'],
      'tier!=web': ['b', 'c'],
      tier: ['a', 'b'],
      '!tier': ['c'],
      'tier in (web, db)': ['a', 'b'],
      'tier notin (web)': ['b', 'c'],
      'tier in (web),size=1': ['a'],
      'size>3': ['b'],
      'size<3': ['a'],
      '': ['a', 'b', 'c'],
    };
    for (const [selector, names] of Object.entries(expected)) {
      const answer = await api.call('GET', `${path}?labelSelector=${encode(selector)}`);
      expect(namesOf(answer.body), selector).toEqual(names);
    }
  },

  'selectors that mean nothing are refused': async (api) => {
    const path = api.core('configmaps');
    for (const selector of [
      'a in',
      'a=b=c',
      '=x',
      'a in (b',
      'a in (b,',
      'a in b',
      'a in ()',
      'a in (,b)',
      'a notin (b,,c)',
      'a b',
      'a,',
      ',a',
      'a,,b',
      '!',
      '!!a',
      '!a=b',
      'a>b',
      'a<1.5',
      'a>=1',
      'a=<b',
      'a===b',
      '(a)',
      'under_/x',
      'a/b/c',
      'a=~',
      'a=b c',
      `${'k'.repeat(64)}=v`,
      `k=${'v'.repeat(64)}`,
    ]) {
      const answer = await api.call('GET', `${path}?labelSelector=${encode(selector)}`);
      const means = ['a in ()', 'a in (,b)', 'a notin (b,,c)'].includes(selector);
      expect(answer.code, selector).toBe(means ? 200 : 400);
    }
    for (const selector of ['spec.nonsense=x', 'metadata.name', 'metadata.name>x']) {
      const answer = await api.brief('GET', `${path}?fieldSelector=${encode(selector)}`);
      expect(answer.body, selector).toMatchObject({ code: 400, reason: 'BadRequest' });
    }
  },

  'fields select': async (api) => {
    const path = api.core('secrets');
    await api.quiet('POST', path, { metadata: { name: 'a' }, type: 'Opaque' });
    await api.quiet('POST', path, { metadata: { name: 'b' }, type: 'example.com/other' });
    for (const [selector, names] of [
      ['metadata.name=a', ['a']],
      ['metadata.name!=a', ['b']],
      ['type=example.com/other', ['b']],
      [`metadata.namespace=${api.namespace}`, ['a', 'b']],
      ['metadata.name=a,type=example.com/other', []],
    ] as const) {
      const answer = await api.call('GET', `${path}?fieldSelector=${encode(selector)}`);
      expect(namesOf(answer.body), selector).toEqual(names);
    }
  },

  'a list in pages is one state': async (api) => {
    const path = api.core('configmaps');
    for (const name of ['a', 'b', 'c', 'd', 'e']) await api.quiet('POST', path, { metadata: { name } });
    const first = await api.call('GET', `${path}?limit=2`);
    expect(first.body).toMatchObject({ metadata: { remainingItemCount: 3 } });
    await api.quiet('DELETE', `${path}/c`);
    await api.quiet('POST', path, { metadata: { name: 'cc' } });
    const token = (answer: { readonly body: unknown }) => encode(textAt(answer.body, 'metadata', 'continue'));
    const second = await api.call('GET', `${path}?limit=2&continue=${token(first)}`);
    expect(namesOf(second.body)).toEqual(['c', 'd']);
    const third = await api.call('GET', `${path}?limit=2&continue=${token(second)}`);
    expect(namesOf(third.body)).toEqual(['e']);
    const versions = [first, second, third].map(({ body }) => textAt(body, 'metadata', 'resourceVersion'));
    expect(new Set(versions).size).toBe(1);
  },

  'pages that cannot be': async (api) => {
    const path = api.core('configmaps');
    expect((await api.brief('GET', `${path}?limit=2&continue=nonsense`)).code).toBe(400);
    await api.brief('GET', `${path}?limit=-1`);
    await api.brief('GET', `${path}?limit=abc`);
  },
});
