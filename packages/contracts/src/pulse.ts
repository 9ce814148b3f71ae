/**
 * What an agent says by itself: one line of JSON at once when something has changed, and at least every {@link PULSE_MS} while
 * nothing does. Silence for longer than a few of these is a signal of its own (the agent, its node or the way to it is gone).
 *
 * `GET /v1/pulses` answers with lines for as long as the caller listens. A caller that reads too slowly gets the newest pulse,
 * not every one: a pulse says what is, never what has happened.
 */
import type { EngineReport, EngineRole, Term } from './agent.ts';

/** At least this often a pulse is sent, in milliseconds. */
export const PULSE_MS = 500;

/** Who hears nothing for this long takes the stream for broken, in milliseconds. */
export const SILENCE_MS = 3_000;

/** How long a primary's engine that ended unasked is kept down for its owner's word, where somebody listens, in milliseconds. */
export const OWNER_WORD_MS = 1_000;

/**
 * With what {@link Probe.reason} begins, before a colon and the words of the engine or the system. `starting`, `recovery`,
 * `shutting down`: the engine says so. `too many clients`: it answers, but has no slot left, not even a reserved one. `lock`: the
 * canary's own row or table is locked. `read-only`: the engine takes no writes. `no answer`: the look had no end in time. `failed`:
 * all else.
 */
export type ProbeTrouble =
  | 'starting'
  | 'recovery'
  | 'shutting down'
  | 'too many clients'
  | 'lock'
  | 'read-only'
  | 'no answer'
  | 'failed';

/** One kind of look that an agent takes at its engine again and again. */
export interface Probe {
  readonly ok: boolean;
  /** How long the last finished look took, in milliseconds. */
  readonly ms: number;
  /** Since when, in milliseconds before this pulse, every look has failed or the present one has not ended; 0 where `ok`. */
  readonly failingMs: number;
  /** What the last failed look said: a {@link ProbeTrouble}, a colon, and its words. Absent where `ok`. */
  readonly reason?: string;
}

/** How an engine ended that nobody had asked to. */
export interface EngineDeath {
  /** Grows with each death that this agent saw. */
  readonly count: number;
  readonly how: string;
  readonly at: string;
}

export interface AgentPulse {
  readonly instanceId: string;
  /** Of the agent's process: with it `sequence` starts anew. */
  readonly agentStartedAt: string;
  /** Grows with each pulse. */
  readonly sequence: number;
  readonly bootId: string;
  readonly term?: Term;
  readonly fence?: number;
  readonly engine: {
    readonly state: EngineReport['state'];
    /** In which role it runs; absent where it does not answer. */
    readonly role?: EngineRole;
    readonly startedAt?: string;
    readonly systemId?: string;
    readonly timeline?: number;
    /** Primary: flushed WAL position. Replica: replayed position. */
    readonly lsn?: string;
    /** Replica: received and flushed position. */
    readonly receivedLsn?: string;
    readonly streaming?: boolean;
    /** Replica: how long ago its walreceiver heard of the upstream, in milliseconds; absent where it has none. */
    readonly upstreamHeardMs?: number;
    /** Set from the moment it ended unasked until it accepts connections again; what this agent did not see itself is not told. */
    readonly died?: EngineDeath;
    readonly reason?: string;
    /** Whether somebody stopped it on purpose: it stays so until it is asked to start. */
    readonly stoppedByRequest?: boolean;
  };
  readonly probes: {
    /** E2: `select 1` by a session that is kept, and by a new one, through the reserved slots. */
    readonly select?: Probe;
    /** E3: a row is written and committed (primary only). */
    readonly canary?: Probe;
    /** E4: a block is written and read on the volume of the data, past the caches, by a process that may hang. */
    readonly disk?: Probe;
  };
  /** A long task that runs (a copy, a rewind). */
  readonly task?: { readonly id: string; readonly kind: string };
  readonly at: string;
}

/** Beside the agent's calls, which are answered once. */
export interface PulseSource {
  /**
   * `GET /v1/pulses`, on a connection of its own: calls `onPulse` with each pulse, the first one at once. Resolves when the signal
   * aborts; throws `AgentUnreachable` where the stream breaks, ends or is silent for {@link SILENCE_MS}, and what the agent
   * answers where it refuses (`AgentForbidden`, ...). Where `onPulse` throws, it ends with that.
   */
  watch(onPulse: (pulse: AgentPulse) => void, signal: AbortSignal): Promise<void>;
}
