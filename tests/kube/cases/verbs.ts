import { expect } from 'vitest';
import { topic } from '../case.ts';
import { namesOf } from '../json.ts';

export const verbCases = topic('verbs', {
  'an object is created, read and deleted': async (api) => {
    const path = api.core('configmaps');
    expect((await api.call('POST', path, { metadata: { name: 'one' }, data: { a: '1' } })).code).toBe(201);
    expect((await api.call('GET', `${path}/one`)).body).toMatchObject({ kind: 'ConfigMap', data: { a: '1' } });
    expect((await api.call('GET', path)).body).toMatchObject({ kind: 'ConfigMapList', items: [{ data: { a: '1' } }] });
    expect((await api.call('DELETE', `${path}/one`)).body).toMatchObject({ status: 'Success' });
    expect((await api.call('GET', `${path}/one`)).code).toBe(404);
    expect((await api.call('DELETE', `${path}/one`)).code).toBe(404);
  },

  'a name is taken once': async (api) => {
    const path = api.core('configmaps');
    await api.call('POST', path, { metadata: { name: 'one' } });
    const again = await api.call('POST', path, { metadata: { name: 'one' } });
    expect(again.body).toMatchObject({ code: 409, reason: 'AlreadyExists' });
  },

  'names and namespaces are checked': async (api) => {
    const path = api.core('configmaps');
    for (const name of ['Big', 'under_score', '-dash', 'dot.', '', 'a'.repeat(254)]) {
      expect((await api.call('POST', path, { metadata: { name } })).body).toMatchObject({
        code: 422,
        reason: 'Invalid',
      });
    }
    expect((await api.call('POST', path, {})).code).toBe(422);
    const elsewhere = await api.call('POST', path, { metadata: { name: 'x', namespace: 'elsewhere' } });
    expect(elsewhere.body).toMatchObject({ code: 400, reason: 'BadRequest' });
    const nowhere = await api.call('POST', '/api/v1/namespaces/nowhere/configmaps', { metadata: { name: 'x' } });
    expect(nowhere.body).toMatchObject({ code: 404, reason: 'NotFound' });
  },

  'a body of another kind or version is refused': async (api) => {
    const path = api.core('configmaps');
    for (const type of [
      { kind: 'Secret', apiVersion: 'v1' },
      { kind: 'ConfigMap', apiVersion: 'apps/v1' },
    ]) {
      expect((await api.call('POST', path, { ...type, metadata: { name: 'x' } })).code).toBe(400);
    }
  },

  'bodies that are no object are refused': async (api) => {
    const path = api.core('configmaps');
    for (const body of ['', '{', '[]', '"text"', 'null']) {
      const answer = await api.brief('POST', path, body);
      expect([400, 422]).toContain(answer.code);
    }
    const type = await api.brief('POST', path, 'x', { 'content-type': 'text/plain' });
    expect(type.body).toMatchObject({ code: 415, reason: 'UnsupportedMediaType' });
  },

  'paths that are not served': async (api) => {
    for (const path of [
      '/api/v1/nonsense',
      '/apis/no.such.group/v1/things',
      '/api/v2',
      '/apis/coordination.k8s.io/v9',
      '/nothing',
    ]) {
      expect((await api.call('GET', path)).code).toBe(404);
    }
    expect((await api.call('GET', api.core('configmaps/x/status'))).code).toBe(404);
  },

  'verbs that a path does not have': async (api) => {
    expect((await api.call('PUT', api.core('configmaps'), {})).body).toMatchObject({ code: 405 });
    expect((await api.call('PATCH', api.core('configmaps'), {})).body).toMatchObject({ code: 405 });
    expect((await api.call('POST', api.core('configmaps/x'), {})).body).toMatchObject({ code: 405 });
    expect((await api.call('DELETE', '/api/v1/namespaces')).body).toMatchObject({ code: 405 });
    expect((await api.call('POST', '/api/v1/configmaps', { metadata: { name: 'x' } })).code).toBe(405);
  },

  'many are deleted at once, by selector': async (api) => {
    const path = api.core('configmaps');
    for (const name of ['a', 'b', 'c']) {
      await api.quiet('POST', path, { metadata: { name, labels: { keep: String(name === 'c') } } });
    }
    expect((await api.call('DELETE', `${path}?labelSelector=keep%3Dfalse`)).code).toBe(200);
    expect(namesOf((await api.call('GET', path)).body)).toEqual(['c']);
    await api.call('DELETE', `${path}?fieldSelector=metadata.name%3Dc`);
    expect(namesOf((await api.call('GET', path)).body)).toEqual([]);
  },

  'a name is made from generateName': async (api) => {
    const made = await api.quiet('POST', api.core('configmaps'), { metadata: { generateName: 'made-' } });
    expect(made.code).toBe(201);
    expect(made.body).toMatchObject({
      metadata: { generateName: 'made-', name: expect.stringMatching(/^made-[bcdfghjklmnpqrstvwxz2456789]{5}$/) },
    });
    const long = await api.quiet('POST', api.core('configmaps'), { metadata: { generateName: 'x'.repeat(260) } });
    expect([201, 422]).toContain(long.code);
    api.note('a long prefix', long.code);
    const both = await api.call('POST', api.core('configmaps'), { metadata: { generateName: 'made-', name: 'given' } });
    expect(both.body).toMatchObject({ metadata: { name: 'given' } });
  },

  'a dry run changes nothing': async (api) => {
    const path = api.core('configmaps');
    expect((await api.call('POST', `${path}?dryRun=All`, { metadata: { name: 'dry' } })).code).toBe(201);
    expect((await api.call('GET', `${path}/dry`)).code).toBe(404);
    await api.quiet('POST', path, { metadata: { name: 'wet' }, data: { a: '1' } });
    const put = { metadata: { name: 'wet' }, data: { a: '2' } };
    expect((await api.call('PUT', `${path}/wet?dryRun=All`, put)).body).toMatchObject({ data: { a: '2' } });
    expect((await api.call('DELETE', `${path}/wet?dryRun=All`)).code).toBe(200);
    expect((await api.call('DELETE', `${path}?dryRun=All`)).code).toBe(200);
    expect((await api.call('GET', `${path}/wet`)).body).toMatchObject({ data: { a: '1' } });
    expect((await api.call('POST', `${path}?dryRun=Some`, { metadata: { name: 'x' } })).code).toBe(422);
  },

  'a slash of a path that is written as %2F': async (api) => {
    const path = api.core('configmaps');
    await api.quiet('POST', path, { metadata: { name: 'one' } });
    expect((await api.call('POST', `${path}%2Fone`, { metadata: { name: 'one' } })).code).toBe(405);
    expect((await api.call('GET', `${path}%2Fone`)).code).toBe(200);
    await api.call('GET', `${path}/one%2Fstatus`);
    await api.call('GET', `${path}/one%2Ftwo%2Fthree`);
  },
});
