import type { IncomingMessage, ServerResponse } from 'node:http';
import { sendJson, sendText } from './respond.ts';

/** Kubernetes version whose API this server follows; clients choose features by it. */
const API_VERSION = { major: '1', minor: '32' };

export interface OtherPaths {
  readonly metrics: () => string;
  readonly openApi: (response: ServerResponse, url: URL) => boolean;
}

export function isHealthPath(path: string): boolean {
  return /^\/(healthz|livez|readyz)(\/|$)/.test(path);
}

/** Version, health, metrics and schemas. */
export function createOtherPaths(options: OtherPaths) {
  return (_request: IncomingMessage, response: ServerResponse, url: URL): Promise<boolean> => {
    const { pathname } = url;
    if (pathname === '/version') {
      sendJson(response, 200, {
        ...API_VERSION,
        gitVersion: 'v1.32.0+polarstack',
        gitCommit: '',
        gitTreeState: 'clean',
        buildDate: '1970-01-01T00:00:00Z',
        goVersion: '',
        compiler: 'node',
        platform: `${process.platform}/${process.arch}`,
      });
    } else if (isHealthPath(pathname)) sendText(response, 200, 'text/plain; charset=utf-8', 'ok');
    else if (pathname === '/metrics') sendText(response, 200, 'text/plain; version=0.0.4', options.metrics());
    else return Promise.resolve(options.openApi(response, url));
    return Promise.resolve(true);
  };
}
