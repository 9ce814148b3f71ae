import fc from 'fast-check';
import type { Service } from 'kubernetes-types/core/v1.js';
import type { EndpointSlice } from 'kubernetes-types/discovery/v1.js';
import { describe, expect, test } from 'vitest';
import { type Actual, desiredRoutes, endpointKey, planRoutes, type Route, routeKey } from './routes.ts';

const service = (name: string, spec: NonNullable<Service['spec']>): Service => ({
  metadata: { name, namespace: 'default' },
  spec,
});

const slice = (name: string, endpoints: EndpointSlice['endpoints'], port = 5432): EndpointSlice => ({
  metadata: { name: `${name}-1`, namespace: 'default', labels: { 'kubernetes.io/service-name': name } },
  addressType: 'IPv4',
  ports: [{ name: 'postgres', port }],
  endpoints,
});

const rw = service('demo-rw', { clusterIP: '127.0.20.2', ports: [{ name: 'postgres', port: 5432 }] });

describe('desired routes', () => {
  test('a service and its slice become one route with its members, ready or not', () => {
    const routes = desiredRoutes(
      [rw],
      [
        slice('demo-rw', [
          { addresses: ['127.0.11.2'], conditions: { ready: true } },
          { addresses: ['127.0.12.2'], conditions: { ready: false } },
        ]),
      ],
    );
    expect(routes).toEqual([
      {
        namespace: 'default',
        service: 'demo-rw',
        host: '127.0.20.2',
        port: 5432,
        endpoints: [
          { host: '127.0.11.2', port: 5432, ready: true },
          { host: '127.0.12.2', port: 5432, ready: false },
        ],
      },
    ]);
  });

  test('a condition that is not given counts as ready, as the API defines it', () => {
    const [route] = desiredRoutes([rw], [slice('demo-rw', [{ addresses: ['127.0.11.2'] }])]);
    expect(route?.endpoints[0]?.ready).toBe(true);
  });

  test('headless and external services, other protocols and other namespaces are left alone', () => {
    const services = [
      service('headless', { clusterIP: 'None', ports: [{ name: 'postgres', port: 1 }] }),
      service('none', { ports: [{ name: 'postgres', port: 1 }] }),
      service('external', { clusterIP: '127.0.20.3', type: 'ExternalName', ports: [{ name: 'postgres', port: 1 }] }),
      service('udp', { clusterIP: '127.0.20.4', ports: [{ name: 'postgres', port: 1, protocol: 'UDP' }] }),
    ];
    expect(desiredRoutes(services, [])).toEqual([]);
    const foreign = { ...slice('demo-rw', [{ addresses: ['127.0.11.2'] }]) };
    const [route] = desiredRoutes([rw], [{ ...foreign, metadata: { ...foreign.metadata, namespace: 'other' } }]);
    expect(route?.endpoints).toEqual([]);
  });
});

const endpoint = fc.record({
  host: fc.integer({ min: 2, max: 5 }).map((n) => `127.0.11.${n}`),
  port: fc.constant(5432),
  ready: fc.boolean(),
});
const route = fc.record({
  namespace: fc.constant('default'),
  service: fc.constant('s'),
  host: fc.integer({ min: 2, max: 5 }).map((n) => `127.0.20.${n}`),
  port: fc.constant(5432),
  endpoints: fc.uniqueArray(endpoint, { selector: endpointKey, maxLength: 3 }),
});
const desired = fc.uniqueArray(route, { selector: routeKey, maxLength: 4 });
const actual: fc.Arbitrary<Actual> = fc.record({
  listening: fc.uniqueArray(fc.integer({ min: 2, max: 6 })).map((ns) => new Set(ns.map((n) => `127.0.20.${n}:5432`))),
  connections: fc
    .array(fc.tuple(fc.integer({ min: 2, max: 6 }), fc.integer({ min: 2, max: 6 })))
    .map((pairs) => pairs.map(([r, e], id) => ({ id, route: `127.0.20.${r}:5432`, endpoint: `127.0.11.${e}:5432` }))),
});

function carryOut(routes: readonly Route[], before: Actual): Actual {
  const listening = new Set(before.listening);
  const closed = new Set<number>();
  for (const action of planRoutes(routes, before)) {
    if (action.type === 'listen') listening.add(routeKey(action.route));
    else if (action.type === 'unlisten') listening.delete(action.key);
    else closed.add(action.connection);
  }
  return { listening, connections: before.connections.filter(({ id }) => !closed.has(id)) };
}

describe('plan', () => {
  test('P1: afterwards exactly the routes with a ready endpoint are listened on', () => {
    fc.assert(
      fc.property(desired, actual, (routes, before) => {
        const open = routes.filter(({ endpoints }) => endpoints.some(({ ready }) => ready)).map(routeKey);
        expect([...carryOut(routes, before).listening].sort()).toEqual(open.sort());
      }),
    );
  });

  test('P2, P3: just the connections whose endpoint is no member of their route end', () => {
    fc.assert(
      fc.property(desired, actual, (routes, before) => {
        const isMember = (to: { readonly route: string; readonly endpoint: string }): boolean =>
          routes.some((one) => routeKey(one) === to.route && one.endpoints.some((e) => endpointKey(e) === to.endpoint));
        expect(carryOut(routes, before).connections).toEqual(before.connections.filter(isMember));
      }),
    );
  });

  test('doing it twice is doing it once', () => {
    fc.assert(
      fc.property(desired, actual, (routes, before) => {
        expect(planRoutes(routes, carryOut(routes, before))).toEqual([]);
      }),
    );
  });
});
