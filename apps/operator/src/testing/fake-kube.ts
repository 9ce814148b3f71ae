/**
 * An API server in memory, for tests of the operator alone: versions, conflicts, generation, status apart from spec,
 * finalizers, collection by owner, label selectors, merge patches and watches behave as the real one's. Schemas,
 * defaults and admission do not exist here.
 */
import { randomUUID } from 'node:crypto';
import { isDeepStrictEqual } from 'node:util';
import { StackError } from '@polarstack/base';
import {
  apiVersionOf,
  type KubeClient,
  type KubeObject,
  type ObjectKey,
  type Resource,
  type WatchEvent,
} from '@polarstack/kube';

type Stored = KubeObject & { readonly metadata: NonNullable<KubeObject['metadata']>; readonly [key: string]: unknown };
type ServiceSpec = { readonly clusterIP?: string };
type Change = {
  readonly type: 'ADDED' | 'MODIFIED' | 'DELETED';
  readonly plural: string;
  readonly object: Stored;
  readonly previous?: Stored;
};

export interface FakeKube extends KubeClient {
  /** Called before each write takes effect; what it throws is thrown to the caller, and nothing changes. */
  beforeWrite: ((verb: string, plural: string, name: string) => void) | undefined;
  /** Called after each write took effect; what it throws is thrown to the caller all the same. */
  afterWrite: ((verb: string, plural: string, name: string) => void) | undefined;
  /** Writes that took effect, oldest first: `verb plural/name`. */
  readonly writes: readonly string[];
  all<T extends KubeObject>(resource: Resource<T>): readonly T[];
  onChange(listener: (change: Change) => void): () => void;
  /** Deletes a namespace: nothing can be made in it any more, and what is in it of these kinds is deleted. */
  endNamespace(namespace: string, kinds: readonly Resource<KubeObject>[]): void;
}

export function createFakeKube(): FakeKube {
  const objects = new Map<string, Stored>();
  const listeners = new Set<(change: Change, revision: number) => void>();
  const history: { readonly revision: number; readonly change: Change }[] = [];
  const writes: string[] = [];
  const ending = new Set<string>();
  let revision = 0;
  let nextIP = 1;

  const idOf = (plural: string, { namespace = '', name }: ObjectKey): string => `${plural}/${namespace}/${name}`;
  const keyIn = (r: Resource<KubeObject>, key: ObjectKey): string =>
    idOf(r.plural, r.namespaced ? { namespace: key.namespace ?? 'default', name: key.name } : { name: key.name });
  const missing = (r: Resource<KubeObject>, name: string): StackError =>
    new StackError('NotFound', `${r.plural} "${name}" not found`);

  const emit = (change: Change): void => {
    history.push({ revision, change });
    for (const listener of [...listeners]) listener(change, revision);
  };
  const put = (r: Resource<KubeObject>, id: string, object: Stored): Stored => {
    const previous = objects.get(id);
    const type = previous ? 'MODIFIED' : 'ADDED';
    const stored = { ...object, metadata: { ...object.metadata, resourceVersion: String(++revision) } };
    objects.set(id, stored);
    emit({ type, plural: r.plural, object: stored, ...(previous && { previous }) });
    return stored;
  };
  const drop = (plural: string, id: string): void => {
    const object = objects.get(id);
    if (!object) return;
    objects.delete(id);
    revision++;
    emit({ type: 'DELETED', plural, object });
    const { uid } = object.metadata;
    for (const [other, dependent] of [...objects]) {
      const owners = dependent.metadata.ownerReferences ?? [];
      if (owners.length > 0 && owners.every((owner) => owner.uid === uid)) remove(other);
    }
  };
  const remove = (id: string, gracePeriodSeconds?: number): void => {
    const object = objects.get(id);
    if (!object) return;
    const plural = id.slice(0, id.indexOf('/'));
    const graceful = plural === 'pods' && gracePeriodSeconds !== 0;
    if (!object.metadata.finalizers?.length && !graceful) {
      drop(plural, id);
      return;
    }
    if (object.metadata.deletionTimestamp) return;
    const metadata = { ...object.metadata, deletionTimestamp: new Date().toISOString() };
    const generation = (metadata.generation ?? 0) + 1;
    put({ plural } as Resource<KubeObject>, id, { ...object, metadata: { ...metadata, generation } });
  };

  const fake: FakeKube = {
    beforeWrite: undefined,
    afterWrite: undefined,
    writes,
    all: <T extends KubeObject>(r: Resource<T>) =>
      [...objects].flatMap(([id, object]) =>
        id.startsWith(`${r.plural}/`) ? [structuredClone(object) as unknown as T] : [],
      ),
    onChange: (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    endNamespace: (namespace, kinds) => {
      ending.add(namespace);
      for (const { plural } of kinds) {
        for (const id of [...objects.keys()]) if (id.startsWith(`${plural}/${namespace}/`)) remove(id);
      }
    },
    get: async (r, key) => {
      const found = objects.get(keyIn(r, key));
      if (!found) throw missing(r, key.name);
      return structuredClone(found) as never;
    },
    find: async (r, key) => structuredClone(objects.get(keyIn(r, key))) as never,
    list: async (r, options = {}) => ({
      items: fake.all(r).filter((object) => matches(object, options)),
      resourceVersion: String(revision),
    }),
    create: async (r, object) => {
      const { name = '', namespace = 'default' } = object.metadata ?? {};
      return write('create', r, name, () => {
        const id = keyIn(r, { namespace, name });
        // Before anything else, as the real one does: also for a name that is taken.
        if (r.namespaced && ending.has(namespace)) {
          const status = { details: { causes: [{ reason: 'NamespaceTerminating' }] } };
          throw new StackError('Forbidden', `namespace ${namespace} is being terminated`, { details: { status } });
        }
        if (objects.has(id)) throw new StackError('AlreadyExists', `${r.plural} "${name}" already exists`);
        const { status: _, ...rest } = structuredClone(object) as unknown as Stored;
        const metadata = {
          ...rest.metadata,
          uid: randomUUID(),
          generation: 1,
          creationTimestamp: new Date().toISOString(),
        };
        if (r.namespaced) metadata.namespace = namespace;
        const address = r.plural === 'services' ? { spec: withAddress(rest.spec as ServiceSpec) } : {};
        return put(r, id, { ...rest, ...address, apiVersion: apiVersionOf(r), kind: r.kind, metadata });
      });
    },
    replace: async (r, object) =>
      update('replace', r, object, (current) => ({ ...object, status: current.status }) as never),
    replaceStatus: async (r, object) =>
      update('replaceStatus', r, object, (current) => ({ ...current, status: (object as unknown as Stored).status })),
    patch: async (r, key, patch) => patchWith('patch', r, key, patch.body as object, false),
    patchStatus: async (r, key, patch) => patchWith('patchStatus', r, key, patch.body as object, true),
    delete: async (r, key, options = {}) => {
      write('delete', r, key.name, () => {
        const current = objects.get(keyIn(r, key));
        if (!current) throw missing(r, key.name);
        const { uid } = options.preconditions ?? {};
        if (uid && uid !== current.metadata.uid) throw new StackError('Conflict', 'another object has that name now');
        remove(keyIn(r, key), options.gracePeriodSeconds);
        return current;
      });
    },
    watch: (r, options, signal) => watchFrom(r, options, signal) as never,
    raw: async () => '',
    close: async () => {},
  };

  function withAddress(spec: ServiceSpec): ServiceSpec {
    const { clusterIP } = spec;
    if (clusterIP === undefined) return { ...spec, clusterIP: `10.96.0.${nextIP++}` };
    const used = [...objects].some(([id, { spec: other }]) => {
      return id.startsWith('services/') && (other as ServiceSpec).clusterIP === clusterIP;
    });
    if (used) throw new StackError('Invalid', `spec.clusterIPs: ${clusterIP}: provided IP is already allocated`);
    return spec;
  }

  function write<T>(verb: string, r: Resource<KubeObject>, name: string, effect: () => Stored): T {
    fake.beforeWrite?.(verb, r.plural, name);
    const result = effect();
    writes.push(`${verb} ${r.plural}/${name}`);
    fake.afterWrite?.(verb, r.plural, name);
    return structuredClone(result) as unknown as T;
  }

  function update<T extends KubeObject>(
    verb: string,
    r: Resource<T>,
    object: T,
    change: (current: Stored) => Stored,
  ): T {
    const { name = '', namespace, resourceVersion } = object.metadata ?? {};
    return write(verb, r, name, () => {
      const id = keyIn(r, namespace === undefined ? { name } : { namespace, name });
      const current = objects.get(id);
      if (!current) throw missing(r, name);
      if (resourceVersion && resourceVersion !== current.metadata.resourceVersion) {
        throw new StackError('Conflict', `${r.plural} "${name}": the object has been modified`);
      }
      return settle(r, id, current, structuredClone(change(current)));
    });
  }

  /** What every update does: unchanged writes nothing, a new spec is a new generation, a last finalizer ends it. */
  function settle(r: Resource<KubeObject>, id: string, current: Stored, next: Stored): Stored {
    const { resourceVersion: _, ...metadata } = { ...next.metadata, uid: current.metadata.uid } as Stored['metadata'];
    const changed = !isDeepStrictEqual(next.spec, current.spec);
    const generation = (current.metadata.generation ?? 1) + (changed ? 1 : 0);
    const object = {
      ...next,
      metadata: { ...metadata, generation, resourceVersion: current.metadata.resourceVersion },
    } as Stored;
    if (isDeepStrictEqual(JSON.parse(JSON.stringify(object)), JSON.parse(JSON.stringify(current)))) return current;
    const stored = put(r, id, object);
    if (stored.metadata.deletionTimestamp && !stored.metadata.finalizers?.length && r.plural !== 'pods')
      drop(r.plural, id);
    return stored;
  }

  function patchWith<T extends KubeObject>(
    verb: string,
    r: Resource<T>,
    key: ObjectKey,
    body: object,
    status: boolean,
  ): T {
    return write(verb, r, key.name, () => {
      const id = keyIn(r, key);
      const current = objects.get(id);
      if (!current) throw missing(r, key.name);
      const wanted = (body as { metadata?: { resourceVersion?: string } }).metadata?.resourceVersion;
      if (wanted && wanted !== current.metadata.resourceVersion)
        throw new StackError('Conflict', 'the object has been modified');
      const merged = merge(current, body) as Stored;
      const next = status ? { ...current, status: merged.status } : { ...merged, status: current.status };
      return settle(r, id, current, next);
    });
  }

  async function* watchFrom(
    r: Resource<KubeObject>,
    options: { readonly resourceVersion: string; readonly namespace?: string; readonly labelSelector?: string },
    signal: AbortSignal,
  ): AsyncGenerator<WatchEvent<KubeObject>> {
    const waiting: Change[] = [];
    let wake = (): void => {};
    const listener = (change: Change): void => {
      if (change.plural !== r.plural) return;
      waiting.push(change);
      wake();
    };
    for (const { revision: at, change } of history) if (at > Number(options.resourceVersion)) listener(change);
    listeners.add(listener);
    const onAbort = (): void => wake();
    signal.addEventListener('abort', onAbort);
    try {
      while (!signal.aborted) {
        const next = waiting.shift();
        if (next && matches(next.object, options)) yield { type: next.type, object: structuredClone(next.object) };
        // Out of the selection: as if it were gone, with the labels it had.
        else if (next?.previous && matches(next.previous, options))
          yield { type: 'DELETED', object: structuredClone(next.previous) };
        else if (!next) await new Promise<void>((resolve) => (wake = resolve));
      }
    } finally {
      listeners.delete(listener);
      signal.removeEventListener('abort', onAbort);
    }
  }

  return fake;
}

function matches(
  { metadata }: KubeObject,
  { namespace, labelSelector }: { namespace?: string; labelSelector?: string },
): boolean {
  if (namespace !== undefined && metadata?.namespace !== namespace) return false;
  return (labelSelector ?? '').split(',').every((term) => {
    if (term === '') return true;
    const [key = '', value] = term.split('=');
    const has = metadata?.labels?.[key];
    return value === undefined ? has !== undefined : has === value;
  });
}

/** RFC 7386. */
function merge(target: unknown, patch: unknown): unknown {
  if (typeof patch !== 'object' || patch === null || Array.isArray(patch)) return patch;
  const result: Record<string, unknown> = typeof target === 'object' && target !== null ? { ...target } : {};
  for (const [key, value] of Object.entries(patch)) {
    if (value === null) delete result[key];
    else result[key] = merge(result[key], value);
  }
  return result;
}
