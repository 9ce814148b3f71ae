/** Role-based access for whoever is neither an administrator nor a component: roles and bindings as stored. */
import { arrayAt, isObject, type JsonObject, stringAt } from '../json.ts';
import { storePrefix } from '../registry/definition.ts';
import type { ObjectStore } from '../store/object-store.ts';
import { type Attributes, type Authorizer, isOpenPath, isPowerful } from './authorize.ts';
import type { UserInfo } from './identity.ts';

const GROUP = 'rbac.authorization.k8s.io';
const prefix = (plural: string): string => storePrefix(GROUP, plural);

const EVERYTHING: readonly JsonObject[] = [
  { verbs: ['*'], apiGroups: ['*'], resources: ['*'] },
  { verbs: ['*'], nonResourceURLs: ['*'] },
];

export function rbacAuthorizer(store: ObjectStore): Authorizer {
  const rulesOf = (binding: Readonly<JsonObject>): readonly unknown[] => {
    const kind = stringAt(binding, 'roleRef', 'kind');
    const name = stringAt(binding, 'roleRef', 'name') ?? '';
    const key =
      kind === 'ClusterRole'
        ? `${prefix('clusterroles')}${name}`
        : `${prefix('roles')}${stringAt(binding, 'metadata', 'namespace') ?? ''}/${name}`;
    return arrayAt(store.get(key), 'rules');
  };

  const isGranted = (bindings: string, user: UserInfo, attributes: Attributes): boolean =>
    store.list(bindings).some(({ object }) => {
      const binding = object as unknown as Readonly<JsonObject>;
      if (!arrayAt(binding, 'subjects').some((subject) => isMeant(subject, user))) return false;
      return rulesOf(binding).some((rule) => isObject(rule) && permits(rule, attributes));
    });

  const granted = (bindings: string, user: UserInfo): readonly JsonObject[] =>
    store
      .list(bindings)
      .map(({ object }) => object as unknown as Readonly<JsonObject>)
      .filter((binding) => arrayAt(binding, 'subjects').some((subject) => isMeant(subject, user)))
      .flatMap((binding) => rulesOf(binding).filter(isObject));

  return {
    rulesFor: (user, namespace) => [
      ...(isPowerful(user) ? EVERYTHING : []),
      ...granted(prefix('clusterrolebindings'), user),
      ...granted(`${prefix('rolebindings')}${namespace}/`, user),
    ],
    allows: (user, attributes) => {
      if (isPowerful(user)) return true;
      const { resource, path, verb } = attributes;
      if (!resource)
        return (verb === 'get' && isOpenPath(path)) || isGranted(prefix('clusterrolebindings'), user, attributes);
      if (isGranted(prefix('clusterrolebindings'), user, attributes)) return true;
      const { namespace } = resource;
      return namespace !== undefined && isGranted(`${prefix('rolebindings')}${namespace}/`, user, attributes);
    },
  };
}

function isMeant(subject: unknown, user: UserInfo): boolean {
  const name = stringAt(subject, 'name') ?? '';
  switch (stringAt(subject, 'kind') ?? '') {
    case 'User':
      return name === user.username;
    case 'Group':
      return user.groups.includes(name);
    case 'ServiceAccount':
      return user.username === `system:serviceaccount:${stringAt(subject, 'namespace') ?? ''}:${name}`;
    default:
      return false;
  }
}

function permits(rule: JsonObject, { verb, resource, path }: Attributes): boolean {
  const includes = (field: string, value: string): boolean => {
    const list = arrayAt(rule, field);
    return list.includes('*') || list.includes(value);
  };
  if (!includes('verbs', verb)) return false;
  if (!resource) {
    return arrayAt(rule, 'nonResourceURLs').some((url) => {
      const text = String(url);
      return text === '*' || text === path || (text.endsWith('*') && path.startsWith(text.slice(0, -1)));
    });
  }
  const { subresource, plural, group, name } = resource;
  const isResource =
    subresource === undefined
      ? includes('resources', plural)
      : includes('resources', `${plural}/${subresource}`) || arrayAt(rule, 'resources').includes(`*/${subresource}`);
  const names = arrayAt(rule, 'resourceNames');
  return (
    includes('apiGroups', group) && isResource && (names.length === 0 || (name !== undefined && names.includes(name)))
  );
}
