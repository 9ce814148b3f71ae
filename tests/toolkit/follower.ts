import type { Informer } from '@polarstack/kube';
import type { ConfigMap } from 'kubernetes-types/core/v1.js';

/** A handler that keeps a copy of its own from nothing but what it is told, and notes whatever must not happen. */
export interface Follower {
  /** key -> resourceVersion. */
  versions(): ReadonlyMap<string, string | undefined>;
  /** Names, in order. */
  readonly deleted: readonly string[];
  /** Changes that do not follow from those before: a second ADDED, an older version, a deletion of nothing. */
  readonly faults: readonly string[];
}

export function follow(informer: Informer<ConfigMap>): Follower {
  const objects = new Map<string, ConfigMap>();
  const deleted: string[] = [];
  const faults: string[] = [];
  informer.onChange((change) => {
    const { metadata } = change.object;
    const key = `${metadata?.namespace}/${metadata?.name}`;
    const known = objects.get(key);
    const say = (what: string): void => void faults.push(`${change.type} ${key}: ${what}`);
    if ((known === undefined) !== (change.type === 'ADDED')) say(known ? 'it was there' : 'it was not there');
    if (known && known.metadata?.uid !== metadata?.uid) say('another object');
    const [before, now] = [known?.metadata?.resourceVersion ?? '0', metadata?.resourceVersion ?? '0'];
    if (BigInt(now) < BigInt(before)) say(`${now} after ${before}`);
    if (change.type === 'DELETED') {
      objects.delete(key);
      deleted.push(metadata?.name ?? '');
    } else objects.set(key, change.object);
  });
  return {
    versions: () => new Map([...objects].map(([key, { metadata }]) => [key, metadata?.resourceVersion])),
    deleted,
    faults,
  };
}
