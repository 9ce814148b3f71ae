/**
 * Anti-flap: how often a cluster may fail over by itself. Decided from the record alone, so that it outlives whoever decides.
 *
 * Invariants (tests cite them):
 * - B1 (I16) Two failovers begin at least the gap apart, and no ten minutes have more than the number that is set; the first is free.
 * - B2 A suspension ends by itself when its window has passed, or when somebody resumes; never by a restart.
 * - B3 A clock that was set back suspends nothing for longer than the window.
 */
import { type FailoverEntry, type Reason, settingsOf } from '../record/failover.ts';
import type { HaRecord } from '../record/record.ts';

/** The window in which failovers are counted, in milliseconds. */
export const FLAP_WINDOW_MS = 600_000;
/** Who lost the primary this often within the window ranks last. */
const LOSSES_TO_RANK_LAST = 2;

/** In either direction of time: an entry far in the future was written before the clock was set back. */
const isWithin = ({ at }: FailoverEntry, ms: number, now: Date): boolean =>
  Math.abs(now.getTime() - Date.parse(at)) < ms;

const counted = (record: Pick<HaRecord, 'failovers' | 'settings'>): readonly FailoverEntry[] => {
  const resumedAt = Date.parse(record.settings?.resumed?.failover?.at ?? '');
  const entries = record.failovers ?? [];
  return Number.isNaN(resumedAt) ? entries : entries.filter(({ at }) => Date.parse(at) > resumedAt);
};

/** How the limits stand. */
export interface FlapState {
  /** Failovers of the last ten minutes that count. */
  readonly within: number;
  readonly atMost: number;
  /** Begin of the last one, while the gap after it is not over. */
  readonly gapSince?: string;
  /** ISO time; only while failover is suspended, which it is then until somebody resumes it or this time has come. */
  readonly suspendedUntil?: string;
}

export function flapState(record: Pick<HaRecord, 'failovers' | 'settings'>, now: Date): FlapState {
  const { minFailoverGapMs: gap, maxFailovers: atMost } = settingsOf(record);
  const entries = counted(record);
  const last = entries.findLast((entry) => isWithin(entry, gap, now));
  const recent = entries.filter((entry) => isWithin(entry, FLAP_WINDOW_MS, now));
  const full = recent.length >= atMost;
  const since = recent.at(-atMost)?.at ?? recent[0]?.at;
  return {
    within: recent.length,
    atMost,
    ...(last && { gapSince: last.at }),
    ...(full && since && { suspendedUntil: new Date(Date.parse(since) + FLAP_WINDOW_MS).toISOString() }),
  };
}

/** Whether another failover would keep to the limits now. */
export function flapGuards(record: HaRecord, now: Date): readonly Reason[] {
  const { minFailoverGapMs: gap } = settingsOf(record);
  const { within, atMost, gapSince, suspendedUntil: until } = flapState(record, now);
  const full = within >= atMost;
  return [
    {
      guard: 'H3-gap',
      holds: gapSince === undefined,
      text: gapSince
        ? `the last failover began at ${gapSince}, and the next may begin ${gap} ms after it`
        : `no failover began within the last ${gap} ms`,
    },
    {
      guard: 'H4-rate',
      holds: !full,
      text: full
        ? `${within} failovers within ten minutes: failover is suspended${until && ` until ${until}`}, or until somebody resumes it`
        : `${within} of at most ${atMost} failovers within ten minutes`,
    },
  ];
}

/** Whether a member has lost the primary so often of late that anybody else is preferred. */
export const isFlapping = (record: HaRecord, id: string, now: Date): boolean =>
  (record.failovers ?? []).filter((entry) => entry.from === id && isWithin(entry, FLAP_WINDOW_MS, now)).length >=
  LOSSES_TO_RANK_LAST;

/** The list with one more at its end, bounded. */
export const withFailover = (
  entries: readonly FailoverEntry[] | undefined,
  entry: FailoverEntry,
  kept: number,
): readonly FailoverEntry[] => [...(entries ?? []), entry].slice(-kept);
