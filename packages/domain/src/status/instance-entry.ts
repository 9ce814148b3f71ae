import { isDeepStrictEqual } from 'node:util';
import type { InstanceStatus } from '@polarstack/api';
import type { EngineReport } from '@polarstack/contracts';
import { lagBytes } from './lsn.ts';
import type { InstanceSeen } from './observation.ts';

/** Names of the original for what an engine does. */
const stateNames: Readonly<Record<EngineReport['state'], string>> = {
  absent: 'PENDING',
  stopped: 'STOPPED',
  starting: 'STARTING',
  running: 'RUNNING',
  stopping: 'STOPPING',
  failed: 'FAILED',
};

export const engineStateName = (state: EngineReport['state']): string => stateNames[state];

export interface EntryOptions {
  /** The primary's position, against which lag is measured. */
  readonly primaryLsn?: string;
  /** Whether positions that moved may be written now: at most every 30 s. */
  readonly positionsDue: boolean;
  readonly now: string;
}

/** The entry of an instance from its last one and what was seen. Nothing seen: what was known stays. */
export function instanceEntry(previous: InstanceStatus, seen: InstanceSeen, options: EntryOptions): InstanceStatus {
  const { pod, report } = seen;
  const engine = report?.engine;
  const isReplica = (engine?.role ?? (previous.insType === 'rw' ? 'primary' : 'replica')) === 'replica';
  const lag = isReplica ? lagBytes(options.primaryLsn, engine?.lsn) : undefined;
  const entry: InstanceStatus = {
    ...previous,
    ready: pod?.ready ?? false,
    ...(pod?.nodeName && { nodeName: pod.nodeName }),
    ...(seen.clientIP && { hostClientIP: seen.clientIP }),
    netInfo: { ...previous.netInfo, ...(pod?.podIP && { workingHostIP: pod.podIP }) },
    ...(engine && {
      ...(engine.role && { role: engine.role }),
      ...(engine.timeline !== undefined && { timeline: engine.timeline }),
      ...(engine.systemId && { systemId: engine.systemId }),
      ...(isReplica && { streaming: engine.streaming ?? false }),
      engine: {
        dataDir: engine.dataDir,
        ...(engine.pid !== undefined && { pid: engine.pid }),
        ...(engine.version && { version: engine.version }),
        ...(engine.startedAt && { startedAt: engine.startedAt }),
        ...(engine.pendingRestart?.length && { pendingRestart: engine.pendingRestart }),
      },
      ...(engine.state !== 'absent' && { installed: previous.installed ?? false }),
    }),
    ...stateChange(previous, engine, options.now),
  };
  const positions = {
    ...(engine?.lsn && { lsn: engine.lsn }),
    ...(isReplica && engine?.receivedLsn && { receivedLsn: engine.receivedLsn }),
    ...(lag !== undefined && { lagBytes: lag }),
  };
  const moved = Object.entries(positions).some(([key, value]) => previous[key as keyof InstanceStatus] !== value);
  const first = previous.lsn === undefined;
  const written = moved && (options.positionsDue || first) ? { ...entry, ...positions } : entry;
  const changed = !isDeepStrictEqual(written, previous);
  // Seen now, but worth a write only together with something that changed.
  return changed && report ? { ...written, observedAt: report.observedAt } : written;
}

function stateChange(
  previous: InstanceStatus,
  engine: EngineReport | undefined,
  now: string,
): Pick<InstanceStatus, 'currentState' | 'lastState'> {
  if (!engine) return {};
  const state = engineStateName(engine.state);
  const current = previous.currentState;
  if (current?.state === state) return {};
  return {
    currentState: { state, startAt: now, ...(engine.reason && { reason: engine.reason.slice(0, 500) }) },
    ...(current && { lastState: { ...current, finishAt: now } }),
  };
}
