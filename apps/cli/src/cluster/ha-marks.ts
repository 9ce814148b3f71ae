/** The annotations by which failover of a cluster is paused, and goes on. */
import { annotations, type MPDCluster } from '@polarstack/api';
import { flapState, type HaRecord } from '@polarstack/ha';

/** What to change, and when the record shows it. */
export interface HaMarks {
  /** Undefined where nothing has to be changed. */
  readonly change: Readonly<Record<string, string | null>> | undefined;
  readonly isHeeded: (record: HaRecord) => boolean;
}

type Marked = Pick<MPDCluster, 'metadata'>;

/** Who paused first keeps the pause. */
export const pauseMarks = ({ metadata }: Marked, now: Date, who: string): HaMarks => ({
  change:
    metadata.annotations?.[annotations.failoverPaused] === undefined
      ? { [annotations.failoverPaused]: `${now.toISOString()} ${who}` }
      : undefined,
  isHeeded: ({ settings }) => settings?.paused?.failover !== undefined,
});

/**
 * Ends a pause, and a suspension only where there is one: its end forgets the failovers before it, which the limits are there to
 * count (I16).
 */
export function resumeMarks({ metadata }: Marked, record: HaRecord, now: Date, who: string): HaMarks {
  const isPaused = metadata.annotations?.[annotations.failoverPaused] !== undefined;
  const isSuspended = flapState(record, now).suspendedUntil !== undefined;
  const at = now.toISOString();
  return {
    change:
      isPaused || isSuspended
        ? {
            ...(isPaused && { [annotations.failoverPaused]: null }),
            ...(isSuspended && { [annotations.failoverResumed]: `${at} ${who}` }),
          }
        : undefined,
    isHeeded: ({ settings }) =>
      settings?.paused?.failover === undefined &&
      (!isSuspended || Date.parse(settings?.resumed?.failover?.at ?? '') >= now.getTime()),
  };
}
