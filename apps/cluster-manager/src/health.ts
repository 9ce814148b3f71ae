import { createServer } from 'node:http';
import { StackError } from '@polarstack/base';
import type { Metrics } from './metrics.ts';

export interface HealthServer {
  readonly address: string;
  close(): Promise<void>;
}

export interface HealthOptions {
  readonly host: string;
  /** 0: any free one. */
  readonly port: number;
  readonly metrics: Metrics;
  readonly isReady: () => boolean;
}

/** Serves `/livez`, `/readyz` and `/metrics`, which say nothing that is secret. */
export async function serveHealth({ host, port, metrics, isReady }: HealthOptions): Promise<HealthServer> {
  const server = createServer((request, response) => {
    const answer = (status: number, text: string): void => {
      response.writeHead(status, { 'content-type': 'text/plain; version=0.0.4' }).end(text);
    };
    request.resume();
    if (request.method !== 'GET') return answer(405, 'GET only\n');
    switch (request.url ?? '') {
      case '/livez':
        return answer(200, 'ok\n');
      case '/readyz':
        return isReady() ? answer(200, 'ok\n') : answer(503, 'its copies of the API are not complete\n');
      case '/metrics':
        return answer(200, metrics.render());
      default:
        return answer(404, 'not found\n');
    }
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', (error) =>
      reject(new StackError('AddressInUse', `cannot listen on ${host}:${port}: ${error.message}`, { cause: error })),
    );
    server.listen(port, host, resolve);
  });
  const bound = server.address();
  return {
    address: typeof bound === 'object' && bound ? `${bound.address}:${bound.port}` : `${host}:${port}`,
    close: async () =>
      await new Promise<void>((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
