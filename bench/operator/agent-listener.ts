/**
 * Serves the agents' API of many pods from one process: each pod has its own address and its own certificate, as real
 * ones have; a pod that is stuck accepts connections and requests and never answers.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import https from 'node:https';
import net from 'node:net';
import { createSecureContext, type SecureContext, type TLSSocket } from 'node:tls';
import { toStackError } from '@polarstack/base';
import type { AgentApi } from '@polarstack/contracts';
import { secretValue } from '@polarstack/domain';
import type { Secret } from 'kubernetes-types/core/v1.js';
import { routes } from '../../apps/agent/src/http/routes.ts';

export interface AgentListener {
  /** Listens at the pod's address. `tls` is the Secret with its certificate. */
  add(pod: string, host: string, port: number, tls: Secret, api: Partial<AgentApi>): Promise<void>;
}

export interface AgentListenerOptions {
  readonly isStuck: (pod: string) => boolean;
  readonly onRequest: (pod: string) => void;
}

export function createAgentListener({ isStuck, onRequest }: AgentListenerOptions): AgentListener {
  const contexts = new Map<string, SecureContext>();
  const apis = new Map<string, Partial<AgentApi>>();

  const answer = async (request: IncomingMessage, pod: string, signal: AbortSignal): Promise<unknown> => {
    const url = new URL(request.url ?? '/', 'https://agent');
    const api = apis.get(pod);
    for (const route of routes) {
      const match = route.path.exec(url.pathname);
      if (!api || match === null || route.method !== request.method) continue;
      if (!api[route.call]) throw new Error(`the simulated agent cannot ${route.call}`);
      const body = async (): Promise<unknown> => {
        const chunks: Buffer[] = [];
        for await (const chunk of request as AsyncIterable<Buffer>) chunks.push(chunk);
        return JSON.parse(Buffer.concat(chunks).toString('utf8'));
      };
      return await route.run(api as AgentApi, { url, id: decodeURIComponent(match[1] ?? ''), body, signal });
    }
    throw new Error(`there is no ${request.method} ${url.pathname}`);
  };

  const handle = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const pod = String((request.socket as TLSSocket & { readonly servername?: string }).servername);
    onRequest(pod);
    if (isStuck(pod)) return;
    const gone = new AbortController();
    response.once('close', () => gone.abort());
    let [status, body]: [number, unknown] = [200, undefined];
    try {
      body = await answer(request, pod, gone.signal);
    } catch (error) {
      const { code, message, remedy, retry } = toStackError(error);
      [status, body] = [500, { code, message, remedy, retry }];
    }
    const text = body === undefined ? '' : JSON.stringify(body);
    response.writeHead(body === undefined ? 204 : status, { 'content-length': Buffer.byteLength(text) });
    response.end(text);
  };

  const server = https.createServer(
    {
      requestCert: true,
      rejectUnauthorized: true,
      SNICallback: (name, done) => done(null, contexts.get(name)),
      keepAliveTimeout: 60_000,
    },
    (request, response) => void handle(request, response),
  );

  return {
    add: async (pod, host, port, tls, api) => {
      const [ca, cert, key] = ['ca.crt', 'tls.crt', 'tls.key'].map((field) => secretValue(tls, field));
      if (!ca || !cert || !key) throw new Error(`Secret of ${pod} is not complete`);
      contexts.set(pod, createSecureContext({ ca, cert, key }));
      apis.set(pod, api);
      const listener = net.createServer((socket) => server.emit('connection', socket));
      await new Promise<void>((resolve, reject) => {
        listener.once('error', reject);
        listener.listen(port, host, resolve);
      });
    },
  };
}
