import { request } from 'node:https';
import type { HttpClient } from './http-client.ts';

export interface RawWatch {
  readonly code: number;
  /** Resolves when the server ended or broke it. */
  readonly closed: Promise<void>;
  pause(): void;
  close(): void;
}

/** Opens a watch and hands on its lines as they come; rejects where no connection was made. */
export function watchLines(
  client: Pick<HttpClient, 'agent'>,
  port: number,
  path: string,
  onLine: (line: string) => void,
): Promise<RawWatch> {
  return new Promise((resolve, reject) => {
    const sent = request({ agent: client.agent, host: '127.0.0.1', port, path }, (response) => {
      let rest = '';
      response.setEncoding('utf8');
      response.on('data', (text: string) => {
        const lines = `${rest}${text}`.split('\n');
        rest = lines.pop() ?? '';
        for (const line of lines) onLine(line);
      });
      const closed = new Promise<void>((done) => {
        response.on('close', done);
        response.on('error', () => done());
      });
      resolve({
        code: response.statusCode ?? 0,
        closed,
        pause: () => void response.pause(),
        close: () => sent.destroy(),
      });
    });
    sent.on('error', reject);
    sent.end();
  });
}
