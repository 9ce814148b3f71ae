import { forgetRemoved } from '../apply/forget-removed.ts';
import { arrayAt, type JsonObject, objectAt, stringAt } from '../json.ts';
import type { Decision, ObjectStore } from '../store/object-store.ts';

/** What still holds an object back from its deletion: its finalizers, and for a namespace its content. */
export function holders(object: Readonly<JsonObject>): readonly string[] {
  const own = arrayAt(object, 'metadata', 'finalizers').map(String);
  const isNamespace = object.kind === 'Namespace' && object.apiVersion === 'v1';
  return isNamespace ? [...own, ...arrayAt(object, 'spec', 'finalizers').map(String)] : own;
}

/** Whether an object that is being deleted has nothing left to wait for. */
export function isFinished(object: Readonly<JsonObject>): boolean {
  const metadata = objectAt(object, 'metadata');
  if (metadata?.deletionTimestamp === undefined) return false;
  return holders(object).length === 0 && Number(metadata.deletionGracePeriodSeconds ?? 0) === 0;
}

/**
 * Changes an object without asking its kind: what the server does to finalizers and owner references must work on any
 * stored object. `change` answers undefined where there is nothing to do. `uid` guards against a namesake.
 */
export async function amend(
  store: ObjectStore,
  key: string,
  uid: string | undefined,
  change: (current: Readonly<JsonObject>) => JsonObject | undefined,
): Promise<void> {
  await store.transact(key, (stored): Decision => {
    const current = stored as unknown as Readonly<JsonObject> | undefined;
    if (!current || (uid !== undefined && stringAt(current, 'metadata', 'uid') !== uid)) return { type: 'keep' };
    const changed = change(current);
    if (!changed) return { type: 'keep' };
    const object = forgetRemoved(current, changed);
    return isFinished(object) ? { type: 'delete', object } : { type: 'put', object };
  });
}

/** Takes one finalizer off; the object goes away if that was the last. */
export async function removeFinalizer(store: ObjectStore, key: string, uid: string, finalizer: string): Promise<void> {
  await amend(store, key, uid, (current) => {
    const finalizers = arrayAt(current, 'metadata', 'finalizers');
    if (!finalizers.includes(finalizer)) return undefined;
    const left = finalizers.filter((other) => other !== finalizer);
    const { finalizers: _finalizers, ...metadata } = objectAt(current, 'metadata') ?? {};
    return { ...current, metadata: left.length === 0 ? metadata : { ...metadata, finalizers: left } };
  });
}
