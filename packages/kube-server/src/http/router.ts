/** Takes a request from its connection to its answer: who asks, what for, whether they may, and who answers. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { TLSSocket } from 'node:tls';
import type { Audit } from '../audit/audit.ts';
import type { AuditTrail } from '../audit/event.ts';
import { aggregated, groupList, resourceList, singleGroup, virtualResources } from '../discovery/discovery.ts';
import { isObject, type JsonObject } from '../json.ts';
import type { Environment } from '../operations/environment.ts';
import type { Gate } from '../overload/gate.ts';
import type { ResourceDefinition } from '../registry/definition.ts';
import { followsLog } from '../subresources/log-options.ts';
import { review } from '../subresources/reviews.ts';
import { type Attributes, type Authorizer, forbid, isPowerful, verbOf } from './authorize.ts';
import { decodeObject, mediaType, readBody } from './body.ts';
import { identify, type UserInfo } from './identity.ts';
import { acceptsAggregatedDiscovery } from './negotiate.ts';
import { isHealthPath } from './other-paths.ts';
import { type ApiPath, parsePath, type ResourcePath } from './request-info.ts';
import type { ResourceCall, Upgrade } from './resource-handler.ts';
import { sendJson, sendText, toStatus } from './respond.ts';
import { errors } from './status.ts';
import { parseUrl } from './url.ts';

/** Answers a call on a subresource; false when it is not one of its own. */
export type SubresourceHandler = (call: ResourceCall) => Promise<boolean>;

export interface RouterOptions {
  readonly env: Environment;
  readonly authorizer: Authorizer;
  readonly resources: (call: ResourceCall) => Promise<void>;
  readonly subresources: SubresourceHandler;
  /** Paths outside of the API: health, version, metrics, schemas. */
  readonly other: (request: IncomingMessage, response: ServerResponse, url: URL) => Promise<boolean>;
  readonly onServed: (verb: string, code: number) => void;
  readonly gate: Gate;
  readonly audit: Audit;
}

/** `upgrade` is given where the client asks for another protocol. */
export type Router = (request: IncomingMessage, response: ServerResponse, upgrade?: Upgrade) => void;

/** Who asks on this connection; kept, because a connection never changes hands. Throws 401. */
export function createAuthenticator(): (request: IncomingMessage) => UserInfo {
  const known = new WeakMap<object, UserInfo>();
  return (request) => {
    const { socket } = request;
    const user = known.get(socket) ?? identify(socket as TLSSocket);
    if (!user) throw errors.unauthorized();
    known.set(socket, user);
    return user;
  };
}

export function createRouter(options: RouterOptions, authenticate: (request: IncomingMessage) => UserInfo): Router {
  const { env, authorizer, onServed, gate, audit } = options;

  const discover = (path: ApiPath, request: IncomingMessage, response: ServerResponse, url: URL): boolean => {
    const { pathname } = url;
    const trimmed = pathname.replace(/\/$/, '');
    if (trimmed === '/api' || trimmed === '/apis') {
      if (acceptsAggregatedDiscovery(request.headers.accept)) {
        const text = JSON.stringify(aggregated(env.registry.all(), trimmed === '/api'));
        sendText(response, 200, 'application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList', text);
      } else if (trimmed === '/api') {
        sendJson(response, 200, {
          kind: 'APIVersions',
          apiVersion: 'v1',
          versions: ['v1'],
          serverAddressByClientCIDRs: [],
        });
      } else sendJson(response, 200, groupList(env.registry.all()));
      return true;
    }
    const group = /^\/apis\/([^/]+)$/.exec(trimmed)?.[1];
    const found =
      group !== undefined
        ? singleGroup(env.registry.all(), group)
        : path.kind === 'groupVersion'
          ? resourceList(env.registry.all(), path.groupVersion.group, path.groupVersion.version)
          : undefined;
    if (!found) return false;
    sendJson(response, 200, found);
    return true;
  };

  const virtual = async (
    path: ResourcePath,
    request: IncomingMessage,
    response: ServerResponse,
    user: UserInfo,
  ): Promise<boolean> => {
    const found = virtualOf(path);
    if (!found) return false;
    if (request.method !== 'POST') throw errors.methodNotAllowed(request.method?.toLowerCase() ?? '', { ...found });
    const { value } = await decodeObject(await readBody(request), mediaType(request), false);
    const answer = review(found.kind, isObject(value) ? value : {}, user, authorizer);
    sendJson(response, 201, answer as JsonObject);
    return true;
  };

  /** Whether the server has resources of its own in a group; what custom groups lack is no path at all. */
  const isServed = (group: string): boolean =>
    group === '' || env.registry.all().some((definition) => definition.group === group && !definition.custom);

  /** Asks whether a request is allowed, waits for its turn, and has it answered; resolves with its verb. */
  const route = async (
    request: IncomingMessage,
    response: ServerResponse,
    trail: AuditTrail,
    upgrade: Upgrade | undefined,
  ): Promise<string> => {
    const user = authenticate(request);
    trail.user = user;
    const url = parseUrl(request);
    const path = parsePath(url.pathname);
    const method = request.method ?? 'GET';
    const attributes: Attributes =
      path.kind === 'resource'
        ? { verb: verbOf(method, path.resource, url.searchParams), resource: path.resource, path: url.pathname }
        : { verb: method.toLowerCase(), path: url.pathname };
    const isVirtual = path.kind === 'resource' && virtualOf(path.resource) !== undefined;
    if (!isVirtual && !authorizer.allows(user, attributes)) throw forbid(user, attributes);
    let served = attributes.verb;
    const work = async (): Promise<void> => {
      served = await answer({ request, response, user, url, path, attributes, trail, upgrade });
    };
    if (takesSeat(user, attributes, url)) {
      const kind = method === 'GET' || method === 'HEAD' ? 'readOnly' : 'mutating';
      await gate.pass(kind, user.username, response, work);
    } else {
      await work();
      if (attributes.resource && !response.writableEnded) audit.started(trail);
    }
    return served;
  };

  const answer = async (asked: Asked): Promise<string> => {
    const { request, response, user, url, path, attributes, trail, upgrade } = asked;
    const method = request.method ?? 'GET';
    if (path.kind !== 'resource') {
      if (method === 'GET' || method === 'HEAD') {
        if (discover(path, request, response, url) || (await options.other(request, response, url))) return 'get';
      }
      const group = path.kind === 'groupVersion' ? path.groupVersion.group : path.group;
      if (group === undefined || !isServed(group)) {
        sendNothing(response);
        return 'get';
      }
      throw errors.noSuchPath();
    }
    const { resource } = path;
    if (await virtual(resource, request, response, user)) return 'create';
    const { verb } = attributes;
    const definition = env.registry.find(resource.group, resource.version, resource.plural);
    if (!definition && !isServed(resource.group)) {
      sendNothing(response);
      return verb;
    }
    if (!definition || !fits(definition, resource)) throw errors.noSuchPath();
    const onNamed = (name: string): void => {
      trail.objectName = name;
    };
    if (resource.isWatch && method !== 'GET') throw errors.methodNotAllowed(verb, definition);
    const place = resource.isWatch
      ? watchPlace(resource, url.searchParams)
      : { path: resource, query: url.searchParams };
    const call: ResourceCall = {
      request,
      response,
      definition,
      user,
      onNamed,
      ...place,
      ...(upgrade ? { upgrade } : {}),
    };
    if (await options.subresources(call)) return verb;
    if (resource.subresource !== undefined && !(resource.subresource === 'status' && definition.hasStatus)) {
      throw errors.noSuchPath();
    }
    await options.resources(call);
    return verb;
  };

  const fail = (error: unknown, request: IncomingMessage, response: ServerResponse, trail: AuditTrail): void => {
    const status = toStatus(error);
    if (status.reason !== undefined) trail.reason = status.reason;
    // Some faults of clients are answered 500 by Kubernetes too, without a reason: they are none of ours.
    if (status.reason === 'InternalError')
      env.logger.error({ err: error, method: request.method, path: request.url }, 'a request failed');
    if (response.headersSent) response.destroy();
    else {
      // The rest of a body that is too large is not read: the connection is of no more use.
      const isRead = request.complete || (status.code === 429 && isShort(request));
      if (status.code === 413 || !isRead) response.setHeader('connection', 'close');
      if (status.details?.retryAfterSeconds) response.setHeader('retry-after', status.details.retryAfterSeconds);
      sendJson(response, status.code, status);
    }
    onServed(request.method?.toLowerCase() ?? '', status.code);
  };

  return (request, response, upgrade) => {
    const trail = audit.request(request, response);
    // Nobody reads a body here. Unread, it would hold up the connection, and a watch would not hear that its client left.
    if (request.method === 'GET' || request.method === 'HEAD') request.resume();
    // A connection that breaks while it is answered concerns nobody else.
    response.on('error', (error) => env.logger.debug({ err: error }, 'an answer could not be delivered'));
    route(request, response, trail, upgrade).then(
      (verb) => onServed(verb, response.statusCode),
      (error: unknown) => fail(error, request, response, trail),
    );
  };
}

interface Asked {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly user: UserInfo;
  readonly url: URL;
  readonly path: ApiPath;
  readonly attributes: Attributes;
  readonly trail: AuditTrail;
  readonly upgrade: Upgrade | undefined;
}

/** `/watch/<resource>/<name>` as the query that means the same. */
function watchPlace({ name, isWatch: _isWatch, ...path }: ResourcePath, query: URLSearchParams) {
  const asked = new URLSearchParams(query);
  asked.set('watch', 'true');
  if (name !== undefined) asked.set('fieldSelector', `metadata.name=${name}`);
  return { path, query: asked };
}

const virtualOf = ({ group, version, plural }: ResourcePath) =>
  virtualResources.find((one) => one.group === group && one.version === version && one.plural === plural);

/** What runs long, and the question whether the server lives, is not bounded with the rest (G6). */
function takesSeat(user: UserInfo, { verb, resource, path }: Attributes, url: URL): boolean {
  if (!resource) return !(isHealthPath(path) || (path === '/metrics' && isPowerful(user)));
  if (verb === 'watch') return false;
  return !(resource.plural === 'pods' && resource.subresource === 'log' && followsLog(url.searchParams));
}

/** Bytes of a body that are rather read for nothing than a connection given up. */
const SHORT_BODY = 64 * 1024;

function isShort(request: IncomingMessage): boolean {
  const length = request.headers['content-length'];
  return length !== undefined && Number(length) <= SHORT_BODY;
}

/** The answer on a path that means nothing; not a `Status`, as in Kubernetes. */
function sendNothing(response: ServerResponse): void {
  sendText(response, 404, 'text/plain; charset=utf-8', '404 page not found\n');
}

function fits(definition: ResourceDefinition, { namespace, name }: ResourcePath): boolean {
  if (!definition.namespaced) return namespace === undefined;
  return namespace !== undefined || name === undefined;
}
