import { HA_RECORD_KEY } from '@polarstack/api';
import { StackError } from '@polarstack/base';
import { type HaRecord, parseRecord, type RecordStore, renderRecord, type StoredRecord } from '@polarstack/ha';
import { ConfigMaps, type KubeClient, type ObjectKey } from '@polarstack/kube';
import type { ConfigMap } from 'kubernetes-types/core/v1.js';

/** The record in its ConfigMap; throws `HaRecordInvalid` or `HaRecordNewer`. */
export function recordIn(object: ConfigMap): HaRecord {
  const text = object.data?.[HA_RECORD_KEY];
  const { namespace, name } = object.metadata ?? {};
  if (text === undefined) throw new StackError('HaRecordInvalid', `${namespace}/${name} has no key ${HA_RECORD_KEY}`);
  return parseRecord(text);
}

export interface ClusterRecordStore extends RecordStore {
  /**
   * The record as a copy of the API has it: or the one that was written here last, where that copy has not heard of it yet. A write
   * on it is refused where it is not the newest.
   */
  known(object: ConfigMap): StoredRecord;
}

/** How many versions that were written over are remembered: a copy is behind by a few at most. */
const OVERWRITTEN = 64;

/** The record of one cluster, by compare-and-swap on the version of its ConfigMap. */
export function createRecordStore(client: Pick<KubeClient, 'find' | 'replace'>, key: ObjectKey): ClusterRecordStore {
  // What the object has beside the record (labels, owner) is written back as it was.
  const objects = new WeakMap<StoredRecord, ConfigMap>();
  const stored = (object: ConfigMap): StoredRecord => {
    const made = { record: recordIn(object), version: object.metadata?.resourceVersion ?? '' };
    objects.set(made, object);
    return made;
  };
  let newest: StoredRecord | undefined;
  const overwritten = new Set<string>();
  return {
    known: (object) => (newest && overwritten.has(object.metadata?.resourceVersion ?? '') ? newest : stored(object)),
    read: async (signal) => {
      const object = await client.find(ConfigMaps, key, signal);
      return object && stored(object);
    },
    write: async (before, next, signal) => {
      const object = objects.get(before);
      if (!object) throw new StackError('Internal', 'a record is written that was not read here');
      const data = { ...object.data, [HA_RECORD_KEY]: renderRecord(next) };
      newest = stored(await client.replace(ConfigMaps, { ...object, data }, signal));
      overwritten.add(before.version);
      for (const version of overwritten) {
        if (overwritten.size <= OVERWRITTEN) break;
        overwritten.delete(version);
      }
      return newest;
    },
  };
}
