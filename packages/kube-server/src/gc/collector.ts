/**
 * Cleans up behind deletions: dependents of what is gone, the content of namespaces, the resources of definitions.
 *
 * - G1 An object goes when all of its owners are gone; an owner of a kind that is not served here counts as there.
 * - G2 The index follows durable events alone, and a client can name an owner's uid only after the owner is durable, so
 *   a missing owner is a deleted one.
 * - G3 A namespace or definition goes only when a list of its content was empty after a write that came behind every
 *   create which did not see it ending. (see {@link createEmptier})
 * - G4 Everything here is decided again at the start from what is stored; nothing is remembered elsewhere.
 * - G5 A deletion that a policy refuses is tried again when the object, its namespace or a policy changes, not before.
 */
import { type JsonObject, objectAt, stringAt } from '../json.ts';
import { CRD_CLEANUP_FINALIZER } from '../kinds/crd-strategy.ts';
import { deleteObject, FOREGROUND_FINALIZER, ORPHAN_FINALIZER } from '../operations/delete.ts';
import type { Environment } from '../operations/environment.ts';
import { amend, removeFinalizer } from '../operations/finish.ts';
import { storePrefix } from '../registry/definition.ts';
import type { StoredObject, StoreEvent } from '../store/object-store.ts';
import { createEmptier } from './emptier.ts';
import { createOwnerIndex, ownersOf, uidOf } from './owner-index.ts';
import { createRefusals, isDone, refusalOf } from './refusals.ts';
import { controllerUser } from './users.ts';
import { createWorkSet } from './work-set.ts';

const namespaces = storePrefix('', 'namespaces');
const definitions = storePrefix('apiextensions.k8s.io', 'customresourcedefinitions');
export const collectorUser = controllerUser('generic-garbage-collector');

const isEnding = (object: StoredObject | undefined): boolean => object?.metadata.deletionTimestamp !== undefined;
const finalizersOf = (object: StoredObject): readonly unknown[] =>
  Array.isArray(object.metadata.finalizers) ? (object.metadata.finalizers as readonly unknown[]) : [];

/** Starts collecting; ends with the signal. */
export function startCollector(env: Environment, signal: AbortSignal): void {
  const { store, registry, logger } = env;
  const index = createOwnerIndex();
  const emptier = createEmptier(env);

  const refused = createRefusals();

  const note = (key: string, refusals: readonly string[]): void => {
    if (!refused.note(key, refusals)) return;
    logger.info({ object: key, refusals }, 'deletions are refused; they are tried again after the next change');
  };

  /** Answers why the deletion was refused, if it was. */
  const remove = async (key: string, propagationPolicy: 'Background' | 'Foreground'): Promise<readonly string[]> => {
    const object = store.get(key);
    const definition = registry.findStored(key);
    if (!object || !definition) return [];
    if (isEnding(object) && propagationPolicy === 'Background') return [];
    const namespace = stringAt(object.metadata, 'namespace');
    const name = String(object.metadata.name);
    const options = { uid: uidOf(object), propagationPolicy };
    const context = { now: env.clock.now(), user: collectorUser, dryRun: false };
    try {
      await deleteObject(env, { definition, namespace, name, options, context });
    } catch (error) {
      const refusal = refusalOf(error);
      if (refusal !== undefined) return [refusal];
      if (!isDone(error)) throw error;
    }
    return [];
  };

  const isPresent = (
    { uid, apiVersion, kind }: ReturnType<typeof ownersOf>[number],
    dependent: StoredObject,
  ): boolean => {
    const key = index.keyOf(uid);
    if (key === undefined) return registry.findKind(apiVersion, kind) === undefined; // G1
    const namespace = stringAt(store.get(key), 'metadata', 'namespace');
    return namespace === undefined || namespace === dependent.metadata.namespace;
  };

  const dropReferences = (key: string, object: StoredObject, gone: (uid: string) => boolean): Promise<void> =>
    amend(store, key, uidOf(object), (current) => {
      const metadata = objectAt(current, 'metadata') ?? {};
      const references = Array.isArray(metadata.ownerReferences) ? (metadata.ownerReferences as JsonObject[]) : [];
      const left = references.filter((reference) => !gone(stringAt(reference, 'uid') ?? ''));
      if (left.length === references.length) return undefined;
      const { ownerReferences: _ownerReferences, ...rest } = metadata;
      return { ...current, metadata: left.length === 0 ? rest : { ...rest, ownerReferences: left } };
    });

  /** A dependent of something that may be gone. */
  const collectDependent = async (key: string, object: StoredObject): Promise<readonly string[]> => {
    const owners = ownersOf(object);
    const missing = owners.filter((owner) => !isPresent(owner, object));
    if (missing.length === 0) return [];
    if (missing.length === owners.length) return await remove(key, 'Background');
    await dropReferences(key, object, (uid) => missing.some((owner) => owner.uid === uid));
    return [];
  };

  const orphan = async (key: string, owner: StoredObject): Promise<void> => {
    const uid = uidOf(owner);
    await Promise.all(
      index.dependentsOf(uid).map(async (dependent) => {
        const object = store.get(dependent);
        if (object) await dropReferences(dependent, object, (other) => other === uid);
      }),
    );
    await removeFinalizer(store, key, uid, ORPHAN_FINALIZER);
  };

  const deleteForeground = async (key: string, owner: StoredObject): Promise<readonly string[]> => {
    const uid = uidOf(owner);
    const dependents = index.dependentsOf(uid);
    const blocking = dependents.filter((d) => ownersOf(store.get(d)).some((o) => o.uid === uid && o.blocks));
    if (blocking.length === 0) await removeFinalizer(store, key, uid, FOREGROUND_FINALIZER);
    const refusals = await Promise.all(
      dependents.map(async (dependent): Promise<readonly string[]> => {
        const object = store.get(dependent);
        if (!object) return [];
        const others = ownersOf(object).some((o) => o.uid !== uid && isPresent(o, object));
        if (others) await dropReferences(dependent, object, (other) => other === uid);
        if (others || isEnding(object)) return [];
        // As in Kubernetes: only what has dependents of its own has anything to wait for.
        const policy = index.dependentsOf(uidOf(object)).length > 0 ? 'Foreground' : 'Background';
        const refusals = await remove(dependent, policy);
        if (refusals.length > 0) note(key, refusals); // before the others are done: a change may come meanwhile
        return refusals;
      }),
    );
    return refusals.flat();
  };

  const work = async (key: string): Promise<void> => {
    const object = store.get(key);
    const refusals: string[] = [];
    if (object && isEnding(object)) {
      const finalizers = finalizersOf(object);
      if (finalizers.includes(ORPHAN_FINALIZER)) await orphan(key, object);
      else if (finalizers.includes(FOREGROUND_FINALIZER)) refusals.push(...(await deleteForeground(key, object)));
      if (key.startsWith(namespaces)) refusals.push(...(await emptier.emptyNamespace(object)));
      if (finalizers.includes(CRD_CLEANUP_FINALIZER)) refusals.push(...(await emptier.emptyDefinition(object)));
    }
    if (object) refusals.push(...(await collectDependent(key, object)));
    note(key, refusals);
  };

  const queue = createWorkSet(work, logger, signal);

  /** Whatever may wait for an object: its namespace, its definition, its owners. */
  const holdersOf = (key: string, object: StoredObject): readonly (string | undefined)[] => {
    const [group = '', plural = ''] = key.split('/', 2);
    return [
      `${namespaces}${stringAt(object.metadata, 'namespace') ?? ''}`,
      `${definitions}${plural}.${group}`,
      ...ownersOf(object).map(({ uid }) => index.keyOf(uid)),
    ];
  };

  /** What waits for its content looks again when some of it is gone. */
  const wakeHolders = (key: string, object: StoredObject): void => {
    for (const holder of holdersOf(key, object)) {
      if (holder !== undefined && isEnding(store.get(holder))) queue.add(holder);
    }
  };

  const onEvent = ({ type, key, object, previous }: StoreEvent): void => {
    for (const waiting of refused.wokenBy(key, () => holdersOf(key, object))) queue.add(waiting); // G5
    if (type === 'DELETED') {
      index.remove(key, previous ?? object);
      // The write that let it go may have taken its owners away as well.
      if (previous) wakeHolders(key, previous);
      for (const dependent of index.dependentsOf(uidOf(object))) queue.add(dependent);
      wakeHolders(key, object);
      return;
    }
    index.put(key, object, previous);
    if (isEnding(object) || ownersOf(object).length > 0) queue.add(key);
    if (previous && ownersOf(previous).length > 0) wakeHolders(key, previous);
  };

  const stop = store.subscribe('', store.revision, onEvent);
  signal.addEventListener('abort', stop, { once: true });
  const existing = store.list('');
  for (const { key, object } of existing) index.put(key, object, undefined);
  for (const { key, object } of existing) if (isEnding(object) || ownersOf(object).length > 0) queue.add(key); // G4
}
