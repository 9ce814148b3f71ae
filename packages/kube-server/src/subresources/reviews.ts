import type { Attributes, Authorizer } from '../http/authorize.ts';
import type { UserInfo } from '../http/identity.ts';
import { errors } from '../http/status.ts';
import { type JsonObject, objectAt, stringAt } from '../json.ts';

/** What an access review asks, as the authorizer understands it. */
function attributesOf(spec: Readonly<JsonObject>): Attributes {
  const resource = objectAt(spec, 'resourceAttributes');
  const path = objectAt(spec, 'nonResourceAttributes');
  if (!resource && !path) throw errors.badRequest('the review needs resourceAttributes or nonResourceAttributes');
  if (!resource) return { verb: stringAt(path, 'verb') ?? '', path: stringAt(path, 'path') ?? '' };
  const text = (field: string): string | undefined => {
    const value = stringAt(resource, field);
    return value === '' ? undefined : value;
  };
  const namespace = text('namespace');
  const name = text('name');
  const subresource = text('subresource');
  return {
    verb: text('verb') ?? '',
    path: '',
    resource: {
      group: text('group') ?? '',
      version: text('version') ?? '*',
      plural: text('resource') ?? '',
      ...(namespace === undefined ? {} : { namespace }),
      ...(name === undefined ? {} : { name }),
      ...(subresource === undefined ? {} : { subresource }),
    },
  };
}

const HEALTH = ['/healthz', '/livez', '/readyz', '/version', '/version/'];

/** What everybody may do who has a certificate. */
const everybody: readonly Readonly<JsonObject>[] = [
  { verbs: ['create'], apiGroups: ['authentication.k8s.io'], resources: ['selfsubjectreviews'] },
  {
    verbs: ['create'],
    apiGroups: ['authorization.k8s.io'],
    resources: ['selfsubjectaccessreviews', 'selfsubjectrulesreviews'],
  },
  { verbs: ['get'], nonResourceURLs: ['/api', '/api/*', '/apis', '/apis/*', '/openapi', '/openapi/*', ...HEALTH] },
  { verbs: ['get'], nonResourceURLs: HEALTH },
];

/** Answers `auth can-i`, `auth can-i --list` and `auth whoami`; undefined for other kinds. */
export function review(
  kind: string,
  body: Readonly<JsonObject>,
  user: UserInfo,
  authorizer: Authorizer,
): JsonObject | undefined {
  const spec = objectAt(body, 'spec') ?? {};
  const base = { ...body, kind, metadata: { creationTimestamp: null } };
  switch (kind) {
    case 'SelfSubjectAccessReview': {
      const allowed = authorizer.allows(user, attributesOf(spec));
      return { ...base, apiVersion: 'authorization.k8s.io/v1', spec, status: { allowed } };
    }
    case 'SelfSubjectRulesReview': {
      const namespace = stringAt(spec, 'namespace') ?? '';
      if (namespace === '') throw errors.badRequest('no namespace on request');
      const rules = [...authorizer.rulesFor(user, namespace), ...everybody];
      const status = {
        resourceRules: rules.filter((rule) => rule.resources !== undefined),
        nonResourceRules: rules.filter((rule) => rule.nonResourceURLs !== undefined),
        incomplete: false,
      };
      return { ...base, apiVersion: 'authorization.k8s.io/v1', spec: {}, status };
    }
    case 'SelfSubjectReview':
      return {
        ...base,
        apiVersion: 'authentication.k8s.io/v1',
        status: {
          userInfo: {
            username: user.username,
            groups: user.groups,
            ...(user.extra ? { extra: user.extra } : {}),
          },
        },
      };
    default:
      return undefined;
  }
}
