/**
 * The REST API of the operator, over HTTPS.
 *
 * Invariants (tests cite them):
 * - RE1 Nothing of a cluster is told or changed without a token of the scope that the route names.
 * - RE2 Tokens are in no log and in no answer.
 * - RE3 What a caller can hold of the process is bounded: connections, bodies, times, streams.
 * - RE4 It does no more than a client of the API server could: operations are made and steered, and the operator does the rest.
 */
import { constants } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import { type Logger, StackError, toStackError } from '@polarstack/base';
import type { TokenRecord } from '@polarstack/domain';
import { parseBody, readBody } from './bodies.ts';
import type { Answer, Call, RestContext } from './context.ts';
import { serveStream } from './event-stream.ts';
import type { Journal } from './journal.ts';
import { openApi } from './openapi.ts';
import { problemOf } from './problem.ts';
import { type Match, matchRoute, type Route } from './routes.ts';

export interface Tls {
  readonly certPem: string;
  readonly keyPem: string;
}

export interface RestServerOptions {
  readonly context: RestContext;
  readonly journal: Journal;
  /** Whose token it is; undefined where it opens nothing (any more). */
  readonly whose: (token: string) => TokenRecord | undefined;
  readonly tls: Tls;
  readonly logger: Logger;
  readonly heartbeatMs?: number;
}

export interface RestServer {
  /** Listens; port 0 takes a free one. Throws `AddressInUse`. */
  listen(host: string, port: number): Promise<number>;
  close(): Promise<void>;
}

const limits = {
  maxHeaderSize: 16 * 1024,
  headersTimeout: 5_000,
  requestTimeout: 15_000,
  handshakeTimeout: 5_000,
  keepAliveTimeout: 30_000,
  connectionsCheckingInterval: 1_000,
} as const;
const MAX_CONNECTIONS = 128;
const MAX_STREAMS = 64;
/** As long as the schema of operations allows ids of requests to be. */
const MAX_KEY = 128;
/** No call but a stream takes longer, in milliseconds. */
const CALL_MS = 30_000;

export function createRestServer(options: RestServerOptions): RestServer {
  const { context, journal, whose, tls, logger, heartbeatMs } = options;
  const document = JSON.stringify(openApi());
  let streams = 0;

  const authorized = (
    request: IncomingMessage,
    route: Route,
  ): { readonly token: TokenRecord; readonly text: string } => {
    const text = /^Bearer +(\S+)$/i.exec(request.headers.authorization ?? '')?.[1];
    const token = text === undefined ? undefined : whose(text);
    if (text === undefined || !token) throw new StackError('TokenMissing', 'this call needs a valid token');
    if (route.scope === 'operate' && token.scope !== 'operate') {
      throw new StackError(
        'TokenScope',
        `this call needs scope ${route.scope}; token ${token.name} has ${token.scope}`,
      );
    }
    return { token, text };
  };

  const answer = async (
    request: IncomingMessage,
    { route, path }: Match,
    url: URL,
    gone: AbortSignal,
  ): Promise<Answer> => {
    const { token } = authorized(request, route);
    const key = request.headers['idempotency-key'];
    const call: Call = {
      context,
      token,
      path,
      query: url.searchParams,
      body: route.body && parseBody(route.body, await readBody(request)),
      idempotencyKey: typeof key === 'string' && key !== '' ? key.slice(0, MAX_KEY) : undefined,
      signal: AbortSignal.any([gone, AbortSignal.timeout(CALL_MS)]),
    };
    if (route.run === 'stream') throw new StackError('Internal', 'a stream is no call');
    const result = await route.run(call);
    if (route.scope === 'operate')
      logger.info({ call: route.id, token: token.name, ...path }, 'a call was carried out');
    return result;
  };

  const stream = (request: IncomingMessage, response: ServerResponse, { route }: Match, url: URL): void => {
    const { text } = authorized(request, route);
    if (streams >= MAX_STREAMS) throw new StackError('TooManyStreams', `${MAX_STREAMS} streams are open`);
    streams += 1;
    response.once('close', () => {
      streams -= 1;
    });
    const lastEventId = request.headers['last-event-id'];
    serveStream({
      response,
      view: context.view,
      journal,
      namespace: url.searchParams.get('namespace'),
      cluster: url.searchParams.get('cluster'),
      lastEventId: typeof lastEventId === 'string' ? lastEventId : undefined,
      isAllowed: () => whose(text) !== undefined,
      ...(heartbeatMs !== undefined && { heartbeatMs }),
    });
  };

  const handle = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const gone = new AbortController();
    response.once('close', () => gone.abort(new StackError('Cancelled', 'the caller has gone')));
    const url = urlOf(request);
    const { pathname } = url;
    const match = matchRoute(request.method ?? '', pathname);
    try {
      if (request.method === 'GET' && pathname === '/livez') send(response, { status: 200, body: { ok: true } });
      else if (request.method === 'GET' && pathname === '/api/v1/openapi.json') sendText(response, 200, document);
      else if (!match) throw new StackError('RouteUnknown', `there is no path ${pathname}`);
      else if ('allow' in match) {
        response.setHeader('allow', match.allow.join(', '));
        throw new StackError('RouteMethod', `${pathname} does not take ${request.method}`);
      } else if (match.route.run === 'stream') stream(request, response, match, url);
      else send(response, await answer(request, match, url, gone.signal));
    } catch (thrown) {
      const error = gone.signal.aborted ? toStackError(gone.signal.reason) : toStackError(thrown);
      if (error.code === 'Internal') logger.error({ err: error, path: pathname }, 'a call failed');
      fail(response, error, pathname, match && 'route' in match ? match.route : undefined);
    } finally {
      // What is left of a body that nobody wants.
      request.resume();
    }
  };

  const server: Server = createServer(
    {
      cert: tls.certPem,
      key: tls.keyPem,
      minVersion: 'TLSv1.2',
      secureOptions: constants.SSL_OP_NO_TICKET,
      ...limits,
    },
    (request, response) => void handle(request, response),
  );
  server.maxConnections = MAX_CONNECTIONS;
  server.on('tlsClientError', (error) => logger.debug({}, `a connection failed: ${error.message}`));

  return {
    listen: async (host, port) =>
      await new Promise<number>((resolve, reject) => {
        server.once('error', (cause) =>
          reject(
            new StackError('AddressInUse', `the REST API cannot listen on ${host}:${port}: ${cause.message}`, {
              cause,
            }),
          ),
        );
        server.listen(port, host, () => resolve((server.address() as AddressInfo).port));
      }),
    close: async () =>
      await new Promise<void>((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

function urlOf({ url = '/' }: IncomingMessage): URL {
  try {
    return new URL(url, 'https://operator');
  } catch {
    // Malformed: there is no such path.
    return new URL('https://operator/malformed');
  }
}

function send(response: ServerResponse, { status, body, headers = {} }: Answer): void {
  for (const [name, value] of Object.entries(headers)) response.setHeader(name, value);
  sendText(response, status, JSON.stringify(body ?? {}));
}

function sendText(response: ServerResponse, status: number, text: string, type = 'application/json'): void {
  if (response.headersSent || response.destroyed) return;
  response.writeHead(status, {
    'content-type': type,
    'content-length': Buffer.byteLength(text),
    'cache-control': 'no-store',
    'x-content-type-options': 'nosniff',
  });
  response.end(text);
}

function fail(response: ServerResponse, error: StackError, path: string, route: Route | undefined): void {
  const problem = problemOf(error, path);
  if (problem.status === 401) response.setHeader('www-authenticate', 'Bearer');
  if (problem.retry === 'later' && problem.status >= 429) response.setHeader('retry-after', '1');
  const isOwn = problem.status === 401 || problem.status === 403;
  if (route?.original && !isOwn) {
    // As the original answers: in words, 400 for what is wrong with the body, else 500.
    const status = ['BodyInvalid', 'BadRequest', 'BodyTooLarge'].includes(error.code) ? 400 : 500;
    sendText(response, status, `${error.message}\n`, 'text/plain; charset=utf-8');
    return;
  }
  sendText(response, problem.status, JSON.stringify(problem), 'application/problem+json');
}
