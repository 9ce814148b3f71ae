import { expect } from 'vitest';
import { mergePatch } from '../api.ts';
import { topic } from '../case.ts';
import { textAt, versionOf } from '../json.ts';

export const versionCases = topic('versions', {
  'every change has a higher version, no change has the same': async (api) => {
    const path = api.core('configmaps');
    const first = (await api.call('POST', path, { metadata: { name: 'one' }, data: { a: '1' } })).body;
    const same = (await api.call('PUT', `${path}/one`, first)).body;
    expect(versionOf(same)).toBe(versionOf(first));
    const second = (await api.call('PUT', `${path}/one`, { ...first, data: { a: '2' } })).body;
    expect(Number(versionOf(second))).toBeGreaterThan(Number(versionOf(first)));
    const listed = (await api.call('GET', path)).body;
    expect(Number(textAt(listed, 'metadata', 'resourceVersion'))).toBeGreaterThanOrEqual(Number(versionOf(second)));
  },

  'a replace from an old version is refused': async (api) => {
    const path = api.core('configmaps');
    const first = (await api.quiet('POST', path, { metadata: { name: 'one' }, data: { a: '1' } })).body;
    await api.call('PUT', `${path}/one`, { ...first, data: { a: '2' } });
    const stale = await api.call('PUT', `${path}/one`, { ...first, data: { a: '3' } });
    expect(stale.body).toMatchObject({ code: 409, reason: 'Conflict' });
    const blind = await api.call('PUT', `${path}/one`, { metadata: { name: 'one' }, data: { a: '4' } });
    expect(blind.body).toMatchObject({ data: { a: '4' } });
  },

  'a patch may name a version': async (api) => {
    const path = api.core('configmaps');
    const first = (await api.quiet('POST', path, { metadata: { name: 'one' }, data: { a: '1' } })).body;
    const resourceVersion = versionOf(first);
    const change = (a: string) => ({ metadata: { resourceVersion }, data: { a } });
    expect((await api.call('PATCH', `${path}/one`, change('2'), mergePatch)).code).toBe(200);
    expect((await api.call('PATCH', `${path}/one`, change('3'), mergePatch)).body).toMatchObject({
      code: 409,
      reason: 'Conflict',
    });
  },

  'a deletion may name uid and version': async (api) => {
    const path = api.core('configmaps');
    const first = (await api.quiet('POST', path, { metadata: { name: 'one' } })).body;
    const uid = '11111111-2222-3333-4444-555555555555';
    expect((await api.call('DELETE', `${path}/one`, { preconditions: { uid } })).code).toBe(409);
    expect((await api.call('DELETE', `${path}/one`, { preconditions: { resourceVersion: '1' } })).code).toBe(409);
    const preconditions = { uid: textAt(first, 'metadata', 'uid'), resourceVersion: versionOf(first) };
    expect((await api.call('DELETE', `${path}/one`, { preconditions })).code).toBe(200);
  },

  'what a server sets cannot be set': async (api) => {
    const path = api.core('configmaps');
    const first = await api.call('POST', path, {
      metadata: {
        name: 'one',
        uid: '11111111-2222-3333-4444-555555555555',
        creationTimestamp: '2001-01-01T00:00:00Z',
        generation: 7,
        selfLink: '/x',
      },
    });
    expect(textAt(first.body, 'metadata', 'creationTimestamp')).not.toMatch(/^2001/);
    const versioned = await api.call('POST', path, { metadata: { name: 'two', resourceVersion: '5' } });
    expect(versioned.code).toBe(500);
    const other = { metadata: { name: 'one', uid: '99999999-2222-3333-4444-555555555555' } };
    expect((await api.call('PUT', `${path}/one`, other)).code).toBe(409);
    const renamed = await api.call('PUT', `${path}/one`, { metadata: { name: 'three' } });
    expect(renamed.code).toBe(400);
  },

  'a replace of nothing is not found': async (api) => {
    const answer = await api.call('PUT', api.core('configmaps/none'), { metadata: { name: 'none' } });
    expect(answer.body).toMatchObject({ code: 404, reason: 'NotFound' });
  },

  'the version that a list asks for': async (api) => {
    const path = api.core('configmaps');
    await api.quiet('POST', path, { metadata: { name: 'one' } });
    expect((await api.call('GET', `${path}?resourceVersion=0`)).code).toBe(200);
    expect((await api.call('GET', `${path}?resourceVersion=abc`)).code).toBe(400);
    expect((await api.call('GET', `${path}?resourceVersion=1&resourceVersionMatch=Sometimes`)).code).toBe(422);
    expect((await api.call('GET', `${path}?resourceVersionMatch=Exact`)).code).toBe(422);
    expect((await api.call('GET', `${path}?resourceVersion=0&resourceVersionMatch=Exact`)).code).toBe(422);
    const now = versionOf((await api.quiet('GET', path)).body);
    expect((await api.call('GET', `${path}?resourceVersion=${now}&resourceVersionMatch=Exact`)).code).toBe(200);
  },
});
