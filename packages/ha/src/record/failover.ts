/** What the record keeps about failovers: who may make one, which ones there were, and why the present one is made. */

/** What a guard found. */
export interface Reason {
  /** Stable: logs, tests and explanations cite it. */
  readonly guard: string;
  readonly holds: boolean;
  readonly text: string;
}

/** One observation: `what` is a signal's id (E1: the engine's end, E2: select, E3: canary, E4: disk). */
export interface Signal {
  readonly what: string;
  readonly text: string;
  /** When the agent saw it, by its own clock. */
  readonly at: string;
}

/** What makes a failover: the engine ended, it does not answer though its disk does, or its disk does not while others do. */
export const failureVerdicts = ['dead', 'hung', 'disk'] as const;
export type FailureVerdict = (typeof failureVerdicts)[number];

/** Why a failover was begun. Written with the intent, before anything is done about it. */
export interface Cause {
  readonly verdict: FailureVerdict;
  /** Whom it is about. */
  readonly instance: string;
  /** When it was decided by, on the clock of whoever decided. */
  readonly seenAt: string;
  /** At most {@link SIGNALS_KEPT}. */
  readonly signals: readonly Signal[];
  /** The guards that it was decided by; at most {@link GUARDS_KEPT}. */
  readonly guards: readonly Reason[];
}

/** How a member stood in an election. */
export interface Candidate {
  readonly id: string;
  /** How far it has received or replayed. */
  readonly position?: string;
  /** How many bytes of the old primary's WAL it lacks; absent where that is not known. */
  readonly missingBytes?: number;
  /** The guard that it did not pass, and what that found; absent where it could take over. */
  readonly guard?: string;
  readonly why?: string;
}

/** A failover that was carried out. */
export interface FailoverEntry {
  /** When it was begun. */
  readonly at: string;
  readonly from: string;
  /** `from` itself where it went on in place. */
  readonly to: string;
}

interface ByWhom {
  readonly by: string;
  readonly at: string;
}

/** What people have set; written by the operator. */
export interface HaSettings {
  /** `manual`: nothing fails over by itself. Default: auto. */
  readonly mode?: 'auto' | 'manual';
  /** How much WAL may be lost where nobody has all of it, in bytes; default 1 MiB, 0: none. */
  readonly maxLossBytes?: number;
  /** Set while somebody has paused a concern. */
  readonly paused?: { readonly failover?: ByWhom };
  /** Somebody has ended a suspension: failovers before that count no more. */
  readonly resumed?: { readonly failover?: ByWhom };
  /** Between the beginnings of two failovers, in milliseconds; default 30 s. */
  readonly minFailoverGapMs?: number;
  /** How many there may be in ten minutes; default 3. */
  readonly maxFailovers?: number;
}

export const SIGNALS_KEPT = 8;
export const GUARDS_KEPT = 40;
export const CANDIDATES_KEPT = 32;
export const FAILOVERS_KEPT = 20;
/** No sentence in the record is longer, in characters. */
export const SENTENCE_KEPT = 500;

export type EffectiveSettings = Required<Omit<HaSettings, 'paused' | 'resumed'>> &
  Pick<HaSettings, 'paused' | 'resumed'>;

/** The settings with their defaults. */
export const settingsOf = ({ settings = {} }: { readonly settings?: HaSettings }): EffectiveSettings => ({
  mode: 'auto',
  maxLossBytes: 1024 * 1024,
  minFailoverGapMs: 30_000,
  maxFailovers: 3,
  ...settings,
});

export const shortened = (text: string): string =>
  text.length <= SENTENCE_KEPT ? text : `${text.slice(0, SENTENCE_KEPT - 1)}…`;
