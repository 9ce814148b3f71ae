import { once } from 'node:events';
import type { LogRequest, PodConnector } from '@polarstack/api';
import type { Clock } from '@polarstack/base';
import type { ResourceCall } from '../http/resource-handler.ts';
import { errors } from '../http/status.ts';
import type { ObjectStore } from '../store/object-store.ts';
import { chooseContainer, connectionLost, findPod, podFailure, requireConnector } from './pod.ts';

export interface LogOptions {
  readonly store: ObjectStore;
  readonly clock: Clock;
  readonly connector: () => PodConnector | undefined;
  readonly signal: AbortSignal;
}

/** After this pause a followed log that says nothing yet is answered, so that the client sees that it is connected. */
const FIRST_BYTES_MS = 250;

function whole(query: URLSearchParams, name: string): number | undefined {
  const text = query.get(name);
  if (text === null || text === '') return undefined;
  if (!/^\d+$/.test(text)) throw errors.badRequest(`${name} "${text}" is not a whole number, 0 or more`);
  return Number(text);
}

function readRequest(query: URLSearchParams, now: Date): LogRequest {
  const tailLines = whole(query, 'tailLines');
  const limitBytes = whole(query, 'limitBytes');
  const sinceTime = query.get('sinceTime');
  let sinceSeconds = whole(query, 'sinceSeconds');
  if (sinceTime !== null && sinceTime !== '') {
    const since = Date.parse(sinceTime);
    if (Number.isNaN(since)) throw errors.badRequest(`sinceTime "${sinceTime}" is no time`);
    sinceSeconds = Math.max(0, Math.ceil((now.getTime() - since) / 1000));
  }
  return {
    follow: query.get('follow') === 'true',
    previous: query.get('previous') === 'true',
    ...(query.get('timestamps') === 'true' ? { timestamps: true } : {}),
    ...(tailLines === undefined ? {} : { tailLines }),
    ...(sinceSeconds === undefined ? {} : { sinceSeconds }),
    ...(limitBytes === undefined ? {} : { limitBytes }),
  };
}

/** `kubectl logs`: plain text, as it comes. */
export async function serveLog(call: ResourceCall, options: LogOptions): Promise<void> {
  const { response, path, query } = call;
  const pod = findPod(options.store, path.namespace ?? '', path.name ?? '');
  const container = chooseContainer(pod, query.get('container'));
  const ref = { namespace: path.namespace ?? '', pod: path.name ?? '', container };
  const request = readRequest(query, options.clock.now());
  const connector = requireConnector(options.connector);
  const leaving = new AbortController();
  const signal = AbortSignal.any([leaving.signal, options.signal]);
  response.once('close', () => leaving.abort(connectionLost()));

  const lines = connector.logs(ref, request, signal)[Symbol.asyncIterator]();
  const begin = (): void => {
    response.writeHead(200, { 'content-type': 'text/plain; charset=utf-8', 'cache-control': 'no-cache, private' });
    response.flushHeaders();
  };
  const quiet = setTimeout(begin, FIRST_BYTES_MS);
  try {
    for (let next = await lines.next(); next.done !== true; next = await lines.next()) {
      clearTimeout(quiet);
      if (!response.headersSent) begin();
      if (!response.write(next.value)) await once(response, 'drain', { signal });
    }
    clearTimeout(quiet);
    if (!response.headersSent) begin();
    response.end();
  } catch (error) {
    clearTimeout(quiet);
    if (signal.aborted) response.end();
    else throw podFailure(error, pod, ref);
  } finally {
    await lines.return?.();
  }
}
