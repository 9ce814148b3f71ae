import { StackError } from '@polarstack/base';
import type { KubeObject, Resource } from './object.ts';

export interface PathParts {
  readonly namespace?: string | undefined;
  readonly name?: string | undefined;
  readonly subresource?: string;
}

/** The API path of a collection or object. Without `namespace` a namespaced type means all namespaces. */
export function resourcePath<T extends KubeObject>(resource: Resource<T>, parts: PathParts = {}): string {
  const { group, version, plural, namespaced } = resource;
  if (namespaced && parts.name !== undefined && parts.namespace === undefined) {
    throw new StackError('BadRequest', `${resource.kind} ${parts.name}: a namespace is needed`);
  }
  const segments = group === '' ? ['api', version] : ['apis', group, version];
  if (namespaced && parts.namespace !== undefined) segments.push('namespaces', parts.namespace);
  segments.push(plural);
  if (parts.name !== undefined) segments.push(parts.name);
  if (parts.subresource !== undefined) segments.push(parts.subresource);
  return `/${segments.map(encodeURIComponent).join('/')}`;
}

/** `?a=b&c=d` of what is defined, or nothing. */
export function queryString(parameters: Readonly<Record<string, string | number | boolean | undefined>>): string {
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(parameters)) {
    if (value !== undefined) query.set(name, String(value));
  }
  return query.size === 0 ? '' : `?${query.toString()}`;
}

/** `apps/v1`, or `v1` for the core group. */
export function apiVersionOf(resource: { readonly group: string; readonly version: string }): string {
  return resource.group === '' ? resource.version : `${resource.group}/${resource.version}`;
}
