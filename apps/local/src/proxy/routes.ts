/**
 * What the proxy decides: from services and their endpoints to addresses to listen on, and from there to the next
 * actions. Pure; `forwarder.ts` carries it out.
 *
 * Invariants (tests cite them):
 * - P1 An address is listened on exactly while its service has a ready endpoint: a client of a service without one is
 *   refused at once by the kernel.
 * - P2 A connection ends when its endpoint has left the service (a primary that is one no longer), and not before: an
 *   endpoint that is merely not ready gets no new connections and keeps those it has.
 * - P3 A change of one service touches no connection of another.
 */
import type { Service } from 'kubernetes-types/core/v1.js';
import type { EndpointSlice } from 'kubernetes-types/discovery/v1.js';

export interface Endpoint {
  readonly host: string;
  readonly port: number;
  readonly ready: boolean;
}

/** One address of one service. */
export interface Route {
  readonly namespace: string;
  readonly service: string;
  readonly host: string;
  readonly port: number;
  /** Members of the service, ready or not, in a stable order. */
  readonly endpoints: readonly Endpoint[];
}

export const routeKey = ({ host, port }: Pick<Route, 'host' | 'port'>): string => `${host}:${port}`;
export const endpointKey = ({ host, port }: Pick<Endpoint, 'host' | 'port'>): string => `${host}:${port}`;

const SERVICE_NAME = 'kubernetes.io/service-name';

/** The routes that the services of an API server ask for, in a stable order. */
export function desiredRoutes(services: readonly Service[], slices: readonly EndpointSlice[]): readonly Route[] {
  const routes = services.flatMap((service) => {
    const { name = '', namespace = '' } = service.metadata ?? {};
    const { clusterIP, ports = [], type } = service.spec ?? {};
    if (!clusterIP || clusterIP === 'None' || type === 'ExternalName') return [];
    const own = slices.filter(
      ({ metadata }) => metadata?.namespace === namespace && metadata.labels?.[SERVICE_NAME] === name,
    );
    return ports
      .filter(({ protocol = 'TCP' }) => protocol === 'TCP')
      .map((port) => ({
        namespace,
        service: name,
        host: clusterIP,
        port: port.port,
        endpoints: endpointsOf(own, port.name ?? ''),
      }));
  });
  return routes.sort((a, b) => compare(routeKey(a), routeKey(b)));
}

function endpointsOf(slices: readonly EndpointSlice[], portName: string): readonly Endpoint[] {
  const members = new Map<string, Endpoint>();
  for (const slice of slices) {
    const port = slice.ports?.find(({ name = '' }) => name === portName)?.port;
    if (port === undefined) continue;
    for (const { addresses, conditions } of slice.endpoints ?? []) {
      const ready = conditions?.ready !== false;
      for (const host of addresses) {
        const endpoint = { host, port, ready: ready || members.get(endpointKey({ host, port }))?.ready === true };
        members.set(endpointKey(endpoint), endpoint);
      }
    }
  }
  return [...members.values()].sort((a, b) => compare(endpointKey(a), endpointKey(b)));
}

const compare = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);

/** What the proxy does right now. */
export interface Actual {
  /** Keys of the addresses that are listened on, or are being tried. */
  readonly listening: ReadonlySet<string>;
  /** Open connections: the route they came in by and the endpoint they go to. */
  readonly connections: readonly { readonly id: number; readonly route: string; readonly endpoint: string }[];
}

export type Action =
  | { readonly type: 'listen'; readonly route: Route }
  | { readonly type: 'unlisten'; readonly key: string }
  | { readonly type: 'close'; readonly connection: number };

export function planRoutes(desired: readonly Route[], actual: Actual): readonly Action[] {
  const open = new Map(
    desired.filter(({ endpoints }) => endpoints.some(({ ready }) => ready)).map((route) => [routeKey(route), route]),
  );
  const members = new Map(desired.map((route) => [routeKey(route), new Set(route.endpoints.map(endpointKey))]));
  return [
    ...[...actual.listening].filter((key) => !open.has(key)).map((key) => ({ type: 'unlisten', key }) as const),
    ...actual.connections
      .filter(({ route, endpoint }) => !members.get(route)?.has(endpoint))
      .map(({ id }) => ({ type: 'close', connection: id }) as const),
    ...[...open.values()]
      .filter((route) => !actual.listening.has(routeKey(route)))
      .map((route) => ({ type: 'listen', route }) as const),
  ];
}
