import { expect } from 'vitest';
import type { Answer, Api } from '../api.ts';
import { asTable } from '../api.ts';
import { topic } from '../case.ts';
import { at, listAt, namesOf, textAt, versionOf } from '../json.ts';

const encode = encodeURIComponent;
const next = (answer: Answer): string => encode(textAt(answer.body, 'metadata', 'continue'));
const token = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url');

async function fill(api: Api, names: readonly string[], on: (name: string) => string = () => 'yes'): Promise<string> {
  const path = api.core('configmaps');
  for (const name of names) await api.quiet('POST', path, { metadata: { name, labels: { on: on(name) } } });
  return path;
}

export const pageCases = topic('pages', {
  'end where the list ends': async (api) => {
    const path = await fill(api, ['a', 'b', 'c', 'd']);
    for (const limit of [1, 2, 3, 4, 5, 0]) await api.call('GET', `${path}?limit=${limit}`);
    const first = await api.call('GET', `${path}?limit=3`);
    const second = await api.call('GET', `${path}?limit=1&continue=${next(first)}`);
    expect(namesOf(second.body)).toEqual(['d']);
    expect(namesOf((await api.call('GET', `${path}?continue=${next(first)}`)).body)).toEqual(['d']);
  },

  'with selectors tell nothing of what remains': async (api) => {
    const path = await fill(api, ['a', 'b', 'c', 'd', 'e'], (name) => (name === 'c' || name === 'e' ? 'no' : 'yes'));
    for (const selector of ['labelSelector=on%3Dyes', 'fieldSelector=metadata.name!%3Dc', 'labelSelector=on%3Dnever']) {
      for (const limit of [1, 2, 3, 4]) {
        const pages: string[] = [];
        let answer = await api.call('GET', `${path}?limit=${limit}&${selector}`);
        pages.push(...namesOf(answer.body));
        while (next(answer) !== '') {
          answer = await api.call('GET', `${path}?limit=${limit}&${selector}&continue=${next(answer)}`);
          pages.push(...namesOf(answer.body));
        }
        api.note(`${selector} by ${limit}`, pages);
      }
    }
  },

  'of the state at the first page': async (api) => {
    const path = await fill(api, ['a', 'b', 'c', 'd']);
    const first = await api.call('GET', `${path}?limit=1`);
    await api.quiet('PUT', `${path}/b`, { metadata: { name: 'b' }, data: { changed: 'yes' } });
    await api.quiet('DELETE', `${path}/c`);
    await api.quiet('POST', path, { metadata: { name: 'bb' } });
    const rest = await api.call('GET', `${path}?continue=${next(first)}`);
    expect(namesOf(rest.body)).toEqual(['b', 'c', 'd']);
    expect(versionOf(rest.body)).toBe(versionOf(first.body));
    const selected = await api.call('GET', `${path}?continue=${next(first)}&labelSelector=on%3Dyes`);
    expect(namesOf(selected.body)).toEqual(['b', 'c', 'd']);
    const table = await api.brief('GET', `${path}?continue=${next(first)}`, undefined, asTable);
    expect(listAt(table.body, 'rows').map((row) => at(row, 'cells', 0))).toEqual(['b', 'c', 'd']);
  },

  'at versions': async (api) => {
    const path = await fill(api, ['a', 'b', 'c']);
    const now = versionOf((await api.quiet('GET', path)).body);
    await api.quiet('POST', path, { metadata: { name: 'aa' } });
    // What is asked without a version is the newest, and after that nobody sees an older one.
    await api.quiet('GET', path);
    for (const query of [
      'limit=2&resourceVersion=0',
      'limit=2&resourceVersion=0&resourceVersionMatch=NotOlderThan',
      `limit=2&resourceVersion=${now}`,
      `limit=2&resourceVersion=${now}&resourceVersionMatch=Exact`,
      `limit=2&resourceVersion=${now}&resourceVersionMatch=NotOlderThan`,
      `resourceVersion=${now}`,
      `resourceVersion=${now}&resourceVersionMatch=Exact`,
      `resourceVersion=${now}&resourceVersionMatch=NotOlderThan`,
    ]) {
      const answer = await api.call('GET', `${path}?${query}`);
      api.note(query.replace(now, 'then'), namesOf(answer.body));
      if (next(answer) === '') continue;
      const rest = await api.call('GET', `${path}?continue=${next(answer)}`);
      api.note('and then', namesOf(rest.body));
    }
  },

  'of a version that is forgotten': async (api) => {
    const path = await fill(api, ['a', 'b', 'c', 'd']);
    const first = await api.call('GET', `${path}?limit=2`);
    const then = versionOf(first.body);
    await api.quiet('DELETE', `${path}/c`);
    await api.quiet('POST', path, { metadata: { name: 'e' } });
    await api.forget();
    const expired = await api.until(`${path}?limit=1&continue=${next(first)}`, ({ code }) => code === 410);
    expect(expired.body).toMatchObject({ reason: 'Expired', metadata: { continue: expect.any(String) } });
    const onwards = await api.call('GET', `${path}?limit=1&continue=${next(expired)}`);
    expect(namesOf(onwards.body)).toEqual(['d']);
    await api.call('GET', `${path}?continue=${next(onwards)}`);
    await api.until(`${path}?resourceVersion=${then}&resourceVersionMatch=Exact`, ({ code }) => code === 410);
    const patient = await api.call('GET', `${path}?resourceVersion=${then}&resourceVersionMatch=NotOlderThan`);
    expect(patient.code).toBe(200);
  },

  'with tokens that are none': async (api) => {
    const path = await fill(api, ['a', 'b', 'c']);
    const first = await api.call('GET', `${path}?limit=1`);
    for (const version of ['1', 'abc']) {
      const answer = await api.call('GET', `${path}?limit=1&continue=${next(first)}&resourceVersion=${version}`);
      expect(answer.code).toBe(400);
    }
    await api.call('GET', `${path}?limit=1&continue=${next(first)}&resourceVersion=0`);
    for (const bad of [
      'nonsense',
      '!!!',
      token({}),
      token([]),
      token({ v: 'meta.k8s.io/v2', rv: 1, start: 'a' }),
      token({ v: 'meta.k8s.io/v1', rv: 0, start: 'a' }),
      token({ v: 'meta.k8s.io/v1', rv: 1, start: '' }),
      token({ v: 'meta.k8s.io/v1', rv: 1, start: '../secrets' }),
      token({ v: 'meta.k8s.io/v1', rv: 1, start: 'a/../../b' }),
      token({ v: 'meta.k8s.io/v1', rv: 'x', start: 'a' }),
    ]) {
      const answer = await api.call('GET', `${path}?limit=1&continue=${bad}`);
      expect(answer.code, bad).toBe(400);
    }
    await api.call('GET', `${path}?continue=${token({ v: 'meta.k8s.io/v1', rv: -2, start: 'b' })}`);
    const present = token({ v: 'meta.k8s.io/v1', rv: -1, start: 'b' });
    expect(namesOf((await api.call('GET', `${path}?continue=${present}`)).body)).toEqual(['b', 'c']);
  },

  'of a version that is still to come': async (api) => {
    const path = await fill(api, ['a', 'b', 'c']);
    const later = Number(versionOf((await api.quiet('GET', path)).body)) + 1_000_000;
    for (const match of ['', '&resourceVersionMatch=NotOlderThan', '&resourceVersionMatch=Exact']) {
      expect((await api.call('GET', `${path}?resourceVersion=${later}${match}`)).code).toBe(504);
    }
    const future = token({ v: 'meta.k8s.io/v1', rv: later, start: 'a' });
    await api.call('GET', `${path}?continue=${future}`);
  },
});
