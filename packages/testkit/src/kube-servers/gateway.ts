/**
 * An HTTP gateway in front of an API server, as load balancers and overloaded servers are: it passes requests on with
 * the administrator's certificate, unless a rule of the test answers them, and it can put lines into open watches.
 */
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { request } from 'node:https';
import type { AddressInfo } from 'node:net';
import type { Endpoint } from './server.ts';

export interface GatewayRequest {
  readonly method: string;
  readonly path: string;
  readonly query: URLSearchParams;
  readonly headers: IncomingMessage['headers'];
}

/** `reset` breaks the connection; `lose` lets the server do what was asked and breaks it then, before the answer. */
export type GatewayAnswer =
  | { readonly status: number; readonly body?: unknown; readonly headers?: Readonly<Record<string, string>> }
  | 'reset'
  | 'lose';

export interface Gateway {
  /** `http://127.0.0.1:<port>` */
  readonly url: string;
  /** Every request so far, also those that a rule answered. */
  readonly requests: readonly GatewayRequest[];
  /** Asked for each request; undefined passes it on. */
  rule(decide: ((request: GatewayRequest) => GatewayAnswer | undefined) | undefined): void;
  /** Sends a line of its own to all open watches. */
  sendLine(line: string): void;
  /** Watches that are open. */
  readonly watches: number;
  stop(): Promise<void>;
}

export async function startGateway(endpoint: Endpoint): Promise<Gateway> {
  const requests: GatewayRequest[] = [];
  const watches = new Set<ServerResponse>();
  let decide: ((request: GatewayRequest) => GatewayAnswer | undefined) | undefined;

  const pass = (incoming: IncomingMessage, outgoing: ServerResponse, isWatch: boolean, loses: boolean): void => {
    const { authorization: _, host: __, ...headers } = incoming.headers;
    const { host, port, agent } = endpoint;
    const onward = request({ host, port, agent, method: incoming.method, path: incoming.url, headers }, (answer) => {
      if (loses) {
        answer.resume();
        answer.once('end', () => incoming.socket.resetAndDestroy());
        return;
      }
      outgoing.writeHead(answer.statusCode ?? 502, answer.headers);
      outgoing.flushHeaders();
      if (isWatch && answer.statusCode === 200) watches.add(outgoing);
      answer.pipe(outgoing);
      answer.once('close', () => outgoing.end());
    });
    onward.on('error', () => incoming.socket.resetAndDestroy());
    outgoing.once('close', () => {
      watches.delete(outgoing);
      onward.destroy();
    });
    incoming.pipe(onward);
  };

  const server = createServer((incoming, outgoing) => {
    const { pathname, searchParams: query } = new URL(incoming.url ?? '/', 'http://gateway');
    const asked = { method: incoming.method ?? '', path: pathname, query, headers: incoming.headers };
    requests.push(asked);
    const answer = decide?.(asked);
    if (answer === 'reset') incoming.socket.resetAndDestroy();
    else if (answer === undefined || answer === 'lose') {
      pass(incoming, outgoing, query.get('watch') === 'true', answer === 'lose');
    } else {
      incoming.resume();
      outgoing.writeHead(answer.status, { 'content-type': 'application/json', ...answer.headers });
      outgoing.end(typeof answer.body === 'string' ? answer.body : JSON.stringify(answer.body ?? {}));
    }
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');

  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    requests,
    rule: (next) => {
      decide = next;
    },
    sendLine: (line) => {
      for (const watch of watches) watch.write(`${line}\n`);
    },
    get watches() {
      return watches.size;
    },
    stop: async () => {
      const closed = new Promise((resolve) => server.close(resolve));
      server.closeAllConnections();
      await closed;
    },
  };
}
