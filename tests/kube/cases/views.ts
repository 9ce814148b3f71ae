import { expect } from 'vitest';
import { parse } from 'yaml';
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

  'answers in YAML': async (api) => {
    const path = api.core('configmaps');
    const inYaml = (accept = 'application/yaml') => ({ accept });
    const shown = async (method: string, url: string, headers: Readonly<Record<string, string>>, body?: unknown) => {
      const { code, text } = await api.quiet(method, url, body, headers);
      const isYaml = !text.startsWith('{');
      // The order of fields and the indentation are part of it: people read this.
      const outline = text.split('\n').map((line) => line.replace(/: .*/, ':'));
      api.note(`${method} ${url} ${headers.accept}`, {
        code,
        isYaml,
        ...(isYaml ? { outline, value: parse(text) } : {}),
      });
      return { code, isYaml };
    };
    const data = { text: 'a\nb\n', yes: 'yes', number: '1', empty: '', date: '2020-01-01', colon: 'a: b' };
    const made = await shown('POST', path, inYaml(), { metadata: { name: 'one' }, data });
    expect(made).toEqual({ code: 201, isYaml: true });
    expect(await shown('GET', `${path}/one`, inYaml())).toEqual({ code: 200, isYaml: true });
    await shown('GET', path, inYaml());
    expect(await shown('GET', `${path}/none`, inYaml())).toEqual({ code: 404, isYaml: true });
    await shown('GET', `${path}/one`, inYaml('application/json, application/yaml'));
    await shown('GET', `${path}/one`, inYaml('application/yaml, application/json'));
    await shown('GET', `${path}/one`, inYaml('application/yaml;as=PartialObjectMetadata;g=meta.k8s.io;v=v1'));
    await shown('DELETE', `${path}/one`, inYaml());
    const watch = await api.quiet('GET', `${path}?watch=true&timeoutSeconds=1`, undefined, inYaml());
    api.note('watch', [watch.code, watch.text.startsWith('{')]);
  },

  'lists of metadata, in every form': async (api) => {
    const path = api.core('configmaps');
    await api.quiet('POST', path, { metadata: { name: 'one', labels: { a: 'b' } }, data: { c: 'd' } });
    const as = (kind: string) => ({ accept: `application/json;as=${kind};v=v1;g=meta.k8s.io` });
    const partial = await api.call('GET', path, undefined, as('PartialObjectMetadataList'));
    expect(partial.body).toMatchObject({ kind: 'PartialObjectMetadataList', items: [{ metadata: { name: 'one' } }] });
    await api.call('GET', `${path}?limit=1`, undefined, as('PartialObjectMetadataList'));
    await api.call('GET', `${path}/one`, undefined, as('PartialObjectMetadata'));
    await api.call('DELETE', `${path}?labelSelector=a%3Db&dryRun=All`, undefined, as('PartialObjectMetadataList'));
    for (const kind of ['PartialObjectMetadata', 'PartialObjectMetadataList']) {
      await api.watch(`${path}?watch=true&timeoutSeconds=2`, (events) => events.length > 0, undefined, as(kind));
    }
  },

  'schemas of reviews are published': async (api) => {
    const index = await api.quiet('GET', '/openapi/v3');
    for (const group of ['apis/authentication.k8s.io/v1', 'apis/authorization.k8s.io/v1']) {
      const schema = await api.quiet('GET', textAt(index.body, 'paths', group, 'serverRelativeURL') ?? group);
      const paths = Object.entries(at(schema.body, 'paths') as Record<string, object>);
      const reviews = paths
        .filter(([path]) => /\/self\w+$/.test(path))
        .map(([path, verbs]) => `${path} ${'post' in verbs}`);
      api.note(
        group,
        reviews.sort((a, b) => a.localeCompare(b)),
      );
      expect(reviews.length).toBeGreaterThan(0);
    }
  },
});
