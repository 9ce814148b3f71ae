import {
  createServer as createHttpServer,
  type IncomingMessage,
  type RequestListener,
  type ServerResponse,
} from 'node:http';
import { createServer as createHttpsServer, type ServerOptions } from 'node:https';
import type { AddressInfo, Socket } from 'node:net';
import type { KubeObject } from '../object.ts';

/** A request as the server saw it. */
export interface SeenRequest {
  readonly method: string;
  readonly path: string;
  readonly query: URLSearchParams;
  readonly headers: IncomingMessage['headers'];
  readonly body: string;
}

interface Watcher {
  readonly response: ServerResponse;
  readonly socket: Socket;
}

interface HistoryEntry {
  readonly type: 'ADDED' | 'MODIFIED' | 'DELETED';
  readonly revision: number;
  readonly object: KubeObject;
}

/**
 * A server of one collection with a history, that misbehaves when told to. Whatever its path, a request with
 * `watch=true` watches, another GET lists; other methods answer with what `answer` says.
 */
export interface FakeServer {
  readonly url: string;
  readonly requests: readonly SeenRequest[];
  put(name: string, fields?: object): void;
  remove(name: string): void;
  /** Watches from before now are answered with 410. */
  forgetHistory(): void;
  /** Watchers get a bookmark of the newest version. */
  bookmark(): void;
  /** Resets the TCP connections of all watchers. */
  resetWatches(): void;
  /** Ends all watches in an orderly way. */
  closeWatches(): void;
  /** Sends all watchers a raw line. */
  sendLine(line: string): void;
  /** The next requests get these answers instead, first come first served. */
  answer(...answers: readonly Answer[]): void;
  readonly watchers: number;
  close(): Promise<void>;
}

export interface Answer {
  readonly status: number;
  readonly body: unknown;
  readonly headers?: Readonly<Record<string, string>>;
  /** Break the connection instead of answering. */
  readonly reset?: boolean;
}

export async function startFakeServer(options: { readonly tls?: ServerOptions } = {}): Promise<FakeServer> {
  const objects = new Map<string, KubeObject>();
  const history: HistoryEntry[] = [];
  const watchers = new Set<Watcher>();
  const requests: SeenRequest[] = [];
  const answers: Answer[] = [];
  const sockets = new Set<Socket>();
  let revision = 1;
  let oldest = 0;

  function emit(type: HistoryEntry['type'], object: KubeObject): void {
    history.push({ type, revision, object });
    for (const { response } of watchers) response.write(`${JSON.stringify({ type, object })}\n`);
  }

  function list(query: URLSearchParams): unknown {
    const all = [...objects.values()];
    const start = Number(query.get('continue') ?? 0);
    const limit = Number(query.get('limit') ?? all.length);
    const more = start + limit < all.length;
    return {
      kind: 'List',
      items: all.slice(start, start + limit),
      metadata: { resourceVersion: String(revision), ...(more ? { continue: String(start + limit) } : {}) },
    };
  }

  function watch(query: URLSearchParams, response: ServerResponse, socket: Socket): void {
    const from = Number(query.get('resourceVersion'));
    if (from < oldest) {
      send(response, { status: 410, body: { kind: 'Status', code: 410, reason: 'Expired', message: 'too old' } });
      return;
    }
    response.writeHead(200, { 'content-type': 'application/json' });
    response.flushHeaders();
    for (const { type, object, revision: at } of history) {
      if (at > from) response.write(`${JSON.stringify({ type, object })}\n`);
    }
    const watcher = { response, socket };
    watchers.add(watcher);
    response.on('close', () => watchers.delete(watcher));
  }

  const invalid = { kind: 'Status', code: 422, reason: 'Invalid', message: 'sendInitialEvents is forbidden for watch' };

  const handle: RequestListener = (request, response) => {
    const url = new URL(request.url ?? '/', 'http://fake');
    let body = '';
    request.setEncoding('utf8').on('data', (chunk: string) => {
      body += chunk;
    });
    request.on('end', () => {
      requests.push({
        method: request.method ?? '',
        path: url.pathname,
        query: url.searchParams,
        headers: request.headers,
        body,
      });
      const scripted = answers.shift();
      if (scripted?.reset === true) request.socket.resetAndDestroy();
      else if (scripted !== undefined) send(response, scripted);
      else if (url.searchParams.has('sendInitialEvents')) send(response, { status: 422, body: invalid });
      else if (url.searchParams.get('watch') === 'true') watch(url.searchParams, response, request.socket);
      else send(response, { status: 200, body: list(url.searchParams) });
    });
  };
  const server = options.tls === undefined ? createHttpServer(handle) : createHttpsServer(options.tls, handle);
  server.on('connection', (socket: Socket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;

  return {
    url: `${options.tls === undefined ? 'http' : 'https'}://127.0.0.1:${port}`,
    requests,
    get watchers() {
      return watchers.size;
    },
    put: (name, fields = {}) => {
      revision++;
      const known = objects.get(name);
      const uid = known?.metadata?.uid ?? `uid-${name}-${revision}`;
      const metadata = { name, namespace: 'default', uid, resourceVersion: String(revision) };
      const object = { ...fields, metadata };
      objects.set(name, object);
      emit(known === undefined ? 'ADDED' : 'MODIFIED', object);
    },
    remove: (name) => {
      const known = objects.get(name);
      if (known === undefined) return;
      revision++;
      objects.delete(name);
      emit('DELETED', { ...known, metadata: { ...known.metadata, resourceVersion: String(revision) } });
    },
    forgetHistory: () => {
      revision++;
      oldest = revision;
      history.length = 0;
    },
    bookmark: () => {
      const object = { metadata: { resourceVersion: String(revision) } };
      for (const { response } of watchers) response.write(`${JSON.stringify({ type: 'BOOKMARK', object })}\n`);
    },
    resetWatches: () => {
      for (const { socket } of watchers) socket.resetAndDestroy();
      watchers.clear();
    },
    closeWatches: () => {
      for (const { response } of watchers) response.end();
      watchers.clear();
    },
    sendLine: (line) => {
      for (const { response } of watchers) response.write(`${line}\n`);
    },
    answer: (...more) => {
      answers.push(...more);
    },
    close: async () => {
      for (const socket of sockets) socket.destroy();
      await new Promise<void>((resolve) => {
        server.close(() => resolve());
      });
    },
  };
}

function send(response: ServerResponse, { status, body, headers = {} }: Answer): void {
  response.writeHead(status, { 'content-type': 'application/json', ...headers });
  response.end(typeof body === 'string' ? body : JSON.stringify(body));
}
