/** What people set about a cluster's high availability, as the operator writes it into the record. */
import type { HaSettings } from './failover.ts';
import { type HaRecord, without } from './record.ts';

/** The record with these settings; the very same where it has them. At any time: a switch that stands goes by its own cause. */
export function withSettings(record: HaRecord, settings: HaSettings): HaRecord {
  if (flat(record.settings ?? {}) === flat(settings)) return record;
  return flat(settings) === flat({}) ? without(record, 'settings') : { ...record, settings };
}

const flat = ({ mode, maxLossBytes, paused, resumed, minFailoverGapMs, maxFailovers }: HaSettings): string =>
  JSON.stringify([
    mode,
    maxLossBytes,
    paused?.failover && [paused.failover.by, paused.failover.at],
    resumed?.failover && [resumed.failover.by, resumed.failover.at],
    minFailoverGapMs,
    maxFailovers,
  ]);
