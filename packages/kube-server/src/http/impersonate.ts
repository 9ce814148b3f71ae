/**
 * `kubectl --as`: a request made as somebody else, by who may. Everything about it is decided as if the other one had
 * asked; nobody becomes more than the roles of the other one allow.
 */
import type { IncomingMessage } from 'node:http';
import { type Attributes, type Authorizer, forbid } from './authorize.ts';
import type { UserInfo } from './identity.ts';
import { errors } from './status.ts';

const USER = 'impersonate-user';
const GROUP = 'impersonate-group';
const UID = 'impersonate-uid';
const EXTRA = 'impersonate-extra-';
const ACCOUNT = /^system:serviceaccount:([^:]+):([^:]+)$/;

interface Wanted {
  readonly group?: string;
  readonly plural: string;
  readonly name: string;
  readonly namespace?: string;
  readonly subresource?: string;
}

function groupsOf(username: string, asked: readonly string[]): readonly string[] {
  const account = ACCOUNT.exec(username);
  const own =
    asked.length > 0 || !account ? asked : ['system:serviceaccounts', `system:serviceaccounts:${account[1] ?? ''}`];
  const isAnonymous = username === 'system:anonymous' || own.includes('system:unauthenticated');
  return isAnonymous || own.includes('system:authenticated') ? own : [...own, 'system:authenticated'];
}

/** Answers whom a request is made as. Throws 403 where its sender may not act as that one. */
export function withImpersonation(
  authenticate: (request: IncomingMessage) => UserInfo,
  authorizer: Authorizer,
): (request: IncomingMessage) => UserInfo {
  return (request) => {
    const sender = authenticate(request);
    const { headersDistinct: headers } = request;
    const extra = Object.entries(headers).filter(([name]) => name.startsWith(EXTRA));
    const [username = ''] = headers[USER] ?? [];
    const groups = headers[GROUP] ?? [];
    const [uid] = headers[UID] ?? [];
    if (username === '') {
      if (groups.length === 0 && uid === undefined && extra.length === 0) return sender;
      throw errors.internal('groups, an uid or extra fields were asked for without impersonating a user');
    }
    const may = (wanted: Wanted): void => {
      const { group = '', ...rest } = wanted;
      const attributes: Attributes = {
        verb: 'impersonate',
        resource: { group, version: 'v1', ...rest },
        path: request.url ?? '',
      };
      if (!authorizer.allows(sender, attributes)) throw forbid(sender, attributes);
    };
    const account = ACCOUNT.exec(username);
    if (account) may({ plural: 'serviceaccounts', namespace: account[1] ?? '', name: account[2] ?? '' });
    else may({ plural: 'users', name: username });
    for (const name of groups) may({ plural: 'groups', name });
    if (uid !== undefined) may({ group: 'authentication.k8s.io', plural: 'uids', name: uid });
    for (const [header, values = []] of extra) {
      const subresource = decodeURIComponent(header.slice(EXTRA.length));
      for (const name of values) may({ group: 'authentication.k8s.io', plural: 'userextras', subresource, name });
    }
    return {
      username,
      groups: groupsOf(username, groups),
      ...(extra.length === 0
        ? {}
        : {
            extra: Object.fromEntries(
              extra.map(([name, values = []]) => [decodeURIComponent(name.slice(EXTRA.length)), values]),
            ),
          }),
    };
  };
}
