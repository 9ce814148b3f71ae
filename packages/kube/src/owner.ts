import { StackError } from '@polarstack/base';
import type { KubeObject, OwnerReference } from './object.ts';

/**
 * A reference that makes `owner` the controller of an object: it is collected when the owner is gone. The owner must
 * have been read from the server (it needs a uid).
 */
export function ownerReference(owner: KubeObject, options: { readonly controller?: boolean } = {}): OwnerReference {
  const { apiVersion, kind, metadata } = owner;
  if (apiVersion === undefined || kind === undefined || metadata?.name === undefined || metadata.uid === undefined) {
    throw new StackError('Internal', 'an owner needs apiVersion, kind, name and uid');
  }
  const controller = options.controller ?? true;
  return { apiVersion, kind, name: metadata.name, uid: metadata.uid, controller, blockOwnerDeletion: controller };
}

/** The owner that controls the object, where there is one. */
export function controllerOf(object: KubeObject): OwnerReference | undefined {
  return object.metadata?.ownerReferences?.find((reference) => reference.controller === true);
}

export function isOwnedBy(object: KubeObject, owner: KubeObject): boolean {
  const uid = owner.metadata?.uid;
  return uid !== undefined && object.metadata?.ownerReferences?.some((reference) => reference.uid === uid) === true;
}
