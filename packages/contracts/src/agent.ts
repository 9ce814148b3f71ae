/**
 * The agent's API, version 1: HTTPS with client certificates of the cluster's CA. `GET /livez` and `GET /readyz` need
 * none (probes); everything else asks for the client role (the certificate's CN): `operator` may call all of it.
 *
 * Every call is idempotent: repeating it after a crash of either side gives the same state. Errors are
 * `{code, message, remedy, retry, details}` with a code of the error table: 401 `AgentUnauthenticated`, 403 `AgentForbidden`,
 * 404 `UnknownTask`, 409 `StaleEpoch`, `WrongRole`, `TaskRunning`, `TermMissing`, `EngineRunning`, `DataFolderUnfinished`,
 * 422 `InvalidParameter`, `InvalidRequest`, 503 `EngineNotRunning`, 500 else. Positions are LSNs in PostgreSQL's `X/Y` form,
 * sizes bytes.
 *
 * `/readyz` says whether a service may send clients: a primary that answers in its term's role; a replica from the moment it
 * streamed and had caught up, and from then on while it answers (losing the primary must not take the replicas too).
 */

export type EngineRole = 'primary' | 'replica';

/**
 * Where a replica streams from. `serverName` is the certificate name to expect; `host` an IP address, or the same name as
 * `serverName`.
 */
export interface Upstream {
  readonly instanceId: string;
  readonly host: string;
  readonly port: number;
  readonly serverName: string;
  /** The physical slot on the upstream. */
  readonly slot: string;
}

/**
 * The fsynced term file: the only authority by which an agent starts an engine. Epochs never decrease; a lower one is
 * refused with `StaleEpoch`, an equal one with another role or upstream of a *primary* too.
 */
export interface Term {
  /** 1 for a new cluster. */
  readonly epoch: number;
  readonly role: EngineRole;
  /** Set exactly where role is `replica`. */
  readonly upstream?: Upstream;
}

/** Rendered by the agent to `postgresql.conf` (managed part): the layers are merged by the operator, last wins. */
export interface EngineConfig {
  /** Grows with each change; an older version is ignored, the same one with other parameters refused. */
  readonly version: number;
  /** name -> value as a person writes it (`128MB`, `on`); quoting is the driver's. */
  readonly parameters: Readonly<Record<string, string>>;
}

/** A role of the database. The password is a SCRAM-SHA-256 verifier; clear text never reaches the agent. */
export interface DatabaseRole {
  readonly name: string;
  readonly verifier?: string;
  readonly superuser?: boolean;
  readonly replication?: boolean;
  readonly createdb?: boolean;
  readonly createrole?: boolean;
}

export interface Database {
  readonly name: string;
  readonly owner: string;
}

/**
 * First provisioning of an empty data volume. Accounts and databases come afterwards, by `setRoles` and `setDatabases`: no
 * replica has to wait for them.
 */
export type Bootstrap =
  | {
      readonly kind: 'initdb';
      readonly term: Term;
      readonly config: EngineConfig;
      readonly initdb: { readonly encoding: string; readonly locale: string; readonly dataChecksums: boolean };
      /** Physical slots to make before anyone connects. */
      readonly slots: readonly string[];
    }
  | {
      readonly kind: 'basebackup';
      readonly term: Term;
      readonly config: EngineConfig;
      /** Slots for every other member: any of them may follow this one some day. */
      readonly slots: readonly string[];
    };

/** A long piece of work; at most one at a time. The last one stays visible until the next starts. */
export interface AgentTask {
  /** Given by the caller; the same id again answers with the task that runs or ran. */
  readonly id: string;
  readonly kind: 'initdb' | 'basebackup' | 'rewind' | 'restart';
  readonly state: 'running' | 'done' | 'failed';
  readonly startedAt: string;
  readonly finishedAt?: string;
  readonly progress?: { readonly doneBytes: number; readonly totalBytes: number };
  readonly error?: { readonly code: string; readonly message: string; readonly remedy: string };
}

export interface ReplicationPeer {
  /** application_name = instance id. */
  readonly instanceId: string;
  readonly state: string;
  readonly sentLsn: string;
  readonly flushLsn: string;
  readonly replayLsn: string;
}

export interface EngineReport {
  /**
   * `absent`: no data directory yet. `running` means it answers `select 1`. `failed`: it does not start, or has a process
   * (`pid`) that does not answer; `reason` says more.
   */
  readonly state: 'absent' | 'stopped' | 'starting' | 'running' | 'stopping' | 'failed';
  /** What `pg_is_in_recovery()` says; absent where the engine does not answer. */
  readonly role?: EngineRole;
  readonly pid?: number;
  readonly dataDir: string;
  /** Major.minor, as `server_version`. */
  readonly version?: string;
  readonly startedAt?: string;
  readonly systemId?: string;
  readonly timeline?: number;
  /** Primary: current WAL position. Replica: replayed position. Stopped: the last checkpoint. */
  readonly lsn?: string;
  /** Replica: received and flushed position. */
  readonly receivedLsn?: string;
  /** Replica: walreceiver status (`streaming`) and whom it follows. */
  readonly streaming?: boolean;
  /** Replica: received WAL is not replayed, by request or because a setting is lower than the primary's. */
  readonly replayPaused?: boolean;
  /** Stopped: whether the engine ended in order, so that its last checkpoint (`lsn`) is the last thing it wrote. */
  readonly cleanStop?: boolean;
  /** Primary: who streams from it. */
  readonly peers?: readonly ReplicationPeer[];
  /** Connections of clients, the agent's own among them. */
  readonly connections?: number;
  /** Primary: where the oldest WAL begins that it still has: who needs older WAL cannot follow it any more. */
  readonly oldestWal?: string;
  /** Names of parameters that wait for a restart. */
  readonly pendingRestart?: readonly string[];
  /** Version of the rendered {@link EngineConfig}; 0 before the first. */
  readonly configVersion: number;
  /** Why `failed`, or the last thing the engine said before it ended. */
  readonly reason?: string;
}

/**
 * Process proof (evidence F1): every process of the engine is dead, and no engine is started here in an epoch below `epoch`,
 * also not by a later agent of this instance.
 */
export interface FenceEvidence {
  readonly instanceId: string;
  /** The epoch below which nothing is started any more. */
  readonly epoch: number;
  /** The boot of the node that the proof was made in. */
  readonly bootId: string;
  /** Whether the engine ended in order; false also where there is no data folder. */
  readonly cleanStop: boolean;
  readonly systemId?: string;
  /** The one that a start of this folder would go on with. */
  readonly timeline?: number;
  /** Where the last checkpoint begins: after a clean stop the last record there is. */
  readonly lsn?: string;
  /**
   * Where the WAL in the folder ends: the position behind its last whole record, on `timeline`. Everything that the engine ever
   * acknowledged lies before it, and recovery in place would end here. Absent where it could not be found out in time; the proof of
   * death does not depend on it.
   *
   * The rule for a replica whose WAL is of the same `timeline`: it has everything exactly where its position (the larger of received
   * and replayed) is at or behind `walEnd`; else it lacks `walEnd` - position bytes at most. A position may lie within a record (what
   * is flushed at a page's end is sent on); it may then be behind `walEnd`, because the rest of that record was never written,
   * and it is before `walEnd` wherever any byte of a whole record is missing. For this the end of a record that makes the engine
   * change to the next file is the record's, not the file's.
   */
  readonly walEnd?: string;
  readonly at: string;
}

export interface AgentStatus {
  readonly instanceId: string;
  readonly agent: { readonly version: string; readonly pid: number; readonly startedAt: string };
  readonly term?: Term;
  /** Nothing is started in an epoch below this; absent where no fence was asked for. */
  readonly fence?: number;
  /**
   * The newest epoch in which the engine was started and accepted connections: from then on its folder is on the line of that epoch.
   * Absent where it has not been started since this is remembered.
   */
  readonly startedEpoch?: number;
  readonly engine: EngineReport;
  readonly task?: AgentTask;
  readonly observedAt: string;
}

export type StopMode = 'smart' | 'fast' | 'immediate';

/** Method, path, request and answer of each call. */
export interface AgentApi {
  /** `GET /v1/status` */
  status(signal?: AbortSignal): Promise<AgentStatus>;
  /**
   * `PUT /v1/term`; starts nothing by itself. A running replica follows a changed upstream, and stops following when its
   * term makes it a primary. A running primary whose term becomes a replica's is stopped at once and brought back as one:
   * an orderly switch stops the engine first.
   */
  setTerm(term: Term, signal?: AbortSignal): Promise<Term>;
  /** `POST /v1/bootstrap?task=<id>`; ends with the engine running in its role. */
  bootstrap(taskId: string, bootstrap: Bootstrap, signal?: AbortSignal): Promise<AgentTask>;
  /** `GET /v1/tasks/<id>?waitMs=`; long poll (at most 30 s) until the task ends, or tells its first progress. */
  task(id: string, options?: { readonly waitMs?: number }, signal?: AbortSignal): Promise<AgentTask>;
  /** `POST /v1/config/check` `{parameters}`: fails with `InvalidParameter` naming each that the engine refuses; changes nothing. */
  checkConfig(parameters: EngineConfig['parameters'], signal?: AbortSignal): Promise<void>;
  /** `PUT /v1/config`; checks every value against the engine before it reaches disk, then reloads a running engine. */
  setConfig(config: EngineConfig, signal?: AbortSignal): Promise<{ readonly pendingRestart: readonly string[] }>;
  /** `POST /v1/engine/start`; a recovery that takes minutes is answered with the state `starting`. */
  start(signal?: AbortSignal): Promise<EngineReport>;
  /** `POST /v1/engine/stop` `{mode, timeoutMs}`; a stop that takes longer goes on as immediate. */
  stop(options: { readonly mode: StopMode; readonly timeoutMs: number }, signal?: AbortSignal): Promise<EngineReport>;
  /** `POST /v1/engine/reload` */
  reload(signal?: AbortSignal): Promise<EngineReport>;
  /**
   * `POST /v1/engine/fence` `{epoch, mode, timeoutMs}`: refuses, durably and first, every start in an epoch below `epoch`,
   * then stops the engine and proves it dead. Throws `StaleEpoch` where this instance has a term of that epoch or a higher one.
   */
  fence(
    options: { readonly epoch: number; readonly mode: StopMode; readonly timeoutMs: number },
    signal?: AbortSignal,
  ): Promise<FenceEvidence>;
  /** `POST /v1/engine/checkpoint`: ends when the engine has written one; answers how long it took. */
  checkpoint(signal?: AbortSignal): Promise<{ readonly durationMs: number }>;
  /** `POST /v1/engine/promote`; only in a term of role primary and, where an epoch is named, of that epoch (else `StaleEpoch`). */
  promote(options?: { readonly epoch?: number }, signal?: AbortSignal): Promise<EngineReport>;
  /** `POST /v1/engine/rewind?task=<id>`; the engine must be stopped, the term a replica's. */
  rewind(taskId: string, signal?: AbortSignal): Promise<AgentTask>;
  /** `PUT /v1/roles` */
  setRoles(roles: readonly DatabaseRole[], signal?: AbortSignal): Promise<void>;
  /**
   * `PUT /v1/databases`. New ones are copies of `template0`, which nobody can change: so this is safe while a replica takes
   * its base backup.
   */
  setDatabases(databases: readonly Database[], signal?: AbortSignal): Promise<void>;
  /** `POST /v1/databases/check` `{names}`: opens each and reads from it; fails with `EngineQueryFailed` where one is not there. */
  checkDatabases(names: readonly string[], signal?: AbortSignal): Promise<void>;
  /** `PUT /v1/slots`: exactly these physical slots of ours (others are left alone) exist afterwards. */
  setSlots(slots: readonly string[], signal?: AbortSignal): Promise<void>;
  /** `POST /v1/canary/write` `{token}`: commits the token; answers the LSN after it. */
  writeCanary(token: string, signal?: AbortSignal): Promise<{ readonly lsn: string }>;
  /** `POST /v1/canary/read`: the token this instance sees. */
  readCanary(signal?: AbortSignal): Promise<{ readonly token: string | null }>;
}

/** The physical slot's name of an instance. */
export const slotName = (instanceId: string): string => `ins_${instanceId}`;
