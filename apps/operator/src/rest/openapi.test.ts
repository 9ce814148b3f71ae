import { errorTable } from '@polarstack/base';
import { describe, expect, test } from 'vitest';
import { openApi } from './openapi.ts';
import { matchRoute, routes } from './routes.ts';

interface Document {
  readonly openapi: string;
  readonly paths: Readonly<Record<string, Readonly<Record<string, { readonly operationId: string }>>>>;
  readonly components: { readonly schemas: Readonly<Record<string, object>> };
}

describe('the OpenAPI document', () => {
  const document = openApi() as Document;

  test('has every route, under its own id, and no other', () => {
    const ids = Object.values(document.paths).flatMap((path) =>
      Object.values(path).map(({ operationId }) => operationId),
    );
    expect([...ids].sort()).toEqual(routes.map(({ id }) => id).sort());
    expect(new Set(ids).size).toBe(ids.length);
  });

  test('every reference in it leads somewhere', () => {
    const references = [...JSON.stringify(document).matchAll(/"\$ref":"#\/components\/schemas\/(\w+)"/g)];
    expect(references.length).toBeGreaterThan(5);
    for (const [, name = ''] of references) expect(Object.keys(document.components.schemas)).toContain(name);
  });

  test('kinds have the schema of their definition', () => {
    expect(document.components.schemas.Operation).toMatchObject({ properties: { spec: { type: 'object' } } });
    expect(Object.keys(errorTable)).toContain('TokenMissing');
  });
});

describe('routes', () => {
  test.each([
    ['GET', '/api/v1/clusters', 'listClusters'],
    ['GET', '/api/v1/namespaces/a/clusters/b', 'getCluster'],
    ['POST', '/api/v1/namespaces/a/operations/b.c/steering', 'steerOperation'],
    ['POST', '/api/v1/namespace/a/name/b/rw_ins', 'reportRw'],
  ])('%s %s is %s', (method, path, id) => {
    expect(matchRoute(method, path)).toMatchObject({ route: { id } });
  });

  test.each([
    '/',
    '/api/v1',
    '/api/v1/clusters/',
    '/api/v1/namespaces/../clusters/b',
    '/api/v1/namespaces/A/clusters/b',
  ])('%s is no path', (path) => expect(matchRoute('GET', path)).toBeUndefined());

  test('a path that takes other methods says which', () => {
    expect(matchRoute('DELETE', '/api/v1/namespaces/a/clusters/b/operations')).toEqual({ allow: ['GET', 'POST'] });
  });

  test('what changes anything needs scope operate', () => {
    for (const { id, method, scope } of routes) {
      expect([id, scope]).toEqual([id, method === 'POST' && id !== 'plan' ? 'operate' : 'read']);
    }
  });
});
