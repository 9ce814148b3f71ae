import type { Logger } from '@polarstack/base';
import {
  createEventRecorder,
  createInformer,
  createKubeClient,
  EndpointSlices,
  type KubeConnection,
  Services,
} from '@polarstack/kube';
import { createForwarder } from './forwarder.ts';
import { desiredRoutes, type Route } from './routes.ts';
import { readRoutes, writeRoutes } from './routes-file.ts';

/** The API is on this machine and back within a second of its death: a longer pause only keeps new services waiting. */
const reconnect = { baseMs: 50, maxMs: 1_000 };

export interface ProxyOptions {
  readonly connection: KubeConnection;
  /** Where the routes are kept between runs. */
  readonly routesFile: string;
  readonly log: Logger;
  readonly signal: AbortSignal;
}

/**
 * Serves the ClusterIPs of an API server's services. It begins with the routes of its last run, so that clients are
 * served before (and without) the API server, and follows the API from the moment it has read all of it.
 */
export async function runProxy({ connection, routesFile, log, signal }: ProxyOptions): Promise<void> {
  const client = createKubeClient(connection);
  const onError = (error: unknown): void => log.warn({ error: message(error) }, 'the API server is not reachable');
  const services = createInformer({ client, resource: Services, backoff: reconnect, onError });
  const slices = createInformer({ client, resource: EndpointSlices, backoff: reconnect, onError });
  const recorder = createEventRecorder({ client, component: 'polarstack-proxy', signal, onError });

  const forwarder = createForwarder({
    log,
    signal,
    onRefused: (route, error) => {
      const text = `cannot listen on ${route.host}:${route.port}: ${error.code ?? error.message}; trying again`;
      log.error({ service: `${route.namespace}/${route.service}` }, text);
      const service = services.get(`${route.namespace}/${route.service}`);
      if (service) {
        recorder.record(
          { apiVersion: 'v1', kind: 'Service', ...service },
          { type: 'Warning', reason: 'AddressInUse', message: text },
        );
      }
    },
  });

  let written = '';
  function use(routes: readonly Route[]): void {
    forwarder.apply(routes);
    const text = JSON.stringify(routes);
    if (text === written) return;
    try {
      writeRoutes(routesFile, routes);
      written = text;
    } catch (error) {
      // They are served all the same; the next change writes them again.
      log.error({ error: message(error) }, 'cannot keep the routes for the next start');
    }
  }

  const kept = readRoutes(routesFile);
  written = JSON.stringify(kept);
  forwarder.apply(kept);

  let scheduled = false;
  function refresh(): void {
    if (!services.hasSynced || !slices.hasSynced || scheduled || signal.aborted) return;
    // Changes that arrive together are one change: a role that moves leaves one service and joins another.
    scheduled = true;
    setImmediate(() => {
      scheduled = false;
      use(desiredRoutes(services.list(), slices.list()));
    });
  }
  services.onChange(refresh);
  slices.onChange(refresh);
  Promise.all([services.synced, slices.synced]).then(refresh, onError);
  await Promise.all([services.start(signal), slices.start(signal)]);
  await client.close();
}

const message = (error: unknown): string => (error instanceof Error ? error.message : String(error));
