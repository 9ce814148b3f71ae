/**
 * What the agent needs from a database engine, whatever its make.
 *
 * A driver owns: the engine's programs, its data folder, its configuration files, its processes. It does not own any
 * decision: which role, when to start, whether to restart; those are the agent's (and the term file's).
 *
 * Invariants of every driver:
 *  D1. A data folder appears under its final name only when it is complete (`initialise`, `clone`).
 *  D2. `launch` starts nothing while a process of an earlier engine of the same data folder lives.
 *  D3. The engine outlives the process that launched it; `find` finds it again.
 *  D4. A configuration reaches the disk only after the engine's own programs accepted it (`checkParameters`).
 *  D5. Settings that the stack owns win over whatever a user, a template or an `ALTER SYSTEM` says.
 */

export type EngineRole = 'primary' | 'replica';

/** Where a replica streams from. */
export interface Upstream {
  readonly instanceId: string;
  /** An IP address, or a name that equals `serverName`. */
  readonly host: string;
  readonly port: number;
  /** The name in the upstream's certificate. */
  readonly serverName: string;
  readonly slot: string;
}

/** All that decides the content of the configuration files. */
export interface Configuration {
  readonly parameters: Readonly<Record<string, string>>;
  readonly role: EngineRole;
  readonly upstream?: Upstream;
}

export interface ParameterProblem {
  readonly name: string;
  /** What the engine says about it, in a sentence. */
  readonly reason: string;
}

export interface InitialiseOptions {
  readonly encoding: string;
  readonly locale: string;
  readonly dataChecksums: boolean;
}

export interface Progress {
  readonly doneBytes: number;
  readonly totalBytes: number;
}

export type StopMode = 'smart' | 'fast' | 'immediate';

export interface EngineExit {
  /** Exit code where the engine was our own child. */
  readonly code?: number;
  /** The signal that ended it, where known. */
  readonly signal?: string;
}

/** A running engine: our own child, or one that an earlier agent started. */
export interface EngineProcess {
  readonly pid: number;
  /** Start time in clock ticks after boot: with the pid, the identity of the process. */
  readonly startTicks: number;
  /** Resolves as soon as the main process is dead; children may still live. Never rejects. */
  readonly exited: Promise<EngineExit>;
  stop(mode: StopMode): void;
  reload(): void;
  /** Stops watching; the engine itself is left alone. */
  release(): void;
}

/** What the engine says about itself, from one query. */
export interface Observation {
  readonly role: EngineRole;
  readonly version: string;
  readonly startedAt: string;
  /** When the observing session read the configuration files last; only a change of it means something. */
  readonly configLoadedAt: string;
  readonly systemId: string;
  readonly timeline: number;
  readonly lsn?: string;
  readonly receivedLsn?: string;
  readonly streaming: boolean;
  /** Replica: received WAL is not replayed, by request or because a setting is lower than the primary's. */
  readonly replayPaused: boolean;
  /** Replica: the upstream's newest position known here. */
  readonly upstreamLsn?: string;
  readonly peers: readonly PeerObservation[];
  /** Connections of clients, the observing one among them. */
  readonly connections: number;
  /** Primary: where the oldest WAL begins that it still has. */
  readonly oldestWal?: string;
  readonly pendingRestart: readonly string[];
}

export interface PeerObservation {
  readonly instanceId: string;
  readonly state: string;
  readonly sentLsn: string;
  readonly flushLsn: string;
  readonly replayLsn: string;
}

export interface RoleSpec {
  readonly name: string;
  /** `SCRAM-SHA-256$...`, never clear text. */
  readonly verifier?: string;
  readonly superuser?: boolean;
  readonly replication?: boolean;
  readonly createdb?: boolean;
  readonly createrole?: boolean;
}

export interface DatabaseSpec {
  readonly name: string;
  readonly owner: string;
}

/** SQL work on the running engine. Every call has its own time limit and throws `EngineNotRunning`, `EngineTimeout` or `EngineQueryFailed`. */
export interface EngineSql {
  /** `select 1` and the role, nothing else: for probes. */
  probe(signal: AbortSignal): Promise<EngineRole>;
  /** Opens a connection as a client would, and closes it: the kept one of the probes works on while the postmaster hangs. */
  knock(signal: AbortSignal): Promise<void>;
  observe(signal: AbortSignal): Promise<Observation>;
  setRoles(roles: readonly RoleSpec[], signal: AbortSignal): Promise<void>;
  setDatabases(databases: readonly DatabaseSpec[], signal: AbortSignal): Promise<void>;
  /** Exactly these slots with our prefix exist afterwards; others are left alone. */
  setSlots(slots: readonly string[], signal: AbortSignal): Promise<void>;
  /** Opens each database and reads from it. */
  checkDatabases(names: readonly string[], signal: AbortSignal): Promise<void>;
  /** What replicas need of a new primary, in one session: the stack's own replication user and canary, and `slots`. */
  prepare(slots: readonly string[], signal: AbortSignal): Promise<void>;
  writeCanary(token: string, signal: AbortSignal): Promise<{ readonly lsn: string }>;
  readCanary(signal: AbortSignal): Promise<string | null>;
  /** Ends recovery and waits until the engine accepts writes. */
  promote(timeoutMs: number, signal: AbortSignal): Promise<void>;
  checkpoint(signal: AbortSignal): Promise<void>;
  /** Drops the connection kept for probes. */
  close(): void;
}

/** What a probe sees of a running engine, from one cheap query. */
export interface Glance {
  readonly role: EngineRole;
  readonly startedAt: string;
  readonly systemId: string;
  readonly timeline: number;
  /** Primary: flushed position. Replica: replayed position. */
  readonly lsn?: string;
  /** Replica: received and flushed position. */
  readonly receivedLsn?: string;
  readonly streaming: boolean;
  /** Replica: milliseconds since its walreceiver heard of the upstream; absent where it has none. */
  readonly upstreamHeardMs?: number;
}

/**
 * Looks at a running engine, again and again. Each kind has a session of its own that is kept, so that none waits behind another, and
 * a limit of one second, after which its session is given up. Throw like {@link EngineSql}'s calls.
 */
export interface EngineProbes {
  /** A `select` on the kept session. */
  glance(signal: AbortSignal): Promise<Glance>;
  /** Writes and commits a row of its own with local durability; makes its table where that is gone. */
  writeRow(signal: AbortSignal): Promise<void>;
  /** Drops the sessions; the next look opens new ones. */
  close(): void;
}

/** What a data folder says about itself without being started. */
export interface ControlData {
  readonly systemId: string;
  /** The one that a start would go on with. */
  readonly timeline: number;
  /** `shut down`, `in production`, `shut down in recovery`, ... */
  readonly state: string;
  readonly checksums: boolean;
  readonly checkpointLsn: string;
  /** Where recovery would begin. */
  readonly redoLsn: string;
  /** Sizes of the files and pages of its WAL. */
  readonly segmentBytes: number;
  readonly pageBytes: number;
}

export interface EngineDriver {
  readonly version: string;
  readonly major: number;
  readonly dataDir: string;
  readonly sql: EngineSql;
  readonly probes: EngineProbes;
  /** `unusable` names why: another major, not ours. */
  dataFolder(): Promise<'absent' | 'present'>;
  controlData(signal: AbortSignal): Promise<ControlData>;
  /**
   * Where the WAL of a stopped engine ends, behind its last whole record; undefined where that cannot be told. Throws where a file
   * cannot be read, or at the abort.
   */
  walEnd(control: ControlData, signal: AbortSignal): Promise<string | undefined>;
  checkParameters(
    parameters: Readonly<Record<string, string>>,
    signal: AbortSignal,
  ): Promise<readonly ParameterProblem[]>;
  /** A new, empty database cluster, configured and ready to launch. */
  initialise(options: InitialiseOptions, configuration: Configuration, signal: AbortSignal): Promise<void>;
  /** A copy of the configuration's upstream, configured as its replica. */
  clone(configuration: Configuration, onProgress: (progress: Progress) => void, signal: AbortSignal): Promise<void>;
  /** Brings a stopped, diverged data folder back onto its upstream's line. */
  rewind(configuration: Configuration, onProgress: (progress: Progress) => void, signal: AbortSignal): Promise<void>;
  /** Writes the configuration files (not the role's signal file of a running engine). */
  configure(configuration: Configuration, signal: AbortSignal): Promise<void>;
  /** True where the folder starts as a replica until promoted. */
  isStandby(): Promise<boolean>;
  setStandby(standby: boolean): Promise<void>;
  /** The stack's slots that the stopped folder has: neither a rewind nor a copy keeps them. */
  slotsOnDisk(): Promise<readonly string[]>;
  launch(signal: AbortSignal): Promise<EngineProcess>;
  /** The engine's own word on whether it accepts connections, from its lock file. */
  isAccepting(pid: number): Promise<boolean>;
  /** Starts with the output kept, to learn why the engine does not start; ends the engine again. Last lines said. */
  diagnose(signal: AbortSignal): Promise<readonly string[]>;
  /** The running engine of this data folder, if there is one. */
  find(signal: AbortSignal): Promise<EngineProcess | undefined>;
  /** Kills every process of this data folder, main process first, until two scans find none (evidence F1). */
  endAll(signal: AbortSignal): Promise<void>;
}
