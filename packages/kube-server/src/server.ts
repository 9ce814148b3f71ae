/**
 * The embedded Kubernetes API: one HTTPS server over one object store.
 *
 * - K1 Nobody is served without a client certificate that the given authority signed.
 * - K2 Everything that runs ends with the signal or with `close`, whichever comes first.
 */
import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import type { PodConnector } from '@polarstack/api';
import { type Clock, type Logger, StackError, systemClock } from '@polarstack/base';
import { createAdmission } from './admission/admission.ts';
import { createFieldTracker } from './apply/field-tracker.ts';
import { type AuditOptions, createAudit } from './audit/audit.ts';
import { createOpenApiHandler } from './discovery/openapi-handler.ts';
import { startCollector } from './gc/collector.ts';
import { startEventExpiry } from './gc/event-expiry.ts';
import { boundConnections, defaultMaxConnections } from './http/connection-bounds.ts';
import { trackConnections } from './http/connections.ts';
import { withImpersonation } from './http/impersonate.ts';
import { createItemTexts } from './http/item-texts.ts';
import { createOtherPaths } from './http/other-paths.ts';
import { rbacAuthorizer } from './http/rbac.ts';
import { createResourceHandler } from './http/resource-handler.ts';
import { createAuthenticator, createRouter } from './http/router.ts';
import { createNaming } from './kinds/crd-naming.ts';
import { ensureDefaults } from './kinds/defaults.ts';
import { createMetrics } from './metrics.ts';
import type { Environment } from './operations/environment.ts';
import { createListSnapshots } from './operations/snapshots.ts';
import { createGate, type OverloadLimits } from './overload/gate.ts';
import { builtinDefinitions } from './registry/builtin.ts';
import { createRegistry } from './registry/registry.ts';
import { builtinTypes } from './schema/builtin/types.ts';
import { type AddressRange, createServiceAddresses } from './service-addresses.ts';
import type { ObjectStore } from './store/object-store.ts';
import { createSubresources } from './subresources/subresources.ts';
import { createUpgradeHandler } from './subresources/upgrade.ts';
import { createWatchBudget } from './watch/budget.ts';
import { createWatchUpgrade } from './watch/upgrade.ts';

export interface KubeServerOptions {
  readonly store: ObjectStore;
  /** Port 0 takes a free one. */
  readonly listen: { readonly host: string; readonly port: number };
  readonly tls: { readonly certPem: string; readonly keyPem: string; readonly clientCaPem: string };
  /** Who runs the pods; undefined until somebody does. */
  readonly connector: () => PodConnector | undefined;
  /** Where services get their addresses. */
  readonly serviceIPs: AddressRange;
  readonly logger: Logger;
  readonly signal: AbortSignal;
  readonly clock?: Clock;
  /** Default 2 000, or half of the descriptors of this process where that is less. */
  readonly maxConnections?: number;
  /** How long a client may take to shake hands, and then for the head of a request, in milliseconds. Default 10 s. */
  readonly patienceMs?: number;
  /** Bytes that may wait for a watcher that does not read. Default 16 MiB. */
  readonly maxWatchBufferBytes?: number;
  /** Bytes that may wait for all watchers together. Default 64 MiB. */
  readonly maxWatchBufferTotalBytes?: number;
  /** Pause between bookmarks in milliseconds. Default one minute. */
  readonly bookmarkMs?: number;
  /** How long the pages of a list stay one state, in milliseconds, where the history does not reach back. Default 5 min. */
  readonly pageMs?: number;
  /** How much work is taken on before clients are asked to wait. */
  readonly overload?: OverloadLimits;
  /** Where it is written down who did what. Default: nowhere. */
  readonly audit?: AuditOptions;
}

export interface KubeServer {
  readonly url: string;
  readonly port: number;
  /** Ends all connections and everything that runs; the store stays open. */
  close(): Promise<void>;
}

/** How long answers under way may take when the server closes, in milliseconds. */
const CLOSE_GRACE_MS = 1_000;

/** Starts the server; resolves when it accepts requests. Throws `AddressInUse`. */
export async function startKubeServer(options: KubeServerOptions): Promise<KubeServer> {
  const { store, listen, tls, logger, patienceMs = 10_000 } = options;
  options.signal.throwIfAborted();
  const clock = options.clock ?? systemClock;
  const stopping = new AbortController();
  const types = builtinTypes();
  const addresses = createServiceAddresses(store, options.serviceIPs, clock);
  const naming = createNaming();
  const registry = createRegistry(
    store,
    builtinDefinitions(types, addresses, (key) => naming.settled(key)),
  );
  const admission = createAdmission(store, registry, stopping.signal);
  const env: Environment = {
    store,
    registry,
    types,
    clock,
    logger,
    snapshots: createListSnapshots(clock, options.pageMs ?? 5 * 60_000),
    itemTexts: createItemTexts(),
    admission,
    fields: createFieldTracker(types),
  };
  const gate = createGate(options.overload ?? {}, clock);
  const audit = createAudit(options.audit, clock, logger);
  const metrics = createMetrics({
    revision: () => store.revision,
    gate,
    audit,
    connections: () => connections.count,
  });
  const limits = {
    maxBufferedBytes: options.maxWatchBufferBytes ?? 16 * 1024 * 1024,
    budget: createWatchBudget(options.maxWatchBufferTotalBytes ?? 64 * 1024 * 1024),
    bookmarkMs: options.bookmarkMs ?? 60_000,
    onWatch: metrics.watching,
  };
  const handler = createResourceHandler({ env, limits, signal: stopping.signal });
  const { signal } = stopping;
  const authorizer = rbacAuthorizer(store);
  const authenticate = withImpersonation(createAuthenticator(), authorizer);
  const { connector } = options;
  const subresources = createSubresources({ env, connector, send: handler.send, signal });
  const router = createRouter(
    {
      env,
      authorizer,
      resources: handler.handle,
      subresources,
      other: createOtherPaths({ metrics: metrics.text, openApi: createOpenApiHandler(registry, types) }),
      onServed: metrics.served,
      gate,
      audit,
    },
    authenticate,
  );
  await ensureDefaults(env);
  await naming.start(env, stopping.signal);
  const server = createServer(
    {
      cert: tls.certPem,
      key: tls.keyPem,
      ca: tls.clientCaPem,
      requestCert: true,
      // K1, but with a clear answer: the handshake succeeds and the request gets 401.
      rejectUnauthorized: false,
      minVersion: 'TLSv1.2',
      ALPNProtocols: ['http/1.1'],
      maxHeaderSize: 32 * 1024,
      handshakeTimeout: patienceMs,
      headersTimeout: patienceMs,
      connectionsCheckingInterval: Math.ceil(patienceMs / 2),
      requestTimeout: 60_000,
      keepAliveTimeout: 120_000,
      noDelay: true,
    },
    router,
  );
  boundConnections(server, options.maxConnections ?? defaultMaxConnections(), clock, logger);
  const connections = trackConnections(server);
  const upgradeWatch = createWatchUpgrade(router, signal);
  const upgrade = createUpgradeHandler({ env, authorizer, authenticate, connector, signal, audit });
  server.on('upgrade', (request, socket, head) => {
    // Node's server has given it away: an error that nobody hears would end the process.
    socket.on('error', () => socket.destroy());
    if (!upgradeWatch(request, socket, head)) upgrade(request, socket, head);
  });
  await listening(server, listen);
  startCollector(env, stopping.signal);
  startEventExpiry(env, stopping.signal);
  const { port } = server.address() as AddressInfo;

  let closing: Promise<void> | undefined;
  const close = (): Promise<void> => {
    closing ??= (async () => {
      stopping.abort();
      await connections.end(CLOSE_GRACE_MS);
      await audit.close();
    })();
    return closing;
  };
  options.signal.addEventListener('abort', () => void close(), { once: true });
  return { url: `https://${listen.host}:${port}`, port, close };
}

function listening(server: Server, { host, port }: KubeServerOptions['listen']): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => {
      reject(
        error.code === 'EADDRINUSE'
          ? new StackError('AddressInUse', `${host}:${port} is in use by another program`, { cause: error })
          : error,
      );
    });
    server.listen({ host, port }, () => resolve());
  });
}
