import { Agent, request } from 'node:https';
import type { KeyPair } from '@polarstack/pki';
import type { Identity } from '@polarstack/testkit/kube-servers';

export interface Answer {
  readonly code: number;
  readonly text: string;
  readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>;
}

export interface HttpClient {
  readonly agent: Agent;
  call(method: string, path: string, body?: unknown, headers?: Readonly<Record<string, string>>): Promise<Answer>;
  close(): void;
}

/** A client of a port, an administrator unless other keys are given. */
export function createClient(
  port: number,
  identity: Identity,
  keys: KeyPair = identity.admin,
  sockets = 64,
): HttpClient {
  const agent = new Agent({
    keepAlive: true,
    maxSockets: sockets,
    ca: identity.caPem,
    cert: keys.certPem,
    key: keys.keyPem,
  });
  return {
    agent,
    call: (method, path, body, headers = {}) =>
      new Promise((resolve, reject) => {
        const text = body === undefined ? undefined : typeof body === 'string' ? body : JSON.stringify(body);
        const type = text === undefined ? {} : { 'content-type': 'application/json' };
        const sent = request(
          { agent, host: '127.0.0.1', port, method, path, headers: { ...type, ...headers } },
          (response) => {
            const chunks: Buffer[] = [];
            response.on('data', (chunk: Buffer) => chunks.push(chunk));
            response.on('error', reject);
            response.on('end', () =>
              resolve({
                code: response.statusCode ?? 0,
                text: Buffer.concat(chunks).toString('utf8'),
                headers: response.headers,
              }),
            );
          },
        );
        sent.on('error', reject);
        sent.end(text);
      }),
    close: () => agent.destroy(),
  };
}
