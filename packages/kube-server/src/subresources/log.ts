import { once } from 'node:events';
import type { PodConnector } from '@polarstack/api';
import type { Clock } from '@polarstack/base';
import type { ResourceCall } from '../http/resource-handler.ts';
import { errors } from '../http/status.ts';
import type { ObjectStore } from '../store/object-store.ts';
import { readLogRequest } from './log-options.ts';
import { chooseContainer, connectionLost, findPod, podFailure, requireConnector } from './pod.ts';

export interface LogOptions {
  readonly store: ObjectStore;
  readonly clock: Clock;
  readonly connector: () => PodConnector | undefined;
  readonly signal: AbortSignal;
}

/** After this pause a followed log that says nothing yet is answered, so that the client sees that it is connected. */
const FIRST_BYTES_MS = 250;

/** `kubectl logs`: plain text, as it comes. */
export async function serveLog(call: ResourceCall, options: LogOptions): Promise<void> {
  const { request: asked, response, path, query, definition } = call;
  if (asked.method !== 'GET' && asked.method !== 'HEAD') {
    throw errors.methodNotAllowed(asked.method?.toLowerCase() ?? '', definition);
  }
  const pod = findPod(options.store, path.namespace ?? '', path.name ?? '');
  const request = readLogRequest(query, path.name ?? '', options.clock.now());
  const container = chooseContainer(pod, query.get('container'));
  const ref = { namespace: path.namespace ?? '', pod: path.name ?? '', container };
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
