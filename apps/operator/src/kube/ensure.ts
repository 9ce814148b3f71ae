import { isStackError, StackError } from '@polarstack/base';
import { isOwnedBy, type KubeClient, type KubeObject, type Resource } from '@polarstack/kube';

export interface EnsureOptions<T extends KubeObject> {
  /** The cluster that the object belongs to. */
  readonly owner: KubeObject;
  /** Takes an object that belongs to nobody, e.g. a Secret that the user made beforehand. Default: no. */
  readonly adopt?: (existing: T) => boolean;
}

/**
 * Makes an object that should exist, or answers the one there is: repeating it changes nothing. Fails with `NameTaken`
 * where an object of that name belongs to somebody else, also while it is still on its way out.
 */
export async function ensure<T extends KubeObject>(
  client: KubeClient,
  resource: Resource<T>,
  object: T,
  { owner, adopt }: EnsureOptions<T>,
  signal: AbortSignal,
): Promise<T> {
  const { name = '', namespace } = object.metadata ?? {};
  const key = namespace === undefined ? { name } : { namespace, name };
  try {
    return await client.create(resource, object, signal);
  } catch (error) {
    if (!isStackError(error, 'AlreadyExists')) throw error;
  }
  const existing = await client.get(resource, key, signal);
  if (existing.metadata?.deletionTimestamp !== undefined) {
    throw new StackError('NameTaken', `${resource.kind} ${name} is still being deleted`);
  }
  if (isOwnedBy(existing, owner) || adopt?.(existing)) return existing;
  throw new StackError('NameTaken', `${resource.kind} ${name} exists and does not belong to the cluster`);
}
