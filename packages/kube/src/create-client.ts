import { isStackError, StackError } from '@polarstack/base';
import type { DeleteOptions, KubeClient, ListOptions, ObjectKey, Patch, WatchEvent } from './client.ts';
import type { KubeConnection } from './connection.ts';
import type { KubeObject, Resource } from './object.ts';
import { apiVersionOf, queryString, resourcePath } from './paths.ts';
import { errorFromTransport } from './status-error.ts';
import { createTransport, type Timeouts, type Transport, type TransportRequest } from './transport.ts';
import { defaultWatchLimits, type WatchLimits, type WatchOptions, watchFromStart, watchOnce } from './watch-stream.ts';

/** Objects of a page: small enough that a server builds it quickly, large enough to make few requests. */
const PAGE_SIZE = 500;

const patchTypes: Readonly<Record<Patch['type'], string>> = {
  merge: 'application/merge-patch+json',
  json: 'application/json-patch+json',
  strategic: 'application/strategic-merge-patch+json',
};

interface ListBody<T> {
  readonly items?: readonly T[];
  readonly metadata?: { readonly resourceVersion?: string; readonly continue?: string };
}

export interface ApplyOptions {
  /** Who owns the fields: always the same name for the same purpose. */
  readonly fieldManager: string;
  /** Take fields over from others. Default false. */
  readonly force?: boolean;
}

/** A {@link KubeClient} that also streams. */
export interface KubeHttpClient extends KubeClient {
  readonly connection: KubeConnection;
  /**
   * Asks the server what it would make of a new object, with unknown fields refused, and writes nothing. Returns the
   * object with the defaults of its schema.
   */
  dryRunCreate<T extends KubeObject>(resource: Resource<T>, object: T, signal?: AbortSignal): Promise<T>;
  /**
   * Server-side apply: the fields of `object` become as given and `fieldManager`'s own; those that it applied before
   * and leaves out now are removed where nobody else owns them. Throws `Conflict` where another manager owns a field
   * of another value, unless `force` takes it over.
   */
  apply<T extends KubeObject>(
    resource: Resource<T>,
    object: T,
    options: ApplyOptions,
    signal?: AbortSignal,
  ): Promise<T>;
  /**
   * A watch that begins with everything there is, told as ADDED, and a bookmark that says where that ends
   * (`initialEnd`). Throws `Invalid`, `BadRequest` or `Forbidden` where the server does not serve it, `ServerTimeout`
   * with `details.initialEvents` where it knows nothing of such an end.
   */
  watchList<T extends KubeObject>(
    resource: Resource<T>,
    options: ListOptions,
    signal: AbortSignal,
  ): AsyncIterable<WatchEvent<T>>;
  /**
   * The same client, on the same connections, that asks `mayWrite` for every write at the moment of sending: what it
   * throws is thrown, and nothing was sent.
   */
  withWriteGuard(mayWrite: () => void): KubeHttpClient;
  /** GET of any path as it comes: followed logs, for instance. */
  stream(path: string, signal: AbortSignal): AsyncIterable<Uint8Array>;
}

/** Limits in milliseconds; each has a default that suits programs that run for long. */
export type KubeClientOptions = Partial<Timeouts & WatchLimits>;

export function createKubeClient(connection: KubeConnection, options: KubeClientOptions = {}): KubeHttpClient {
  return clientOver(connection, createTransport(connection, options), { ...defaultWatchLimits, ...options });
}

function clientOver(connection: KubeConnection, transport: Transport, limits: WatchLimits): KubeHttpClient {
  async function json<T>(
    method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE',
    path: string,
    body?: unknown,
    signal?: AbortSignal,
    contentType = 'application/json',
  ): Promise<T> {
    const text = await transport.sendText({
      method,
      path,
      signal,
      ...(body === undefined ? {} : { body: JSON.stringify(body), contentType }),
    });
    return JSON.parse(text) as T;
  }

  function keyOf(object: KubeObject): { namespace: string | undefined; name: string | undefined } {
    return { namespace: object.metadata?.namespace, name: object.metadata?.name };
  }

  /** List answers leave out what every item shares; whoever gets a single item needs it. */
  function complete<T extends KubeObject>(resource: Resource<T>, item: T): T {
    return item.kind === undefined ? { ...item, apiVersion: apiVersionOf(resource), kind: resource.kind } : item;
  }

  async function listPages<T extends KubeObject>(
    resource: Resource<T>,
    options: ListOptions,
    limit: number | undefined,
    signal?: AbortSignal,
  ) {
    const { labelSelector, fieldSelector } = options;
    const path = resourcePath(resource, { namespace: options.namespace });
    const items: T[] = [];
    let resourceVersion: string | undefined;
    let next: string | undefined;
    do {
      const query = queryString({ limit, continue: next, labelSelector, fieldSelector });
      const page = await json<ListBody<T>>('GET', `${path}${query}`, undefined, signal);
      for (const item of page.items ?? []) items.push(complete(resource, item));
      // The first page's version: a watch from there misses nothing, even where later pages are newer.
      resourceVersion ??= page.metadata?.resourceVersion ?? '';
      next = page.metadata?.continue || undefined;
    } while (next !== undefined);
    return { items, resourceVersion };
  }

  async function list<T extends KubeObject>(resource: Resource<T>, options: ListOptions = {}, signal?: AbortSignal) {
    try {
      return await listPages(resource, options, PAGE_SIZE, signal);
    } catch (error) {
      // Changes outran the reading, so the place in the list is lost: read all at once instead.
      if (!isStackError(error, 'Gone')) throw error;
      return await listPages(resource, options, undefined, signal);
    }
  }

  async function find<T extends KubeObject>(resource: Resource<T>, key: ObjectKey, signal?: AbortSignal) {
    try {
      return await json<T>('GET', resourcePath(resource, key), undefined, signal);
    } catch (error) {
      if (isStackError(error, 'NotFound')) return undefined;
      throw error;
    }
  }

  async function put<T extends KubeObject>(
    resource: Resource<T>,
    object: T,
    subresource: string | undefined,
    signal?: AbortSignal,
  ) {
    const path = resourcePath(resource, { ...keyOf(object), ...(subresource === undefined ? {} : { subresource }) });
    return await json<T>('PUT', path, withType(resource, object), signal);
  }

  async function patch<T extends KubeObject>(
    resource: Resource<T>,
    key: ObjectKey,
    change: Patch,
    subresource: string | undefined,
    signal?: AbortSignal,
  ) {
    const path = resourcePath(resource, { ...key, ...(subresource === undefined ? {} : { subresource }) });
    return await json<T>('PATCH', path, change.body, signal, patchTypes[change.type]);
  }

  async function create<T extends KubeObject>(
    resource: Resource<T>,
    object: T,
    query: string,
    signal?: AbortSignal,
  ): Promise<T> {
    const namespace = object.metadata?.namespace;
    if (resource.namespaced && namespace === undefined) {
      throw new StackError('BadRequest', `a new ${resource.kind} needs a namespace`);
    }
    const { subresource } = resource;
    const target = subresource === undefined ? {} : { name: object.metadata?.name, subresource };
    const path = resourcePath(resource, { namespace, ...target });
    return await json<T>('POST', `${path}${query}`, withType(resource, object), signal);
  }

  return {
    connection,
    get: async <T extends KubeObject>(resource: Resource<T>, key: ObjectKey, signal?: AbortSignal) =>
      await json<T>('GET', resourcePath(resource, key), undefined, signal),
    find,
    list,
    dryRunCreate: async (resource, object, signal) =>
      await create(resource, object, '?dryRun=All&fieldValidation=Strict', signal),
    create: async (resource, object, signal) => await create(resource, object, '', signal),
    replace: async (resource, object, signal) => await put(resource, object, undefined, signal),
    replaceStatus: async (resource, object, signal) => await put(resource, object, 'status', signal),
    patch: async (resource, key, change, signal) => await patch(resource, key, change, undefined, signal),
    patchStatus: async (resource, key, change, signal) => await patch(resource, key, change, 'status', signal),
    delete: async (resource, key, options: DeleteOptions = {}, signal) => {
      const body = { apiVersion: 'v1', kind: 'DeleteOptions', ...options };
      await transport.sendText({
        method: 'DELETE',
        path: resourcePath(resource, key),
        body: JSON.stringify(body),
        contentType: 'application/json',
        signal,
      });
    },
    watch: <T extends KubeObject>(
      resource: Resource<T>,
      options: WatchOptions,
      signal: AbortSignal,
    ): AsyncIterable<WatchEvent<T>> => watchOnce(transport, resource, options, signal, limits),
    watchList: <T extends KubeObject>(resource: Resource<T>, options: ListOptions, signal: AbortSignal) =>
      watchFromStart(transport, resource, options, signal, limits),
    withWriteGuard: (mayWrite) => clientOver(connection, guardWrites(transport, mayWrite), limits),
    raw: async (path, signal) => await transport.sendText({ method: 'GET', path, accept: '*/*', signal }),
    apply: async <T extends KubeObject>(
      resource: Resource<T>,
      object: T,
      { fieldManager, force = false }: ApplyOptions,
      signal?: AbortSignal,
    ) => {
      const path = resourcePath(resource, keyOf(object));
      const query = queryString({ fieldManager, force: String(force) });
      const body = withType(resource, object);
      return await json<T>('PATCH', `${path}${query}`, body, signal, 'application/apply-patch+yaml');
    },
    stream: async function* (path, signal) {
      const body = await transport.send({ method: 'GET', path, accept: '*/*', signal });
      try {
        yield* body;
      } catch (error) {
        if (signal.aborted) throw signal.reason;
        throw errorFromTransport(error, transport.server, `GET ${path}`);
      }
    },
    close: async () => await transport.close(),
  };
}

/** Requests must say the type, also where the caller left it to the resource. */
function withType<T extends KubeObject>(resource: Resource<T>, object: T): T {
  return { ...object, apiVersion: apiVersionOf(resource), kind: resource.kind };
}

function guardWrites(transport: Transport, mayWrite: () => void): Transport {
  const guarded = (request: TransportRequest): TransportRequest => {
    if (request.method === 'GET') return request;
    const before = request.guard;
    const guard = (): void => {
      before?.();
      mayWrite();
    };
    return { ...request, guard };
  };
  return {
    ...transport,
    send: async (request) => await transport.send(guarded(request)),
    sendText: async (request) => await transport.sendText(guarded(request)),
  };
}
