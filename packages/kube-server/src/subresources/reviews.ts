import type { Attributes, Authorizer } from '../http/authorize.ts';
import { isPowerful } from '../http/authorize.ts';
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
      const all = isPowerful(user);
      return {
        ...base,
        apiVersion: 'authorization.k8s.io/v1',
        spec,
        status: {
          resourceRules: all ? [{ verbs: ['*'], apiGroups: ['*'], resources: ['*'] }] : [],
          nonResourceRules: [
            {
              verbs: all ? ['*'] : ['get'],
              nonResourceURLs: all
                ? ['*']
                : [
                    '/api',
                    '/api/*',
                    '/apis',
                    '/apis/*',
                    '/healthz',
                    '/livez',
                    '/openapi',
                    '/openapi/*',
                    '/readyz',
                    '/version',
                  ],
            },
          ],
          incomplete: !all,
          ...(all
            ? {}
            : { evaluationError: 'roles are not listed one by one; ask with `kubectl auth can-i VERB RESOURCE`' }),
        },
      };
    }
    case 'SelfSubjectReview':
      return {
        ...base,
        apiVersion: 'authentication.k8s.io/v1',
        status: { userInfo: { username: user.username, groups: user.groups } },
      };
    default:
      return undefined;
  }
}
