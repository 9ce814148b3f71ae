import { randomUUID } from 'node:crypto';
import { StackError } from '@polarstack/base';
import type { KubeClient, KubeObject, ListOptions, ObjectKey, Patch, Resource, WatchEvent } from '@polarstack/kube';

type Stored = { metadata: Record<string, unknown> & { name: string } } & Record<string, unknown>;
type Change = {
  readonly path: string;
  readonly version: number;
  readonly type: 'ADDED' | 'MODIFIED' | 'DELETED';
  readonly object: Stored;
};

/** An API server in memory, as far as the node runtime can tell: versions, conflicts, finalizers, graceful deletion. */
export interface FakeApi {
  readonly client: KubeClient;
  /** Accepted writes so far, as `VERB plural name`. */
  readonly writes: string[];
}

const pathOf = (resource: Resource<KubeObject>): string => `${resource.group}/${resource.plural}`;
const clone = <T>(value: T): T => JSON.parse(JSON.stringify(value)) as T;

function merge(target: unknown, patch: unknown): unknown {
  if (typeof patch !== 'object' || patch === null || Array.isArray(patch)) return patch;
  const base = typeof target === 'object' && target !== null && !Array.isArray(target) ? target : {};
  const result: Record<string, unknown> = { ...base };
  for (const [key, value] of Object.entries(patch)) {
    if (value === null) delete result[key];
    else result[key] = merge(result[key], value);
  }
  return result;
}

export function createFakeApi(): FakeApi {
  const objects = new Map<string, Stored>();
  const history: Change[] = [];
  const writes: string[] = [];
  const listeners = new Set<() => void>();
  let version = 0;

  const keyOf = (resource: Resource<KubeObject>, { namespace, name }: ObjectKey): string =>
    `${pathOf(resource)}/${resource.namespaced ? (namespace ?? '') : ''}/${name}`;

  function emit(resource: Resource<KubeObject>, type: Change['type'], object: Stored): void {
    history.push({ path: pathOf(resource), version, type, object: clone(object) });
    for (const listener of [...listeners]) listener();
  }
  function store(resource: Resource<KubeObject>, key: string, object: Stored, verb: string): Stored {
    version += 1;
    object.metadata.resourceVersion = String(version);
    const before = objects.get(key);
    writes.push(`${verb} ${resource.plural} ${object.metadata.name}`);
    const finalizers = object.metadata.finalizers as string[] | undefined;
    if (object.metadata.deletionTimestamp && object.metadata.deletionGracePeriodSeconds === 0 && !finalizers?.length) {
      objects.delete(key);
      emit(resource, 'DELETED', object);
    } else {
      objects.set(key, object);
      emit(resource, before ? 'MODIFIED' : 'ADDED', object);
    }
    return clone(object);
  }
  function read(resource: Resource<KubeObject>, key: ObjectKey): Stored {
    const found = objects.get(keyOf(resource, key));
    if (!found) throw new StackError('NotFound', `${resource.plural} ${key.name} not found`);
    return clone(found);
  }
  function write(
    resource: Resource<KubeObject>,
    key: ObjectKey,
    verb: string,
    change: (old: Stored) => Stored,
  ): Stored {
    const old = read(resource, key);
    return store(resource, keyOf(resource, key), change(old), verb);
  }
  function checked(old: Stored, next: Stored): void {
    const wanted = next.metadata.resourceVersion;
    if (wanted && wanted !== old.metadata.resourceVersion) throw new StackError('Conflict', 'somebody was faster');
    if (next.metadata.uid && next.metadata.uid !== old.metadata.uid) throw new StackError('Conflict', 'another uid');
  }
  const matches = (resource: Resource<KubeObject>, options: ListOptions, object: Stored, key: string): boolean =>
    key.startsWith(`${pathOf(resource)}/`) && (!options.namespace || object.metadata.namespace === options.namespace);

  const applyPatch = (old: Stored, patch: Patch): Stored => {
    if (patch.type === 'json') throw new Error('the fake knows no JSON patch');
    return merge(old, patch.body) as Stored;
  };
  const specPart = (old: Stored, next: Stored): Stored => {
    checked(old, next);
    return { ...clone(next), status: old.status, metadata: { ...old.metadata, ...clone(next.metadata) } };
  };
  const statusPart = (old: Stored, next: Stored): Stored => {
    checked(old, next);
    return { ...old, status: clone(next.status) };
  };

  const api = {
    get: async (resource: Resource<KubeObject>, key: ObjectKey) => read(resource, key),
    find: async (resource: Resource<KubeObject>, key: ObjectKey) => {
      const found = objects.get(keyOf(resource, key));
      return found ? clone(found) : undefined;
    },
    list: async (resource: Resource<KubeObject>, options: ListOptions = {}) => ({
      items: [...objects].filter(([key, object]) => matches(resource, options, object, key)).map(([, o]) => clone(o)),
      resourceVersion: String(version),
    }),
    create: async (resource: Resource<KubeObject>, object: KubeObject) => {
      const next = clone(object) as unknown as Stored;
      if (resource.subresource === 'binding') {
        const key = { name: next.metadata.name, namespace: String(next.metadata.namespace) };
        const target = next.target as { name: string };
        const pods = { ...resource, subresource: '' };
        return write(pods, key, 'BIND', (old) => {
          const spec = old.spec as Record<string, unknown>;
          if (spec.nodeName) throw new StackError('Conflict', 'bound already');
          const status = old.status as { conditions?: object[] } | undefined;
          const scheduled = { type: 'PodScheduled', status: 'True' };
          return { ...old, spec: { ...spec, nodeName: target.name }, status: { ...status, conditions: [scheduled] } };
        });
      }
      const key = keyOf(resource, next.metadata as unknown as ObjectKey);
      if (objects.has(key)) throw new StackError('AlreadyExists', `${key} exists`);
      next.metadata.uid = randomUUID();
      next.metadata.creationTimestamp = new Date().toISOString();
      next.kind = resource.kind;
      next.apiVersion = resource.group ? `${resource.group}/${resource.version}` : resource.version;
      if (['pods', 'persistentvolumeclaims'].includes(resource.plural)) next.status ??= { phase: 'Pending' };
      return store(resource, key, next, 'CREATE');
    },
    replace: async (resource: Resource<KubeObject>, object: KubeObject) => {
      const next = object as unknown as Stored;
      return write(resource, next.metadata as unknown as ObjectKey, 'REPLACE', (old) => specPart(old, next));
    },
    replaceStatus: async (resource: Resource<KubeObject>, object: KubeObject) => {
      const next = object as unknown as Stored;
      return write(resource, next.metadata as unknown as ObjectKey, 'STATUS', (old) => statusPart(old, next));
    },
    patch: async (resource: Resource<KubeObject>, key: ObjectKey, patch: Patch) =>
      write(resource, key, 'PATCH', (old) => specPart(old, applyPatch(old, patch))),
    patchStatus: async (resource: Resource<KubeObject>, key: ObjectKey, patch: Patch) =>
      write(resource, key, 'STATUS', (old) => statusPart(old, applyPatch(old, patch))),
    delete: async (
      resource: Resource<KubeObject>,
      key: ObjectKey,
      options: { gracePeriodSeconds?: number; preconditions?: { uid?: string } } = {},
    ) => {
      const uid = options.preconditions?.uid;
      write(resource, key, 'DELETE', (old) => {
        if (uid && uid !== old.metadata.uid) throw new StackError('Conflict', 'another uid');
        const spec = old.spec as { nodeName?: string; terminationGracePeriodSeconds?: number } | undefined;
        const own = resource.plural === 'pods' && spec?.nodeName ? (spec.terminationGracePeriodSeconds ?? 30) : 0;
        old.metadata.deletionTimestamp ??= new Date().toISOString();
        old.metadata.deletionGracePeriodSeconds = options.gracePeriodSeconds ?? own;
        return old;
      });
    },
    watch: async function* (
      resource: Resource<KubeObject>,
      options: ListOptions & { resourceVersion: string },
      signal: AbortSignal,
    ): AsyncGenerator<WatchEvent<KubeObject>> {
      let at = history.findIndex((change) => change.version > Number(options.resourceVersion));
      if (at < 0) at = history.length;
      while (!signal.aborted) {
        const change = history[at];
        if (!change) {
          await new Promise<void>((resolve) => {
            const done = (): void => {
              listeners.delete(done);
              signal.removeEventListener('abort', done);
              resolve();
            };
            listeners.add(done);
            signal.addEventListener('abort', done, { once: true });
          });
          continue;
        }
        at += 1;
        if (change.path !== pathOf(resource)) continue;
        if (options.namespace && change.object.metadata.namespace !== options.namespace) continue;
        yield { type: change.type, object: clone(change.object) as unknown as KubeObject };
      }
    },
    raw: async () => '',
    close: async () => {},
  };
  return { client: api as unknown as KubeClient, writes };
}
