/**
 * From a verdict to the intent of a failover: what must hold besides, and what the record then says about why.
 *
 * Invariants (tests cite them):
 * - H-A (I9) Nothing fails over by itself in mode manual, while that is paused, or where nobody could take over from an engine that
 *   its own agent starts anew.
 * - H-B (I16) Nor beyond the limits of `flap.ts`.
 * - H-C A judgement of another primary or epoch than the record's moves nothing.
 */
import {
  CANDIDATES_KEPT,
  type Candidate,
  type Cause,
  GUARDS_KEPT,
  type Reason,
  SIGNALS_KEPT,
  settingsOf,
  shortened,
} from '../record/failover.ts';
import type { HaRecord } from '../record/record.ts';
import { failing, reason } from '../switch/checks.ts';
import { flapGuards, isFlapping } from './flap.ts';
import { isFailure, type Judgement, judge, type Pulses } from './verdict.ts';

/** Who asked for a switch that nobody asked for. */
export const AUTOMATIC = 'high-availability';

/** The guards between a verdict of failure and a failover; the first that does not hold says why nothing is done. */
export function failoverGuards(record: HaRecord, judgement: Judgement, now: Date): readonly Reason[] {
  const { mode, paused } = settingsOf(record);
  const { verdict, instance, epoch, candidates } = judgement;
  const able = candidates.filter(({ guard }) => guard === undefined);
  const whyNot = candidates.map(({ why }) => why).join('; ') || 'the cluster has no replica';
  return [
    reason(
      'H0-same-primary',
      instance === record.primary && epoch === record.epoch && isFailure(verdict),
      `primary ${instance} of epoch ${epoch} is ${verdict}`,
      `${instance} in epoch ${epoch} is ${verdict}; the record has ${record.primary} in ${record.epoch}`,
    ),
    reason('H1-mode', mode === 'auto', 'the mode is auto', 'the mode is manual: nothing fails over by itself'),
    reason(
      'H2-not-paused',
      paused?.failover === undefined,
      'failover is not paused',
      `failover was paused by ${paused?.failover?.by} at ${paused?.failover?.at}`,
    ),
    ...flapGuards(record, now),
    // One that hangs is ended and started anew by a failover in place; one that died is started by its agent.
    reason(
      'H5-somebody-could',
      able.length > 0 || verdict === 'hung',
      able.length > 0 ? `${able.map(({ id }) => id).join(', ')} could take over` : 'it goes on in place',
      `nobody could take over, so its own agent sees to it: ${whyNot}`,
    ),
  ];
}

/** Whether the pulses ask for a failover now, with every reason for and against. */
export interface Suspicion {
  readonly judgement: Judgement;
  /** Empty where the verdict is no failure. */
  readonly guards: readonly Reason[];
  readonly acts: boolean;
}

/**
 * `monotonic`: of the clock that the pulses were received by, in milliseconds. Cheap enough to be asked at every pulse.
 */
export function suspect(
  record: HaRecord,
  pulses: Pulses,
  at: { readonly now: Date; readonly monotonic: number },
): Suspicion {
  const judgement = judge(record, pulses, at.monotonic);
  if (!isFailure(judgement.verdict)) return { judgement, guards: [], acts: false };
  const guards = failoverGuards(record, judgement, at.now);
  return { judgement, guards, acts: failing(guards) === undefined };
}

export function causeOf(judgement: Judgement, guards: readonly Reason[], now: Date): Cause | undefined {
  const { verdict, instance, signals, reasons } = judgement;
  if (!isFailure(verdict)) return undefined;
  return {
    verdict,
    instance,
    seenAt: now.toISOString(),
    signals: signals.slice(0, SIGNALS_KEPT),
    guards: [...reasons, ...guards]
      .slice(0, GUARDS_KEPT)
      .map(({ guard, holds, text }) => ({ guard, holds, text: shortened(text) })),
  };
}

/** Whoever looks best by the pulses; it is the election that decides. */
export function likeliest(record: HaRecord, candidates: readonly Candidate[], now: Date): string | undefined {
  return candidates
    .filter(({ guard }) => guard === undefined)
    .map(({ id }) => id)
    .sort((a, b) => Number(isFlapping(record, a, now)) - Number(isFlapping(record, b, now)) || (a < b ? -1 : 1))[0];
}

export const bounded = (candidates: readonly Candidate[]): readonly Candidate[] => candidates.slice(0, CANDIDATES_KEPT);
