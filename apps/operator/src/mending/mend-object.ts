import { isDeepStrictEqual } from 'node:util';
import { StackError } from '@polarstack/base';
import { controllerOf, isOwnedBy, type KubeClient, type KubeObject, type Resource } from '@polarstack/kube';

export interface MendOptions<T extends KubeObject> {
  readonly client: KubeClient;
  readonly resource: Resource<T>;
  /** The object in a copy of the API's objects, if it is there. */
  readonly known: T | undefined;
  /** As the object is made. Its labels and owner are put back on the one there is; the rest of that one stays. */
  readonly wanted: T;
  /** The cluster that it belongs to. */
  readonly owner: KubeObject;
  /** Makes the object; undefined where it cannot be made now. Default: as wanted. */
  readonly make?: () => Promise<T | undefined>;
  /** Whether one without an owner is this object all the same. Default: yes. */
  readonly isOurs?: (found: T) => boolean;
  /** Whether a user may have made it for the cluster: without an owner it is then left as it is, and outlives it. */
  readonly mayBeUsers?: boolean;
}

export interface Mended<T> {
  readonly object?: T;
  readonly done: 'nothing' | 'made' | 'mended';
}

/**
 * Makes an object of a cluster again where it is gone, and puts its labels and its owner back. Nothing is made because a
 * copy lacks it: the API is asked first. Fails with `NameTaken` where the object of that name is somebody else's.
 */
export async function mendObject<T extends KubeObject>(
  { client, resource, known, wanted, owner, make, isOurs = () => true, mayBeUsers = false }: MendOptions<T>,
  signal: AbortSignal,
): Promise<Mended<T>> {
  const { namespace = 'default', name = '' } = wanted.metadata ?? {};
  const key = { namespace, name };
  const found = known ?? (await client.find(resource, key, signal));
  if (!found) {
    const object = make ? await make() : await client.create(resource, wanted, signal);
    return object ? { object, done: 'made' } : { done: 'nothing' };
  }
  if (found.metadata?.deletionTimestamp !== undefined) return { object: found, done: 'nothing' };
  const mine = isOwnedBy(found, owner);
  if (!mine && mayBeUsers && !controllerOf(found)) return { object: found, done: 'nothing' };
  if (!mine && (controllerOf(found) || !isOurs(found))) {
    throw new StackError('NameTaken', `${resource.kind} ${name} exists and does not belong to the cluster`);
  }
  const body = difference(found, wanted, mine);
  if (!body) return { object: found, done: 'nothing' };
  // On top of what was looked at: it may be another's by now.
  const metadata = { ...body, resourceVersion: found.metadata?.resourceVersion };
  const object = await client.patch(resource, key, { type: 'merge', body: { metadata } }, signal);
  return { object, done: 'mended' };
}

/** Whether an object has its labels and its owner: then there is nothing to mend. */
export const isAsWanted = (found: KubeObject, wanted: KubeObject, owner: KubeObject): boolean =>
  isOwnedBy(found, owner) && difference(found, wanted, true) === undefined;

function difference(found: KubeObject, wanted: KubeObject, mine: boolean) {
  const has = found.metadata?.labels ?? {};
  const labels = wanted.metadata?.labels ?? {};
  const labelled = Object.entries(labels).every(([label, value]) => has[label] === value);
  const references = wanted.metadata?.ownerReferences ?? [];
  const owners = found.metadata?.ownerReferences ?? [];
  const owned = mine && references.every((reference) => owners.some((each) => isDeepStrictEqual(each, reference)));
  if (labelled && owned) return undefined;
  const others = owners.filter(({ uid }) => references.every((reference) => reference.uid !== uid));
  return { ...(!labelled && { labels }), ...(!owned && { ownerReferences: [...others, ...references] }) };
}
