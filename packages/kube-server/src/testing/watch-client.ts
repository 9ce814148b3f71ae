import { request } from 'node:https';
import { isObject, type JsonObject } from '../json.ts';
import type { TestClient } from './test-server.ts';

export interface WatchEvent {
  readonly type: string;
  readonly object: JsonObject;
}

/** An open watch; events are told as they come. */
export interface OpenWatch {
  readonly code: number;
  readonly events: readonly WatchEvent[];
  /** Resolves when an event that fits has come; looks at earlier ones too. */
  until(fits: (event: WatchEvent) => boolean): Promise<WatchEvent>;
  /** Resolves when the server ended or broke the connection. */
  readonly closed: Promise<void>;
  close(): void;
}

export function openWatch(
  client: TestClient,
  port: number,
  path: string,
  accept = 'application/json',
): Promise<OpenWatch> {
  return new Promise((resolve, reject) => {
    const sent = request({ agent: client.agent, host: '127.0.0.1', port, path, headers: { accept } }, (response) => {
      const events: WatchEvent[] = [];
      const waiting = new Set<{ fits: (event: WatchEvent) => boolean; tell: (event: WatchEvent) => void }>();
      let rest = '';
      response.setEncoding('utf8');
      response.on('data', (text: string) => {
        const lines = `${rest}${text}`.split('\n');
        rest = lines.pop() ?? '';
        for (const line of lines) {
          const event: unknown = JSON.parse(line);
          if (!isObject(event) || !isObject(event.object)) throw new Error(`no watch event: ${line}`);
          const read = { type: String(event.type as string), object: event.object };
          events.push(read);
          for (const one of waiting) {
            if (!one.fits(read)) continue;
            waiting.delete(one);
            one.tell(read);
          }
        }
      });
      const closed = new Promise<void>((done) => {
        response.on('close', done);
        response.on('error', () => done());
      });
      resolve({
        code: response.statusCode ?? 0,
        events,
        until: (fits) => {
          const known = events.find(fits);
          if (known) return Promise.resolve(known);
          return new Promise((tell) => waiting.add({ fits, tell }));
        },
        closed,
        close: () => sent.destroy(),
      });
    });
    sent.on('error', reject);
    sent.end();
  });
}
