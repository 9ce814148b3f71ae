/**
 * Whether a service may send clients here, and the report of the engine.
 *
 * A primary is ready while it lets clients in, answers and accepts writes. A replica is ready from the moment it streamed and had caught up to
 * within {@link CAUGHT_UP_BYTES}, and stays so while it answers: when the primary dies, all replicas stop streaming at the same
 * moment, and a read-only service that lost all of them would turn one fault into two. How far behind it is is in the status.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { StackError, systemClock } from '@polarstack/base';
import type { EngineReport } from '@polarstack/contracts';
import { bootId, type EngineDriver, type EngineRole, type Observation } from '@polarstack/engine';
import type { StateFile } from './state-file.ts';
import type { Supervisor } from './supervisor.ts';
import type { TermFile } from './term-file.ts';

const CAUGHT_UP_BYTES = 1024n * 1024n;

/** A new connection costs the engine a process: not at every probe. */
const KNOCK_MS = 3_000;

const PAUSED =
  "replay is paused: by request, or because max_connections or a like parameter is lower here than on the primary (the engine's log says which)";

/** `16/B374D848` as a number of bytes. */
export function lsnToBytes(lsn: string): bigint {
  const [high, low] = lsn.split('/');
  return (BigInt(`0x${high}`) << 32n) | BigInt(`0x${low}`);
}

export function hasCaughtUp({ streaming, lsn, receivedLsn, upstreamLsn }: Observation): boolean {
  const target = upstreamLsn ?? receivedLsn;
  return (
    streaming && lsn !== undefined && target !== undefined && lsnToBytes(target) - lsnToBytes(lsn) <= CAUGHT_UP_BYTES
  );
}

/** Of the control file: whether the engine, primary or replica, has ended in order. */
export const isCleanStop = (state: string): boolean => state === 'shut down' || state === 'shut down in recovery';

export interface Readiness {
  /** Resolves where clients may come; throws `EngineNotRunning` or `WrongRole` saying why not. */
  check(signal: AbortSignal): Promise<void>;
  report(signal: AbortSignal): Promise<EngineReport>;
}

export interface ReadinessOptions {
  readonly driver: EngineDriver;
  readonly terms: TermFile;
  readonly state: StateFile;
  readonly supervisor: Supervisor;
  /** Remembers over the agent's own death that the running engine had caught up; meaningless for another process. */
  readonly memoryFile: string;
}

export function createReadiness({ driver, terms, state, supervisor, memoryFile }: ReadinessOptions): Readiness {
  const boot = bootId();
  let caughtUp = readMemory(memoryFile);

  const identity = (): string | undefined => {
    const process = supervisor.engine?.process;
    return process && `${boot} ${process.pid} ${process.startTicks}`;
  };
  const note = (observation: Observation): void => {
    const current = identity();
    if (current === undefined || caughtUp === current || !hasCaughtUp(observation)) return;
    caughtUp = current;
    writeFileSync(memoryFile, current, { mode: 0o600 });
  };

  const contradiction = (role: EngineRole): string | undefined =>
    role === terms.current?.role
      ? undefined
      : `the engine is ${role}, the term says ${terms.current?.role ?? 'nothing'}`;

  let knockedAt = Number.NEGATIVE_INFINITY;
  let knocking: Promise<void> | undefined;
  /** Kept sessions answer while a postmaster that hangs lets nobody in. A success counts for a while, a failure not at all. */
  const knock = async (signal: AbortSignal): Promise<void> => {
    if (systemClock.monotonic() - knockedAt < KNOCK_MS) return;
    knocking ??= driver.sql
      .knock(signal)
      .then(() => {
        knockedAt = systemClock.monotonic();
      })
      .finally(() => {
        knocking = undefined;
      });
    await knocking;
  };

  const check = async (signal: AbortSignal): Promise<void> => {
    const { engine } = supervisor;
    if (!engine?.accepting || supervisor.stopping)
      throw new StackError('EngineNotRunning', supervisor.failure?.reason ?? 'the engine does not accept connections');
    if (!state.current.bootstrapped) throw new StackError('EngineNotRunning', 'the bootstrap has not come to its end');
    const role = await driver.sql.probe(signal);
    const wrong = contradiction(role);
    if (wrong !== undefined) throw new StackError('WrongRole', wrong);
    await knock(signal);
    if (role === 'primary' || caughtUp === identity()) return;
    note(await driver.sql.observe(signal));
    if (caughtUp !== identity())
      throw new StackError('EngineNotRunning', 'the replica has not caught up with its upstream yet');
  };

  const observe = async (signal: AbortSignal): Promise<Observation | string> => {
    try {
      const observation = await driver.sql.observe(signal);
      note(observation);
      return observation;
    } catch (error) {
      return (error as Error).message;
    }
  };

  /** Which database a stopped folder is, and how far it was at its last checkpoint. */
  const stoppedAt = async (signal: AbortSignal): Promise<Partial<EngineReport>> => {
    try {
      const { systemId, timeline, checkpointLsn: lsn, state } = await driver.controlData(signal);
      return { systemId, timeline, lsn, cleanStop: isCleanStop(state) };
    } catch (error) {
      return { reason: (error as Error).message };
    }
  };

  const report = async (signal: AbortSignal): Promise<EngineReport> => {
    const { engine, stopping, failure } = supervisor;
    const base = {
      dataDir: driver.dataDir,
      configVersion: state.current.config?.version ?? 0,
      ...(engine ? { pid: engine.process.pid } : {}),
      ...(failure ? { reason: failure.reason } : {}),
    };
    if (!engine) {
      if (failure) return { ...base, state: 'failed' };
      const folder = await driver.dataFolder().catch((error: Error) => error);
      if (folder instanceof Error) return { ...base, state: 'failed', reason: folder.message };
      if (folder === 'absent') return { ...base, state: 'absent', version: driver.version };
      return { ...base, state: 'stopped', version: driver.version, ...(await stoppedAt(signal)) };
    }
    if (stopping) return { ...base, state: 'stopping', version: driver.version };
    if (!engine.accepting) return { ...base, state: 'starting', version: driver.version };
    const seen = await observe(signal);
    if (typeof seen === 'string') return { ...base, state: 'failed', reason: seen, version: driver.version };
    const { role, peers } = seen;
    const wrong = contradiction(role);
    return {
      ...base,
      state: 'running',
      role,
      version: seen.version,
      startedAt: seen.startedAt,
      systemId: seen.systemId,
      timeline: seen.timeline,
      ...(seen.lsn === undefined ? {} : { lsn: seen.lsn }),
      ...(role === 'replica' && seen.receivedLsn !== undefined ? { receivedLsn: seen.receivedLsn } : {}),
      ...(role === 'replica' ? { streaming: seen.streaming } : {}),
      ...(seen.replayPaused ? { reason: PAUSED, replayPaused: true } : {}),
      ...(wrong === undefined ? {} : { reason: `WrongRole: ${wrong}` }),
      peers,
      connections: seen.connections,
      ...(seen.oldestWal === undefined ? {} : { oldestWal: seen.oldestWal }),
      pendingRestart: seen.pendingRestart,
    };
  };

  return { check, report };
}

function readMemory(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    // Never written, or unreadable: then it is found out anew.
    return undefined;
  }
}
