/** One request as a line of the audit log, in the form of `audit.k8s.io/v1` Event. */
import { randomUUID } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { verbOf } from '../http/authorize.ts';
import type { UserInfo } from '../http/identity.ts';
import { parsePath, type ResourcePath } from '../http/request-info.ts';
import type { AuditSubject } from './policy.ts';

export type AuditStage = 'ResponseStarted' | 'ResponseComplete';

/** What is known of a request; grows while it is served. */
export interface AuditTrail {
  readonly id: string;
  readonly receivedAt: Date;
  readonly target: string;
  readonly sourceIP: string;
  readonly userAgent: string;
  readonly method: string;
  /** What an upgrade counts as. */
  readonly verb?: string;
  user?: UserInfo;
  /** Name of the object, where the path has none: of what was created. */
  objectName?: string;
  reason?: string;
}

const MAX_TEXT = 256;

/** Parameters whose values say what was asked for and cannot be secret. */
const shown = new Set([
  'allowWatchBookmarks',
  'container',
  'dryRun',
  'fieldManager',
  'fieldSelector',
  'fieldValidation',
  'follow',
  'force',
  'gracePeriodSeconds',
  'includeObject',
  'labelSelector',
  'limit',
  'limitBytes',
  'orphanDependents',
  'ports',
  'pretty',
  'previous',
  'propagationPolicy',
  'resourceVersion',
  'resourceVersionMatch',
  'sendInitialEvents',
  'sinceSeconds',
  'sinceTime',
  'stderr',
  'stdin',
  'stdout',
  'tailLines',
  'timeout',
  'timeoutSeconds',
  'timestamps',
  'tty',
  'watch',
]);

export function openTrail(request: IncomingMessage, receivedAt: Date, verb?: string): AuditTrail {
  return {
    id: randomUUID(),
    receivedAt,
    target: request.url ?? '/',
    sourceIP: request.socket.remoteAddress ?? '',
    userAgent: (request.headers['user-agent'] ?? '').slice(0, MAX_TEXT),
    method: request.method ?? 'GET',
    ...(verb === undefined ? {} : { verb }),
  };
}

/** What a request asks for: what policies look at. */
export function subjectOf(trail: AuditTrail): AuditSubject & { readonly resource?: ResourcePath } {
  const { target, method, user } = trail;
  const url = URL.canParse(target, 'https://localhost') ? new URL(target, 'https://localhost') : undefined;
  const path = url ? parsePath(url.pathname) : undefined;
  const resource = path?.kind === 'resource' ? path.resource : undefined;
  const verb = resource ? verbOf(method, resource, url?.searchParams ?? new URLSearchParams()) : method.toLowerCase();
  return {
    user: user?.username ?? '',
    groups: user?.groups ?? [],
    verb: trail.verb ?? verb,
    path: url?.pathname ?? '',
    ...(resource ? { resource } : {}),
  };
}

/**
 * A request target without what may be secret: values are shown of known parameters only. Of a command the program is
 * shown and its arguments are not, because passwords are among them.
 */
export function safeTarget(target: string): string {
  if (!URL.canParse(target, 'https://localhost')) return '(no URL)';
  const { pathname, searchParams } = new URL(target, 'https://localhost');
  let hasProgram = false;
  const parts = [...searchParams].flatMap(([name, value]) => {
    if (shown.has(name)) return [`${name}=${encodeURIComponent(value.slice(0, MAX_TEXT))}`];
    if (name !== 'command') return [name === 'continue' ? 'continue=redacted' : 'redacted'];
    if (hasProgram) return ['command=redacted'];
    hasProgram = true;
    return [/^[\w./-]{1,128}$/.test(value) ? `command=${encodeURIComponent(value)}` : 'command=redacted'];
  });
  const path = pathname.slice(0, 4 * MAX_TEXT);
  return parts.length === 0 ? path : `${path}?${parts.join('&')}`.slice(0, 8 * MAX_TEXT);
}

const micro = (date: Date): string => date.toISOString().replace('Z', '000Z');

export interface AuditMoment {
  readonly stage: AuditStage;
  /** Of the answer; 0 where the connection broke before there was one. */
  readonly code: number;
  readonly now: Date;
}

export function auditEvent(
  trail: AuditTrail,
  { verb, resource }: ReturnType<typeof subjectOf>,
  { stage, code, now }: AuditMoment,
): object {
  const { id, user, objectName, reason, receivedAt, userAgent, sourceIP } = trail;
  const name = resource?.name ?? objectName;
  return {
    kind: 'Event',
    apiVersion: 'audit.k8s.io/v1',
    level: 'Metadata',
    auditID: id,
    stage,
    requestURI: safeTarget(trail.target),
    verb,
    user: user ? { username: user.username, groups: user.groups } : {},
    sourceIPs: sourceIP === '' ? [] : [sourceIP],
    ...(userAgent === '' ? {} : { userAgent }),
    ...(resource
      ? {
          objectRef: {
            resource: resource.plural,
            ...(resource.namespace === undefined ? {} : { namespace: resource.namespace }),
            ...(name === undefined ? {} : { name }),
            ...(resource.group === '' ? {} : { apiGroup: resource.group }),
            apiVersion: resource.version,
            ...(resource.subresource === undefined ? {} : { subresource: resource.subresource }),
          },
        }
      : {}),
    // Without its message, which may repeat values of the body.
    responseStatus: {
      metadata: {},
      ...(code >= 400 ? { status: 'Failure' } : {}),
      ...(reason === undefined ? {} : { reason }),
      code,
    },
    requestReceivedTimestamp: micro(receivedAt),
    stageTimestamp: micro(now),
    annotations: { 'authorization.k8s.io/decision': code === 401 || code === 403 ? 'forbid' : 'allow' },
  };
}
