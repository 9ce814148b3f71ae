import { type MPDCluster, names } from '@polarstack/api';
import { toStackError } from '@polarstack/base';
import { type ClusterSeen, settledMembership } from '@polarstack/domain';
import { type HaRecord, type Remembered, rebuildRecord, withSettings } from '@polarstack/ha';
import { ConfigMaps } from '@polarstack/kube';
import { changeRecord, podsOf, recordMap } from '../ha/ha-record.ts';
import { haSettings } from '../ha/ha-settings.ts';
import { clusterKey } from '../kube/cluster-status-writer.ts';
import type { Services } from '../steps/services.ts';
import { beside, type Content } from './content.ts';
import type { Attempt } from './fault.ts';
import { mendObject } from './mend-object.ts';

/**
 * Makes the HA record again where it is gone, from what the agents of all instances remember, in an epoch above all of theirs; puts
 * its labels and its owner back. Its content is the cluster manager's, but for what people set about failover.
 */
export async function mendRecord(
  cluster: MPDCluster,
  seen: ClusterSeen,
  held: HaRecord | undefined,
  { client, events, clock }: Pick<Services, 'client' | 'events' | 'clock'>,
  content: Pick<Content, 'configMaps'>,
  attempt: Attempt,
  signal: AbortSignal,
): Promise<void> {
  const membership = settledMembership(cluster);
  if (!membership) return;
  const rebuilt = (): HaRecord => {
    const remembered = new Map<string, Remembered>();
    for (const [id, { report, unanswered }] of seen.instances) {
      // Only what was heard at this look: an answer from before may be older than the last switch.
      if (report && unanswered === 0)
        remembered.set(id, {
          ...(report.term && { term: report.term }),
          ...(report.fence !== undefined && { fence: report.fence }),
        });
    }
    const identity = { cluster: clusterKey(cluster), pods: podsOf(membership), now: clock.now() };
    return withSettings(rebuildRecord(identity, remembered), settings);
  };
  const settings = haSettings(cluster);
  await attempt(async () => {
    if (!held || withSettings(held, settings) === held) return;
    await changeRecord(client, clusterKey(cluster), (record) => withSettings(record, settings), signal);
  });
  await attempt(async () => {
    const make = async () => {
      const record = rebuilt();
      const made = await client.create(ConfigMaps, recordMap(cluster, record), signal);
      const message = `The record of who is primary was gone: made again from what all instances remember; ${record.primary} goes on in epoch ${record.epoch}`;
      events.record(cluster, { type: 'Warning', reason: 'HaRecordRebuilt', message });
      return made;
    };
    const known = content.configMaps.get(beside(cluster, names.haRecord(cluster.metadata.name ?? '')));
    const wanted = recordMap(cluster, undefined);
    await mendObject({ client, resource: ConfigMaps, known, wanted, owner: cluster, make }, signal);
  });
}

/** What the record says, or why it cannot be read: then nobody's role is touched. */
export function recordOf(
  cluster: MPDCluster,
  { records }: Pick<Services, 'records'>,
): { readonly record?: HaRecord; readonly unreadable?: ReturnType<typeof toStackError> } {
  try {
    const record = records.of(clusterKey(cluster));
    return record ? { record } : {};
  } catch (error) {
    return { unreadable: toStackError(error) };
  }
}
