import { setMaxListeners } from 'node:events';
import type { Agent, Dispatcher } from 'undici';
import { type Credentials, currentCredentials, type KubeConnection, tlsOptions } from './connection.ts';
import { errorFromResponse, errorFromTransport } from './status-error.ts';

/** One request. `path` starts with `/` and carries the query. */
export interface TransportRequest {
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  readonly path: string;
  readonly accept?: string;
  readonly contentType?: string;
  readonly body?: string;
  readonly signal?: AbortSignal | undefined;
  /** Longest silence within the answer, in milliseconds; 0 = any. Default 60 s. */
  readonly bodyTimeoutMs?: number;
}

/**
 * HTTP of one API server: connections kept alive, credentials attached and renewed, failures as `StackError`s. An
 * aborted request throws the signal's reason.
 */
export interface Transport {
  readonly server: string;
  /** The body of a 2xx answer; the caller must read or destroy it. */
  send(request: TransportRequest): Promise<Dispatcher.ResponseData['body']>;
  sendText(request: TransportRequest): Promise<string>;
  close(): Promise<void>;
}

/** Longest wait for the head of an answer, in milliseconds. */
const HEADERS_TIMEOUT_MS = 15_000;
const BODY_TIMEOUT_MS = 60_000;

export function createTransport(connection: KubeConnection): Transport {
  const base = connection.server.replace(/\/+$/, '');
  /** Agents by client certificate: a renewed certificate needs new connections. */
  let current: { readonly agent: Agent; readonly certPem: string | undefined } | undefined;
  let closed = false;

  async function agentFor(credentials: Credentials): Promise<Agent> {
    if (current !== undefined && current.certPem === credentials.certPem) return current.agent;
    // Loaded with the first request: a program that only prints its help should not pay for it.
    const { Agent } = await import('undici');
    if (current !== undefined && current.certPem === credentials.certPem) return current.agent;
    const old = current?.agent;
    const agent = new Agent({
      headersTimeout: HEADERS_TIMEOUT_MS,
      keepAliveTimeout: 30_000,
      connect: { ...tlsOptions(connection, credentials), timeout: 10_000, keepAliveInitialDelay: 20_000 },
    });
    current = { agent, certPem: credentials.certPem };
    // Ends when its last request (a watch, for instance) has ended; nobody needs to wait for that.
    old?.close().catch(() => {});
    return agent;
  }

  async function attempt(request: TransportRequest, renew: boolean): Promise<Dispatcher.ResponseData> {
    const credentials = await currentCredentials(connection, renew);
    const { signal } = request;
    // Many requests share one signal here, each with its listener: that is no leak.
    if (signal !== undefined) setMaxListeners(0, signal);
    const agent = await agentFor(credentials);
    const url = new URL(base);
    return await agent.request({
      origin: url.origin,
      path: url.pathname === '/' ? request.path : `${url.pathname}${request.path}`,
      method: request.method,
      headers: {
        accept: request.accept ?? 'application/json',
        'user-agent': 'polarstack',
        ...(request.contentType === undefined ? {} : { 'content-type': request.contentType }),
        ...(credentials.token === undefined ? {} : { authorization: `Bearer ${credentials.token}` }),
      },
      body: request.body ?? null,
      bodyTimeout: request.bodyTimeoutMs ?? BODY_TIMEOUT_MS,
      ...(signal === undefined ? {} : { signal }),
    });
  }

  async function guarded<T>(request: TransportRequest, work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      if (request.signal?.aborted) throw request.signal.reason;
      throw errorFromTransport(error, base, `${request.method} ${request.path}`);
    }
  }

  async function send(request: TransportRequest): Promise<Dispatcher.ResponseData['body']> {
    request.signal?.throwIfAborted();
    return await guarded(request, async () => {
      if (closed) throw new Error('the client is closed');
      let response = await attempt(request, false);
      if (response.statusCode === 401 && connection.credentials !== undefined) {
        await response.body.dump();
        response = await attempt(request, true);
      }
      if (response.statusCode >= 200 && response.statusCode < 300) return response.body;
      const retryAfter = response.headers['retry-after'];
      const text = await response.body.text();
      const what = `${request.method} ${request.path}`;
      throw errorFromResponse(response.statusCode, text, what, Array.isArray(retryAfter) ? retryAfter[0] : retryAfter);
    });
  }

  return {
    server: base,
    send,
    sendText: async (request) => {
      const body = await send(request);
      return await guarded(request, async () => await body.text());
    },
    close: async () => {
      closed = true;
      await current?.agent.destroy();
    },
  };
}
