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

/** The record of one cluster, by compare-and-swap on the version of its ConfigMap. */
export function createRecordStore(client: Pick<KubeClient, 'find' | 'replace'>, key: ObjectKey): RecordStore {
  // What the object has beside the record (labels, owner) is written back as it was.
  const objects = new WeakMap<StoredRecord, ConfigMap>();
  const stored = (object: ConfigMap): StoredRecord => {
    const made = { record: recordIn(object), version: object.metadata?.resourceVersion ?? '' };
    objects.set(made, object);
    return made;
  };
  return {
    read: async (signal) => {
      const object = await client.find(ConfigMaps, key, signal);
      return object && stored(object);
    },
    write: async (before, next, signal) => {
      const object = objects.get(before);
      if (!object) throw new StackError('Internal', 'a record is written that was not read here');
      const data = { ...object.data, [HA_RECORD_KEY]: renderRecord(next) };
      return stored(await client.replace(ConfigMaps, { ...object, data }, signal));
    },
  };
}
