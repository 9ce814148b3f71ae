import { constants } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer, type Server } from 'node:https';
import type { TLSSocket } from 'node:tls';
import { type ErrorCode, type Logger, StackError, toStackError } from '@polarstack/base';
import type { AgentApi } from '@polarstack/contracts';
import type { Pulses } from '../pulses/pulses.ts';
import type { Readiness } from '../readiness.ts';
import { authorize } from './authorization.ts';
import type { Certificates } from './certificates.ts';
import { boundConnections, limits } from './connections.ts';
import { streamPulses } from './pulse-stream.ts';
import { routes } from './routes.ts';

export interface AgentServer {
  useCertificates(certificates: Certificates): void;
  listen(host: string, port: number): Promise<void>;
  close(): Promise<void>;
}

export interface AgentServerOptions {
  readonly api: AgentApi;
  readonly readiness: Readiness;
  readonly pulses: Pulses;
  readonly certificates: Certificates;
  readonly log: Logger;
  readonly signal: AbortSignal;
}

/** Room for a config of some thousand parameters. */
const MAX_BODY_BYTES = 4 * 1024 * 1024;

const statusOf: Partial<Record<ErrorCode, number>> = {
  AgentUnauthenticated: 401,
  AgentForbidden: 403,
  UnknownTask: 404,
  NotFound: 404,
  StaleEpoch: 409,
  WrongRole: 409,
  EngineContradictsTerm: 409,
  TaskRunning: 409,
  TermMissing: 409,
  EngineRunning: 409,
  DataFolderUnfinished: 409,
  InvalidParameter: 422,
  InvalidRequest: 422,
  EngineNotRunning: 503,
};

/** No resumed sessions: a client's certificate is checked at every connection, so that its end and a new CA count at once. */
const tlsOptions = ({ ca, cert, key }: Certificates) =>
  ({ ca, cert, key, minVersion: 'TLSv1.2', secureOptions: constants.SSL_OP_NO_TICKET }) as const;

async function readBody(request: IncomingMessage): Promise<unknown> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > MAX_BODY_BYTES)
      throw new StackError('InvalidRequest', `the body is larger than ${MAX_BODY_BYTES} bytes`);
    chunks.push(chunk);
  }
  try {
    return JSON.parse(Buffer.concat(chunks).toString('utf8'));
  } catch (error) {
    throw new StackError('InvalidRequest', `the body is not JSON: ${(error as Error).message}`, { cause: error });
  }
}

/** The address of a call; undefined where it is malformed, as with a lone `%`. */
function urlOf({ url = '/' }: IncomingMessage): URL | undefined {
  try {
    const parsed = new URL(url, 'https://agent');
    decodeURIComponent(parsed.pathname);
    return parsed;
  } catch {
    // The only thing there is to say about it is that it is malformed.
    return undefined;
  }
}

/** What a caller is told about an error. */
const problem = ({ code, message, remedy, retry, details }: StackError) => ({ code, message, remedy, retry, details });

function send(response: ServerResponse, status: number, body: unknown): void {
  const text = body === undefined ? '' : JSON.stringify(body);
  response.writeHead(status, { 'content-type': 'application/json', 'content-length': Buffer.byteLength(text) });
  response.end(text);
}

/** HTTPS; a client certificate is asked for and checked per call, because the probes come without one. */
export function createAgentServer(options: AgentServerOptions): AgentServer {
  const { api, readiness, pulses, certificates, log, signal } = options;
  const answer = async (
    request: IncomingMessage,
    gone: AbortSignal,
  ): Promise<{ readonly status: number; readonly body: unknown } | 'pulses'> => {
    const url = urlOf(request);
    if (url === undefined)
      return { status: 400, body: problem(new StackError('InvalidRequest', 'the address of the call is malformed')) };
    if (request.method === 'GET' && url.pathname === '/livez') return { status: 200, body: { ok: true } };
    if (request.method === 'GET' && url.pathname === '/readyz') {
      await readiness.check(signal);
      return { status: 200, body: { ok: true } };
    }
    if (request.method === 'GET' && url.pathname === '/v1/pulses') {
      authorize(request.socket as TLSSocket, 'watch');
      return 'pulses';
    }
    for (const route of routes) {
      const match = route.path.exec(url.pathname);
      if (match === null || route.method !== request.method) continue;
      const role = authorize(request.socket as TLSSocket, route.call);
      const call = {
        url,
        id: decodeURIComponent(match[1] ?? ''),
        body: async () => await readBody(request),
        signal: gone,
      };
      const body = await route.run(api, call);
      if (route.changes) {
        pulses.changed();
        log.info({ call: route.call, role }, 'done');
      }
      return { status: body === undefined ? 204 : 200, body };
    }
    throw new StackError('NotFound', `there is no ${request.method} ${url.pathname}`, {
      remedy: 'Use a client of the same version as the agent.',
    });
  };

  const handle = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const gone = new AbortController();
    response.once('close', () => gone.abort());
    // A probe's, or a stranger's: it gets its answer and keeps no descriptor of ours.
    if (!(request.socket as TLSSocket).authorized) response.shouldKeepAlive = false;
    try {
      const answered = await answer(request, gone.signal);
      if (answered === 'pulses') streamPulses(pulses, response);
      else send(response, answered.status, answered.body);
    } catch (error) {
      const known = toStackError(error);
      const { code } = known;
      if (code === 'Internal') log.error({ err: error, path: request.url }, 'a call failed');
      if (!response.headersSent) send(response, statusOf[code] ?? 500, problem(known));
    } finally {
      request.resume();
    }
  };

  const server: Server = createServer(
    { ...tlsOptions(certificates), ...limits, requestCert: true, rejectUnauthorized: false },
    (request, response) => void handle(request, response),
  );
  boundConnections(server);
  server.on('tlsClientError', (error) => log.debug({}, `a connection failed: ${error.message}`));

  return {
    useCertificates: (now) => server.setSecureContext(tlsOptions(now)),
    listen: async (host, port) =>
      await new Promise<void>((resolve, reject) => {
        server.once('error', (error) =>
          reject(
            new StackError('AddressInUse', `the agent cannot listen on ${host}:${port}: ${error.message}`, {
              cause: error,
            }),
          ),
        );
        server.listen(port, host, resolve);
      }),
    close: async () =>
      await new Promise<void>((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
