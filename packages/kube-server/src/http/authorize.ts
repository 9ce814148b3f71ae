import { asksForWatch } from '../operations/list-options.ts';
import type { UserInfo } from './identity.ts';
import type { ResourcePath } from './request-info.ts';
import { failure } from './status.ts';

/** What a request wants to do, as roles speak of it. */
export interface Attributes {
  readonly verb: string;
  readonly resource?: ResourcePath;
  /** For requests outside of resources. */
  readonly path: string;
}

/** Decides whether a user may do something. */
export interface Authorizer {
  allows(user: UserInfo, attributes: Attributes): boolean;
  /** All that a user may do in a namespace, as rules of roles. */
  rulesFor(user: UserInfo, namespace: string): readonly Readonly<Record<string, unknown>>[];
}

const powerful = new Set(['system:masters', 'polarstack:components']);

/**
 * Administrators and our own components may do everything, but not the proxy: certificates of its first releases name
 * the components' group, were readable by every pod, and are valid for years.
 */
export function isPowerful(user: UserInfo): boolean {
  return user.username !== 'polarstack-proxy' && user.groups.some((group) => powerful.has(group));
}

/** What everybody with a certificate may read: versions, health, discovery and schemas. */
export function isOpenPath(path: string): boolean {
  return /^\/(version|healthz|livez|readyz|api|apis|openapi)(\/|$)/.test(path);
}

export function forbid(user: UserInfo, { verb, resource, path }: Attributes): Error {
  const who = `User "${user.username}" cannot ${verb}`;
  if (!resource) return failure(403, 'Forbidden', `forbidden: ${who} path "${path}"`, {});
  const plural = resource.subresource === undefined ? resource.plural : `${resource.plural}/${resource.subresource}`;
  const scope =
    resource.namespace === undefined ? ' at the cluster scope' : ` in the namespace "${resource.namespace}"`;
  const qualified = resource.group === '' ? resource.plural : `${resource.plural}.${resource.group}`;
  const name = resource.name === undefined ? '' : ` "${resource.name}"`;
  return failure(
    403,
    'Forbidden',
    `${qualified}${name} is forbidden: ${who} resource "${plural}" in API group "${resource.group}"${scope}`,
    {
      ...(resource.name === undefined ? {} : { name: resource.name }),
      ...(resource.group === '' ? {} : { group: resource.group }),
      kind: resource.plural,
    },
  );
}

/** The verb of a request on a resource. */
export function verbOf(method: string, resource: ResourcePath, query: URLSearchParams): string {
  switch (method) {
    case 'GET':
    case 'HEAD': {
      if (resource.isWatch) return 'watch';
      // What one object is asked for with is nothing but its name.
      if (resource.name !== undefined) return 'get';
      return asksForWatch(query) ? 'watch' : 'list';
    }
    case 'POST':
      return 'create';
    case 'PUT':
      return 'update';
    case 'PATCH':
      return 'patch';
    case 'DELETE':
      return resource.name === undefined ? 'deletecollection' : 'delete';
    default:
      return method.toLowerCase();
  }
}
