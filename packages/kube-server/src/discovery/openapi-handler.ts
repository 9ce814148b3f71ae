import { createHash } from 'node:crypto';
import type { ServerResponse } from 'node:http';
import { sendJson, sendText } from '../http/respond.ts';
import type { Registry } from '../registry/registry.ts';
import type { TypeSource } from '../schema/dsl.ts';
import { groupVersionPaths, virtualResources } from './discovery.ts';
import { openApiDocument, type Published } from './openapi.ts';
import { sendOpenApiV2 } from './openapi-v2.ts';

/** Serves `/openapi/v3` and what it refers to. Documents are made when asked for and kept while nothing changes. */
export function createOpenApiHandler(registry: Registry, types: TypeSource) {
  const reviews: readonly Published[] = virtualResources.map((one) => ({
    ...one,
    custom: false,
    namespaced: false,
    hasStatus: false,
    isReview: true,
    schema: () => types(one.kind),
  }));

  /** A resource that changes has another definition: its identity is the version of the document. */
  const documents = new Map<
    string,
    { readonly made: readonly unknown[]; readonly text: string; readonly hash: string }
  >();

  const document = (path: string): { readonly text: string; readonly hash: string } | undefined => {
    const [root, ...rest] = path.split('/');
    const [group, version] = root === 'api' ? ['', rest[0]] : rest;
    if (group === undefined || version === undefined || (root !== 'api' && root !== 'apis')) return undefined;
    const made = [...registry.all(), ...reviews].filter((d) => d.group === group && d.version === version);
    const known = documents.get(path);
    if (known && known.made.length === made.length && made.every((d, i) => d === known.made[i])) return known;
    const content = openApiDocument(made, types, group, version);
    if (!content) return undefined;
    const text = JSON.stringify(content);
    const fresh = { made, text, hash: createHash('sha256').update(text).digest('hex').toUpperCase().slice(0, 32) };
    documents.set(path, fresh);
    return fresh;
  };

  return (response: ServerResponse, url: URL): boolean => {
    const { pathname } = url;
    if (pathname === '/openapi/v2') {
      sendOpenApiV2(response);
      return true;
    }
    if (pathname === '/openapi/v3' || pathname === '/openapi/v3/') {
      const paths: Record<string, object> = {};
      for (const path of groupVersionPaths(registry.all())) {
        const found = document(path);
        if (found) paths[path] = { serverRelativeURL: `/openapi/v3/${path}?hash=${found.hash}` };
      }
      sendJson(response, 200, { paths });
      return true;
    }
    if (!pathname.startsWith('/openapi/v3/')) return false;
    const found = document(pathname.slice('/openapi/v3/'.length));
    if (!found) return false;
    response.setHeader('etag', `"${found.hash}"`);
    sendText(response, 200, 'application/json', found.text);
    return true;
  };
}
