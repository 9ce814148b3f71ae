import { arrayAt, isObject, stringAt } from '../json.ts';
import type { StoredObject } from '../store/object-store.ts';

export interface OwnerReference {
  readonly apiVersion: string;
  readonly kind: string;
  readonly uid: string;
  readonly blocks: boolean;
}

export function ownersOf(object: StoredObject | undefined): readonly OwnerReference[] {
  return arrayAt(object, 'metadata', 'ownerReferences')
    .filter(isObject)
    .map((reference) => ({
      apiVersion: stringAt(reference, 'apiVersion') ?? '',
      kind: stringAt(reference, 'kind') ?? '',
      uid: stringAt(reference, 'uid') ?? '',
      blocks: reference.blockOwnerDeletion === true,
    }));
}

export const uidOf = (object: StoredObject): string => stringAt(object, 'metadata', 'uid') ?? '';

/** Who exists, and who depends on whom. */
export interface OwnerIndex {
  put(key: string, object: StoredObject, previous: StoredObject | undefined): void;
  remove(key: string, object: StoredObject): void;
  /** Where the object with this uid is kept; undefined when there is none. */
  keyOf(uid: string): string | undefined;
  dependentsOf(uid: string): readonly string[];
}

export function createOwnerIndex(): OwnerIndex {
  const keys = new Map<string, string>();
  const dependents = new Map<string, Set<string>>();

  const unlink = (key: string, object: StoredObject | undefined): void => {
    for (const { uid } of ownersOf(object)) {
      const known = dependents.get(uid);
      known?.delete(key);
      if (known?.size === 0) dependents.delete(uid);
    }
  };

  return {
    put: (key, object, previous) => {
      unlink(key, previous);
      keys.set(uidOf(object), key);
      for (const { uid } of ownersOf(object)) {
        const known = dependents.get(uid) ?? new Set();
        known.add(key);
        dependents.set(uid, known);
      }
    },
    remove: (key, object) => {
      unlink(key, object);
      keys.delete(uidOf(object));
    },
    keyOf: (uid) => keys.get(uid),
    dependentsOf: (uid) => [...(dependents.get(uid) ?? [])],
  };
}
