import type { ServerResponse } from 'node:http';
import type { OperatorView } from './context.ts';
import { shown } from './context.ts';
import type { Entry, Journal } from './journal.ts';

export interface StreamOptions {
  readonly response: ServerResponse;
  readonly view: OperatorView;
  readonly journal: Journal;
  readonly namespace: string | null;
  readonly cluster: string | null;
  readonly lastEventId: string | undefined;
  /** Whether whoever listens may still do so; asked at each heartbeat. */
  readonly isAllowed: () => boolean;
  readonly heartbeatMs?: number;
}

const HEARTBEAT_MS = 10_000;
/** What may wait in memory for one who reads slowly; then the connection ends, and its client comes back with the last id. */
const MAX_WAITING_BYTES = 1024 * 1024;

/** Serves server-sent events until the connection closes, the token ends, or the reader is too slow. */
export function serveStream(options: StreamOptions): void {
  const { response, view, journal, namespace, cluster, lastEventId, isAllowed, heartbeatMs = HEARTBEAT_MS } = options;
  const isMeant = (of: { readonly namespace: string; readonly cluster: string }): boolean =>
    (!namespace || of.namespace === namespace) && (!cluster || of.cluster === cluster);
  const send = (text: string): void => {
    response.write(text);
    if (response.writableLength > MAX_WAITING_BYTES) response.destroy();
  };
  const tell = ({ id, event, object, ...of }: Entry): void => {
    if (isMeant(of)) send(message(id, event, shown(object)));
  };

  response.writeHead(200, {
    'content-type': 'text/event-stream',
    'cache-control': 'no-store',
    'x-accel-buffering': 'no',
  });
  const missed = lastEventId === undefined ? undefined : journal.after(lastEventId);
  if (missed) for (const entry of missed) tell(entry);
  else {
    // All of it under the id of now: whoever comes back with it has seen everything before.
    const id = journal.now();
    send(message(id, 'reset', {}));
    for (const object of view.clusters.list()) {
      const { namespace: where = 'default', name = '' } = object.metadata;
      tell({ id, event: 'cluster', namespace: where, cluster: name, object });
    }
    for (const object of view.operations.list()) {
      const { namespace: where = 'default' } = object.metadata;
      tell({ id, event: 'operation', namespace: where, cluster: object.spec.cluster, object });
    }
  }
  const forget = journal.listen(tell);
  const timer = setInterval(() => {
    if (isAllowed()) send(`: ${journal.now()}\n\n`);
    else response.end();
  }, heartbeatMs);
  response.once('close', () => {
    clearInterval(timer);
    forget();
  });
}

const message = (id: string, event: string, data: object): string =>
  `id: ${id}\nevent: ${event}\ndata: ${JSON.stringify(data)}\n\n`;
