/**
 * Operations that the stack asks for by itself.
 *
 * Invariants (tests cite them):
 * - AU1 Nothing is asked for while another operation is unfinished, a switch stands, or the primary does not work.
 * - AU2 An RO is rebuilt only where it is proven, for some time, that it cannot come back: an engine that does not start on its data,
 *   WAL that the primary does not have any more, or data that is off the line of the primary. Silence proves nothing.
 * - AU3 No incarnation is rebuilt twice, and a cluster sees only a few rebuilds an hour: what breaks each copy is for a person.
 * - AU4 What an operation left unfinished when it was given up is cleared away.
 */
import type { MPDCluster, MPDOperation, OperationType } from '@polarstack/api';
import { unsettledIds } from '../cluster/members.ts';
import { currentOperation } from '../plan/plan-operation.ts';
import { lagBytes } from '../status/lsn.ts';
import { type ClusterSeen, type InstanceSeen, troubleOf } from '../status/observation.ts';
import { planCluster } from './plan-facts.ts';
import { label } from './planned-steps.ts';
import type { OperationRequest } from './requests.ts';
import { growthOf, type VolumeFacts } from './volumes.ts';

/** How long a proof has to hold, in milliseconds. */
export const SETTLED_MS = 60_000;
const REBUILDS_AN_HOUR = 2;
const HOUR_MS = 3_600_000;

/** What of the HA record's epochs tells where lines part. */
export interface Fork {
  readonly parentTimeline?: number;
  readonly forkLsn?: string;
}

export interface AutomaticInput {
  readonly cluster: MPDCluster;
  readonly seen: ClusterSeen;
  readonly volumes: readonly VolumeFacts[];
  /** Those of this cluster. */
  readonly operations: readonly MPDOperation[];
  readonly switching: boolean;
  /** How long the proof that an instance is broken has held, in milliseconds, by instance id. */
  readonly brokenFor: ReadonlyMap<string, { readonly proof: string; readonly forMs: number }>;
  readonly now: Date;
}

export interface AutomaticOperation extends OperationRequest {
  /** The same wish has the same name: it is asked for once. */
  readonly name: string;
}

/** Words of the engine for data that it cannot work with; a full disk or a taken port is not cured by another copy. */
const DAMAGED =
  /checkpoint record|pg_control|control file|invalid page|incorrect checksum|checksum mismatch|contains invalid|database files are incompatible|not a valid data directory|is not a database cluster directory|could not (open|read|access|stat|find) (file|directory)|requested timeline|not a child of this server|invalid (resource manager|record length|magic)|WAL contains references|unexpected pageaddr/i;
const ELSEWHERE =
  /no space left|permission denied|too many open files|address already in use|could not bind|cannot allocate/i;

/** Why a replica cannot come back by itself, in words; undefined where that is not proven. */
export function proofOf(
  replica: InstanceSeen | undefined,
  primary: InstanceSeen | undefined,
  forks: readonly Fork[],
): string | undefined {
  const { report, unanswered = 1 } = replica ?? {};
  // Only what was heard at this look.
  if (!report || unanswered > 0 || report.task?.state === 'running') return undefined;
  const { engine } = report;
  if (engine.state === 'failed' && engine.pid === undefined) {
    const said = engine.reason ?? '';
    return DAMAGED.test(said) && !ELSEWHERE.test(said) ? `its engine does not start on its data: ${said}` : undefined;
  }
  if (engine.state !== 'running' || engine.role !== 'replica' || engine.streaming === true) return undefined;
  if (primary?.unanswered !== 0 || primary.report?.engine.state !== 'running') return undefined;
  const { oldestWal, timeline } = primary.report.engine;
  const has = engine.receivedLsn ?? engine.lsn;
  if (isBelow(has, oldestWal))
    return `it needs WAL from ${has} on, and the oldest that the RW has begins at ${oldestWal}`;
  const fork = forks.find(({ parentTimeline }) => parentTimeline !== undefined && parentTimeline === engine.timeline);
  if (timeline !== engine.timeline && fork && isBelow(fork.forkLsn, engine.lsn)) {
    return `it has replayed up to ${engine.lsn} on timeline ${engine.timeline}, which the RW left at ${fork.forkLsn}`;
  }
  return undefined;
}

const isBelow = (a: string | undefined, b: string | undefined): boolean => (lagBytes(b, a) ?? 0) > 0;

/** What to ask for now; undefined where nothing is to be done. */
export function automaticOperation(input: AutomaticInput): AutomaticOperation | undefined {
  const { cluster, seen, volumes, operations, switching } = input;
  if (currentOperation(operations) || switching) return undefined;
  const name = cluster.metadata.name ?? '';
  const wish = (
    type: OperationType,
    parameters: OperationRequest['parameters'],
    reason: string,
    about: string,
  ): AutomaticOperation | undefined => {
    const own = `${name}-${type.toLowerCase()}-${about.toLowerCase()}`;
    if (operations.some(({ metadata }) => metadata.name === own)) return undefined;
    return { name: own, type, parameters, reason, requester: 'operator' };
  };
  const [left] = unsettledIds(cluster);
  if (left !== undefined) {
    return wish('RemoveRo', { instance: left }, `instance ${left} was left by an operation that did not finish`, left);
  }
  const found = planCluster({ cluster, seen });
  if (!found || troubleOf(found.primary.seen, 'primary')) return undefined;
  const broken = found.replicas.find(({ instanceId }) => (input.brokenFor.get(instanceId)?.forMs ?? 0) >= SETTLED_MS);
  if (broken && rebuildsOf(operations, input.now) < REBUILDS_AN_HOUR) {
    const { instanceId } = broken;
    const reason = `${label(broken)} is broken: ${input.brokenFor.get(instanceId)?.proof}`;
    const rebuild = wish('RebuildRo', { instance: instanceId }, reason.slice(0, 1_000), instanceId);
    if (rebuild) return rebuild;
  }
  const growth = growthOf(cluster, volumes);
  return growth && wish('ExtendStorage', { size: growth.size }, growth.reason, growth.size);
}

const rebuildsOf = (operations: readonly MPDOperation[], now: Date): number =>
  operations.filter(
    ({ spec, metadata }) =>
      spec.type === 'RebuildRo' &&
      spec.requester === 'operator' &&
      now.getTime() - Date.parse(metadata.creationTimestamp ?? '') < HOUR_MS,
  ).length;
