import { annotations, type MPDCluster } from '@polarstack/api';
import { newRecord, parseRecord, renderRecord, withSettings } from '@polarstack/ha';
import { expect, test } from 'vitest';
import { haSettings } from './ha-settings.ts';

const cluster = (ha?: MPDCluster['spec']['ha'], marks: Readonly<Record<string, string>> = {}): MPDCluster =>
  ({
    metadata: { name: 'demo', creationTimestamp: '2026-01-01T00:00:00Z', annotations: marks },
    spec: { ...(ha && { ha }) },
  }) as unknown as MPDCluster;

const record = newRecord({
  cluster: { namespace: 'default', name: 'demo', uid: 'u' },
  primary: 'a',
  pods: { a: 'pa' },
  now: new Date(0),
});

test('nothing said is no setting, and no change of the record', () => {
  expect(haSettings(cluster())).toEqual({});
  expect(haSettings(cluster({ mode: 'auto', profile: 'default' }))).toEqual({});
  expect(withSettings(record, haSettings(cluster()))).toBe(record);
});

test('spec and annotations, as the record has them; the same again is no change, and taken back they are gone', () => {
  const settings = haSettings(
    cluster(
      { mode: 'manual', profile: 'default', maxLossBytes: 0, minFailoverGapSeconds: 5, maxFailovers: 9 },
      {
        [annotations.failoverPaused]: '2026-02-03T04:05:06Z Ada Lovelace',
        [annotations.failoverResumed]: '2026-02-03T05:05:06.5Z kurt',
      },
    ),
  );
  expect(settings).toEqual({
    mode: 'manual',
    maxLossBytes: 0,
    minFailoverGapMs: 5_000,
    maxFailovers: 9,
    paused: { failover: { at: '2026-02-03T04:05:06.000Z', by: 'Ada Lovelace' } },
    resumed: { failover: { at: '2026-02-03T05:05:06.500Z', by: 'kurt' } },
  });
  const set = withSettings(record, settings);
  expect(parseRecord(renderRecord(set))).toEqual(set);
  expect(withSettings(set, settings)).toBe(set);
  expect(withSettings(set, {})).toEqual(record);
});

test('a pause is one however it is written; the end of a suspension needs its time', () => {
  const settings = haSettings(
    cluster(undefined, { [annotations.failoverPaused]: 'true', [annotations.failoverResumed]: 'yes please' }),
  );
  expect(settings).toEqual({ paused: { failover: { at: '2026-01-01T00:00:00.000Z', by: 'true' } } });
});
