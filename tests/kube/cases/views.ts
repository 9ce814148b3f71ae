import { expect } from 'vitest';
import { asTable } from '../api.ts';
import { topic } from '../case.ts';
import { at, listAt, textAt } from '../json.ts';

export const viewCases = topic('views', {
  'a list as a table': async (api) => {
    const path = api.core('configmaps');
    await api.quiet('POST', path, { metadata: { name: 'one' }, data: { a: '1', b: '2' } });
    const table = (await api.quiet('GET', path)).code;
    expect(table).toBe(200);
    const shown = await api.brief('GET', path, undefined, asTable);
    expect(shown.body).toMatchObject({ kind: 'Table', apiVersion: 'meta.k8s.io/v1' });
    api.note(
      'columns',
      listAt(shown.body, 'columnDefinitions').map((column) => [at(column, 'name'), at(column, 'type')]),
    );
    api.note('cells', listAt(shown.body, 'rows', 0, 'cells').slice(0, 2));
    api.note('object', at(shown.body, 'rows', 0, 'object', 'kind'));
  },

  'discovery names groups, kinds and verbs': async (api) => {
    const core = await api.quiet('GET', '/api/v1');
    for (const plural of ['configmaps', 'secrets', 'namespaces', 'services', 'pods', 'events', 'serviceaccounts']) {
      const entry = listAt(core.body, 'resources').find((resource) => at(resource, 'name') === plural);
      const { storageVersionHash: _hash, categories: _categories, ...shown } = entry as Record<string, unknown>;
      api.note(plural, { ...shown, verbs: listAt(entry, 'verbs').map(String).sort() });
    }
    const groups = await api.quiet('GET', '/apis');
    for (const name of ['coordination.k8s.io', 'apiextensions.k8s.io', 'rbac.authorization.k8s.io', 'events.k8s.io']) {
      const group = listAt(groups.body, 'groups').find((each) => at(each, 'name') === name);
      api.note(name, at(group, 'preferredVersion'));
    }
    expect((await api.quiet('GET', '/api')).body).toMatchObject({ kind: 'APIVersions', versions: ['v1'] });
    expect((await api.call('GET', '/apis/coordination.k8s.io')).body).toMatchObject({ kind: 'APIGroup' });
  },

  'schemas are published': async (api) => {
    const index = await api.quiet('GET', '/openapi/v3');
    const url = textAt(index.body, 'paths', 'api/v1', 'serverRelativeURL');
    expect(url).toMatch(/^\/openapi\/v3\/api\/v1\?hash=/);
    const schema = await api.quiet('GET', url);
    expect(at(schema.body, 'components', 'schemas', 'io.k8s.api.core.v1.ConfigMap')).toBeDefined();
  },

  'health and version': async (api) => {
    for (const path of ['/healthz', '/livez', '/readyz']) {
      const answer = await api.call('GET', path);
      expect(answer.text).toBe('ok');
    }
    expect(textAt((await api.quiet('GET', '/version')).body, 'major')).toBe('1');
  },

  'who am I': async (api) => {
    const path = '/apis/authentication.k8s.io/v1/selfsubjectreviews';
    const me = await api.quiet('POST', path, { apiVersion: 'authentication.k8s.io/v1', kind: 'SelfSubjectReview' });
    expect(me.body).toMatchObject({ status: { userInfo: { username: 'contract-admin' } } });
    const review = '/apis/authorization.k8s.io/v1/selfsubjectaccessreviews';
    const can = await api.brief('POST', review, {
      apiVersion: 'authorization.k8s.io/v1',
      kind: 'SelfSubjectAccessReview',
      spec: { resourceAttributes: { verb: 'get', resource: 'pods' } },
    });
    expect(can.body).toMatchObject({ status: { allowed: true } });
  },
});
