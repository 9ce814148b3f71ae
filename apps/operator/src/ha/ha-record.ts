/** The HA record of a cluster as the operator sees and changes it; all that it decides by is in packages/ha. */
import { HA_RECORD_KEY, labels, type MPDCluster, names } from '@polarstack/api';
import { isStackError, StackError } from '@polarstack/base';
import { buildConfigMap, type Membership, primaryOf } from '@polarstack/domain';
import { type HaRecord, newRecord, parseRecord, renderRecord, withSettings } from '@polarstack/ha';
import { ConfigMaps, type KubeClient } from '@polarstack/kube';
import type { ConfigMap } from 'kubernetes-types/core/v1.js';
import { type ClusterKey, clusterKey } from '../kube/cluster-status-writer.ts';
import { haSettings } from './ha-settings.ts';

/** The record in its ConfigMap; throws `HaRecordInvalid` or `HaRecordNewer`, naming the ConfigMap. */
export function recordIn({ metadata, data }: ConfigMap): HaRecord {
  const where = `ConfigMap ${metadata?.namespace}/${metadata?.name}`;
  const text = data?.[HA_RECORD_KEY];
  if (text === undefined) throw new StackError('HaRecordInvalid', `${where} has no key ${HA_RECORD_KEY}`);
  try {
    return parseRecord(text);
  } catch (error) {
    if (isStackError(error)) throw new StackError(error.code, `${where}: ${error.message}`, { cause: error });
    throw error;
  }
}

/** The record of a cluster now; undefined where there is none (yet), or it is another cluster's of the same name. */
export async function readRecord(
  client: Pick<KubeClient, 'find'>,
  { namespace, name, uid }: ClusterKey,
  signal: AbortSignal,
): Promise<HaRecord | undefined> {
  const object = await client.find(ConfigMaps, { namespace, name: names.haRecord(name) }, signal);
  const record = object && recordIn(object);
  return record?.cluster.uid === uid ? record : undefined;
}

const lostRaces = 10;

/**
 * Changes the record by compare-and-swap; `change` may run several times, and answers the same object where there is nothing to
 * write. Throws `HaRecordMissing`, and what `change` throws.
 */
export async function changeRecord(
  client: Pick<KubeClient, 'find' | 'replace'>,
  { namespace, name, uid }: ClusterKey,
  change: (record: HaRecord) => HaRecord,
  signal: AbortSignal,
): Promise<HaRecord> {
  for (let attempt = 1; ; attempt++) {
    const object = await client.find(ConfigMaps, { namespace, name: names.haRecord(name) }, signal);
    const record = object && recordIn(object);
    if (!object || record?.cluster.uid !== uid)
      throw new StackError('HaRecordMissing', `cluster ${namespace}/${name} has no record of who is primary`);
    const next = change(record);
    if (next === record) return record;
    try {
      const data = { ...object.data, [HA_RECORD_KEY]: renderRecord(next) };
      await client.replace(ConfigMaps, { ...object, data }, signal);
      return next;
    } catch (error) {
      if (!isStackError(error, 'Conflict') || attempt >= lostRaces) throw error;
    }
  }
}

/** The ConfigMap that a record lies in. */
export function recordMap(cluster: MPDCluster, record: HaRecord | undefined): ConfigMap {
  const owner = clusterKey(cluster);
  const data = record ? { [HA_RECORD_KEY]: renderRecord(record) } : {};
  return buildConfigMap(owner, names.haRecord(owner.name), data, { [labels.haRecord]: 'true' });
}

export const podsOf = ({ members }: Membership): Readonly<Record<string, string>> =>
  Object.fromEntries(members.map(({ instanceId, pod }) => [instanceId, pod]));

/** The record of a cluster that is being made: its first primary, in its first epoch. */
export function firstRecord(cluster: MPDCluster, membership: Membership, now: Date): HaRecord {
  const primary = primaryOf(membership);
  if (!primary) throw new StackError('Internal', 'the cluster has no primary');
  const pods = podsOf(membership);
  const record = newRecord({ cluster: clusterKey(cluster), primary: primary.instanceId, pods, now });
  return withSettings(record, haSettings(cluster));
}
