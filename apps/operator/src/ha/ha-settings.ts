import { annotations, type MPDCluster } from '@polarstack/api';
import type { HaSettings } from '@polarstack/ha';

interface ByWhom {
  readonly by: string;
  readonly at: string;
}

/**
 * What a cluster's spec and its annotations say about failover. An annotation is `<time> <who>`. A pause without a time is one all
 * the same; an end of a suspension without a time ends none, for nobody could say which failovers were before it.
 */
export function haSettings({ spec, metadata }: MPDCluster): HaSettings {
  const { mode, maxLossBytes, minFailoverGapSeconds, maxFailovers } = spec.ha ?? {};
  const paused = metadata.annotations?.[annotations.failoverPaused];
  const resumed = byWhom(metadata.annotations?.[annotations.failoverResumed] ?? '');
  return {
    ...(mode === 'manual' && { mode }),
    ...(maxLossBytes !== undefined && { maxLossBytes }),
    ...(minFailoverGapSeconds !== undefined && { minFailoverGapMs: minFailoverGapSeconds * 1_000 }),
    ...(maxFailovers !== undefined && { maxFailovers }),
    ...(paused !== undefined && { paused: { failover: byWhom(paused) ?? untimed(paused, metadata) } }),
    ...(resumed && { resumed: { failover: resumed } }),
  };
}

const MAX_NAME = 200;

function byWhom(value: string): ByWhom | undefined {
  const [time = '', ...who] = value.trim().split(/\s+/);
  const at = Date.parse(time);
  if (!/^\d{4}-\d\d-\d\dT/.test(time) || Number.isNaN(at)) return undefined;
  return { at: new Date(at).toISOString(), by: who.join(' ').slice(0, MAX_NAME) || 'somebody' };
}

const untimed = (value: string, { creationTimestamp }: MPDCluster['metadata']): ByWhom => ({
  at: new Date(Date.parse(creationTimestamp ?? '') || 0).toISOString(),
  by: value.trim().slice(0, MAX_NAME) || 'somebody',
});
