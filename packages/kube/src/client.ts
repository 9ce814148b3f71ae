import type { KubeObject, Resource } from './object.ts';

export interface ObjectKey {
  readonly namespace?: string;
  readonly name: string;
}

export interface ListOptions {
  readonly namespace?: string;
  readonly labelSelector?: string;
  readonly fieldSelector?: string;
}

export interface DeleteOptions {
  readonly propagationPolicy?: 'Background' | 'Foreground' | 'Orphan';
  readonly gracePeriodSeconds?: number;
  readonly preconditions?: { readonly uid?: string; readonly resourceVersion?: string };
}

export type Patch =
  | { readonly type: 'merge'; readonly body: object }
  | { readonly type: 'json'; readonly body: readonly object[] }
  | { readonly type: 'strategic'; readonly body: object };

export type WatchEvent<T> =
  | { readonly type: 'ADDED' | 'MODIFIED' | 'DELETED'; readonly object: T }
  /** `initialEnd`: everything that was there has been told (see `watchList`). */
  | { readonly type: 'BOOKMARK'; readonly resourceVersion: string; readonly initialEnd?: true };

/**
 * A typed client of one API server.
 *
 * Failures are `StackError`s: `NotFound`, `AlreadyExists`, `Conflict`, `Invalid`, `Forbidden`, `Unauthorized`,
 * `Gone` (410), `TooManyRequests`, `ServerTimeout`, `ApiUnreachable`, else `ApiError`; the server's `Status` is in
 * `details.status`.
 */
export interface KubeClient {
  get<T extends KubeObject>(resource: Resource<T>, key: ObjectKey, signal?: AbortSignal): Promise<T>;
  /** Like `get`, but undefined where there is none. */
  find<T extends KubeObject>(resource: Resource<T>, key: ObjectKey, signal?: AbortSignal): Promise<T | undefined>;
  /** Reads all pages. */
  list<T extends KubeObject>(
    resource: Resource<T>,
    options?: ListOptions,
    signal?: AbortSignal,
  ): Promise<{ readonly items: readonly T[]; readonly resourceVersion: string }>;
  create<T extends KubeObject>(resource: Resource<T>, object: T, signal?: AbortSignal): Promise<T>;
  /** Needs `metadata.resourceVersion`: `Conflict` where somebody was faster. */
  replace<T extends KubeObject>(resource: Resource<T>, object: T, signal?: AbortSignal): Promise<T>;
  replaceStatus<T extends KubeObject>(resource: Resource<T>, object: T, signal?: AbortSignal): Promise<T>;
  patch<T extends KubeObject>(resource: Resource<T>, key: ObjectKey, patch: Patch, signal?: AbortSignal): Promise<T>;
  patchStatus<T extends KubeObject>(
    resource: Resource<T>,
    key: ObjectKey,
    patch: Patch,
    signal?: AbortSignal,
  ): Promise<T>;
  delete<T extends KubeObject>(
    resource: Resource<T>,
    key: ObjectKey,
    options?: DeleteOptions,
    signal?: AbortSignal,
  ): Promise<void>;
  /**
   * One watch connection, from `resourceVersion`; ends when the server closes it or says nothing for longer than its
   * bookmarks are apart (a connection may be dead and not say so), throws `Gone` on 410.
   */
  watch<T extends KubeObject>(
    resource: Resource<T>,
    options: ListOptions & { readonly resourceVersion: string; readonly timeoutSeconds?: number },
    signal: AbortSignal,
  ): AsyncIterable<WatchEvent<T>>;
  /** GET of any path, as text (`/version`, `/openapi/v3`, pod logs). */
  raw(path: string, signal?: AbortSignal): Promise<string>;
  /** Closes all connections. */
  close(): Promise<void>;
}
