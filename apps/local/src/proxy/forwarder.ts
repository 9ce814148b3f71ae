/**
 * The proxy's hands: listens where `routes.ts` says and passes bytes through, both ways, with back-pressure and
 * half-close as TCP has them.
 */
import { connect, createServer, type Server, type Socket } from 'node:net';
import { type Backoff, backoffDelay, type Logger } from '@polarstack/base';
import { type Endpoint, endpointKey, planRoutes, type Route, routeKey } from './routes.ts';

const KEEPALIVE_MS = 60_000;
const CONNECT_MS = 5_000;
const relisten: Backoff = { baseMs: 500, maxMs: 10_000 };

export interface ForwarderOptions {
  readonly log: Logger;
  /** Told once when an address cannot be listened on, however often it is tried after that. */
  readonly onRefused: (route: Route, error: NodeJS.ErrnoException) => void;
  readonly signal: AbortSignal;
}

export interface Forwarder {
  /** Makes these the routes; takes effect before it returns, save that listening itself takes a moment. */
  apply(routes: readonly Route[]): void;
}

interface Listening {
  readonly server: Server;
  retry?: NodeJS.Timeout;
}

interface Connection {
  readonly id: number;
  readonly route: string;
  endpoint: string;
  readonly client: Socket;
  upstream: Socket | undefined;
}

export function createForwarder({ log, onRefused, signal }: ForwarderOptions): Forwarder {
  const listening = new Map<string, Listening>();
  const connections = new Map<number, Connection>();
  const turns = new Map<string, number>();
  let routes: ReadonlyMap<string, Route> = new Map();
  let lastId = 0;

  function listen(route: Route): void {
    const key = routeKey(route);
    const server = createServer({
      allowHalfOpen: true,
      pauseOnConnect: true,
      noDelay: true,
      keepAlive: true,
      keepAliveInitialDelay: KEEPALIVE_MS,
    });
    const entry: Listening = { server };
    listening.set(key, entry);
    let failures = 0;
    const attempt = (): void => {
      server.listen({ host: route.host, port: route.port });
    };
    server.on('listening', () => log.info({ address: key, service: route.service }, 'listening'));
    server.on('connection', (client) => accept(key, client));
    server.on('error', (error: NodeJS.ErrnoException) => {
      if (failures++ === 0) onRefused(route, error);
      entry.retry = setTimeout(attempt, backoffDelay(relisten, failures));
    });
    attempt();
  }

  function unlisten(key: string): void {
    const entry = listening.get(key);
    listening.delete(key);
    clearTimeout(entry?.retry);
    entry?.server.removeAllListeners('error').on('error', () => {}); // A try under way may still fail; nobody waits.
    entry?.server.close();
    log.info({ address: key }, 'no longer listening');
  }

  /** The ready endpoints of a route, beginning with the one whose turn it is. */
  function candidates(key: string): readonly Endpoint[] {
    const ready = routes.get(key)?.endpoints.filter((endpoint) => endpoint.ready) ?? [];
    const turn = turns.get(key) ?? 0;
    turns.set(key, turn + 1);
    return ready.map((_, i) => ready[(turn + i) % ready.length] as Endpoint);
  }

  function accept(key: string, client: Socket): void {
    const connection: Connection = { id: ++lastId, route: key, endpoint: '', client, upstream: undefined };
    connections.set(connection.id, connection);
    client.on('error', () => drop(connection));
    client.on('close', () => drop(connection));
    dial(connection, candidates(key));
  }

  /** Tries one endpoint after the other: not a byte of the client has been read yet, so the next is as good. */
  function dial(connection: Connection, [endpoint, ...others]: readonly Endpoint[]): void {
    if (endpoint === undefined) {
      drop(connection);
      return;
    }
    const upstream = connect({
      host: endpoint.host,
      port: endpoint.port,
      allowHalfOpen: true,
      noDelay: true,
      keepAlive: true,
      keepAliveInitialDelay: KEEPALIVE_MS,
    });
    connection.endpoint = endpointKey(endpoint);
    connection.upstream = upstream;
    const giveUp = setTimeout(() => upstream.destroy(new Error('connect timed out')), CONNECT_MS);
    const failed = (error: Error): void => {
      clearTimeout(giveUp);
      if (!connections.has(connection.id)) return;
      log.warn({ address: connection.route, endpoint: connection.endpoint, error: error.message }, 'cannot connect');
      dial(connection, others);
    };
    upstream.once('error', failed);
    upstream.once('connect', () => {
      clearTimeout(giveUp);
      upstream.off('error', failed);
      upstream.on('error', () => drop(connection));
      upstream.on('close', () => drop(connection));
      connection.client.pipe(upstream);
      upstream.pipe(connection.client);
      connection.client.resume();
    });
  }

  /**
   * Ends both sides. A side that has been told everything and has said everything is left to the kernel, which still
   * delivers; any other gets a reset, which tells it the truth: what it sent last may not have arrived.
   */
  function drop(connection: Connection): void {
    if (!connections.delete(connection.id)) return;
    for (const socket of [connection.client, connection.upstream]) {
      if (socket === undefined || socket.destroyed) continue;
      if (socket.writableEnded && socket.readableEnded) continue;
      if (socket.connecting) socket.destroy();
      else socket.resetAndDestroy();
    }
  }

  function apply(next: readonly Route[]): void {
    routes = new Map(next.map((route) => [routeKey(route), route]));
    const actions = planRoutes(next, { listening: new Set(listening.keys()), connections: [...connections.values()] });
    for (const action of actions) {
      switch (action.type) {
        case 'listen':
          listen(action.route);
          break;
        case 'unlisten':
          unlisten(action.key);
          break;
        case 'close': {
          const connection = connections.get(action.connection);
          if (connection) {
            log.info({ address: connection.route, endpoint: connection.endpoint }, 'endpoint left; connection closed');
            drop(connection);
          }
          break;
        }
      }
    }
  }

  signal.addEventListener('abort', () => {
    for (const key of [...listening.keys()]) unlisten(key);
    for (const connection of [...connections.values()]) drop(connection);
  });

  return { apply };
}
