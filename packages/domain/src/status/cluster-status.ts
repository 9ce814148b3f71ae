/**
 * The status of a cluster from what was seen: a pure function of the last status and the observation.
 *
 * Invariants (tests cite them):
 * - ST1 What was not seen is not claimed: roles, positions and states come from agents and pods, never from the spec.
 * - ST2 Where nothing changed the answer equals the last status, so that a quiet cluster writes nothing; positions
 *   alone count only when they are due.
 * - ST3 Ready is claimed only where the primary and every replica work, the replicas stream, the services lead to
 *   all of them, no operation is unfinished, and the spec's present generation was looked at.
 */
import { isOperationType, labels, type MPDCluster, type MPDClusterStatus, type MPDOperation } from '@polarstack/api';
import { primaryOf, recordedMembership, settledMembership } from '../cluster/members.ts';
import { operationStates } from '../operations/operation-state.ts';
import { type Claim, mergeConditions } from './conditions.ts';
import { instanceEntry } from './instance-entry.ts';
import { type ClusterSeen, type Fault, troubleOf } from './observation.ts';

export interface StatusInput {
  readonly cluster: MPDCluster;
  readonly seen: ClusterSeen;
  /** The operation under way or interrupted, if any; without a name where it has no object. */
  readonly operation?: MPDOperation;
  readonly positionsDue: boolean;
  readonly now: string;
  /** Further claims, such as `Accepted`. */
  readonly claims?: readonly Claim[];
}

/** Whether the create operation of a cluster has ended well; instances that are being added or removed take nothing from that. */
export function isCreated({ status }: Pick<MPDCluster, 'status'>): boolean {
  return Object.values(status?.dbInstanceStatus ?? {}).some(({ installed }) => installed === true);
}

export function clusterStatus(input: StatusInput): MPDClusterStatus {
  const { cluster, seen, operation, now, positionsDue } = input;
  const previous: MPDClusterStatus = cluster.status ?? {};
  const membership = recordedMembership(cluster);
  const generation = cluster.metadata.generation ?? 0;
  const primary = membership && primaryOf(membership);
  const primaryReport = primary && seen.instances.get(primary.instanceId)?.report;

  const entries = Object.fromEntries(
    Object.entries(previous.dbInstanceStatus ?? {}).map(([id, entry]) => [
      id,
      instanceEntry(entry, seen.instances.get(id) ?? { unanswered: 0 }, {
        positionsDue,
        now,
        ...(primaryReport?.engine.lsn && { primaryLsn: primaryReport.engine.lsn }),
      }),
    ]),
  );
  const members = settledMembership(cluster)?.members ?? [];
  const ready = members.filter(({ instanceId, role }) => !troubleOf(seen.instances.get(instanceId), role));
  const leaderHost = primary && entries[primary.instanceId]?.nodeName;
  return {
    ...previous,
    clusterStatus: stateName(cluster, operation),
    observedGeneration: generation,
    ...(membership && {
      followerNum: members.length - 1,
      instances: `${ready.length}/${members.length}`,
      selector: `${labels.clusterName}=${cluster.metadata.name}`,
      dbInstanceStatus: entries,
    }),
    ...(primary && { leaderInstanceId: primary.instanceId }),
    ...(leaderHost && { leaderInstanceHost: leaderHost }),
    ...(primaryReport?.engine.systemId && { systemId: primaryReport.engine.systemId }),
    ...(primaryReport?.term && { epoch: primaryReport.term.epoch }),
    ...(membership && { endpoints: endpoints(seen) }),
    conditions: mergeConditions(previous.conditions, [...claims(input), ...(input.claims ?? [])], generation, now),
    ...currentOperation(previous, operation),
  };
}

function currentOperation(previous: MPDClusterStatus, operation: MPDOperation | undefined) {
  const name = operation?.metadata.name;
  return name || previous.currentOperation ? { currentOperation: name ?? '' } : {};
}

/** Names of the original. An operation that waits for a person is `Interrupt`, whatever it was doing. */
function stateName(cluster: MPDCluster, operation: MPDOperation | undefined): string {
  const phase = operation?.status?.phase;
  if (operation && phase === 'Interrupted') return 'Interrupt';
  if (operation?.spec.type === 'Delete') return 'Deleting';
  if (operation?.spec.type === 'Create' || !isCreated(cluster))
    return recordedMembership(cluster) ? 'Creating' : 'Init';
  // One that has not begun changes nothing yet.
  if (operation?.status?.workflow && isOperationType(operation.spec.type)) return operationStates[operation.spec.type];
  return 'Running';
}

function endpoints({ endpoints: seen }: ClusterSeen): NonNullable<MPDClusterStatus['endpoints']> {
  const of = (which: 'rw' | 'ro' | 'r') => {
    const { host, port, service } = seen[which];
    return { ...(host && { host }), port, service };
  };
  return { rw: of('rw'), ro: of('ro'), r: of('r') };
}

function claims(input: StatusInput): readonly Claim[] {
  const { cluster, seen, operation } = input;
  const members = settledMembership(cluster)?.members ?? [];
  const troubles = members.flatMap(({ instanceId, role, pod }) => {
    const trouble = troubleOf(seen.instances.get(instanceId), role);
    return trouble ? [{ role, text: `${pod}: ${trouble}` }] : [];
  });
  const created = isCreated(cluster);
  const replicas = members.filter(({ role }) => role === 'replica').length;
  const routes = [
    ...(seen.endpoints.rw.ready < 1 ? ['the rw service leads nowhere'] : []),
    ...(seen.endpoints.ro.ready < replicas ? ['the ro service does not lead to every replica'] : []),
  ];
  const primaryTrouble = troubles.find(({ role }) => role === 'primary')?.text ?? routes.find((r) => r.includes('rw'));
  const missing = [...troubles.map(({ text }) => text), ...routes];
  return [
    progressing(operation),
    !created
      ? { type: 'Available', status: 'False', reason: 'NotCreated', message: 'the cluster is not created yet' }
      : primaryTrouble
        ? { type: 'Available', status: 'False', reason: 'PrimaryNotReady', message: primaryTrouble }
        : { type: 'Available', status: 'True', reason: 'PrimaryReady', message: 'the primary accepts writes' },
    readiness(created, missing, operation),
    degradation(created, missing, seen.faults ?? []),
  ];
}

/** What is lost says more than that an instance does not work, and may be why. */
function degradation(created: boolean, missing: readonly string[], faults: readonly Fault[]): Claim {
  const type = 'Degraded';
  const [worst] = faults;
  if (!created || (!worst && missing.length === 0)) {
    return { type, status: 'False', reason: 'AllInstancesReady', message: 'nothing is missing' };
  }
  const message = [...faults.map((fault) => fault.message), ...missing].join('; ');
  return { type, status: 'True', reason: worst?.reason ?? 'InstanceNotReady', message };
}

function readiness(created: boolean, missing: readonly string[], operation: MPDOperation | undefined): Claim {
  const type = 'Ready';
  if (!created) return { type, status: 'False', reason: 'NotCreated', message: 'the cluster is not created yet' };
  if (missing.length > 0) return { type, status: 'False', reason: 'InstanceNotReady', message: missing.join('; ') };
  if (operation) {
    const message = `operation ${titleOf(operation)} is not finished`;
    return { type, status: 'False', reason: 'OperationUnderWay', message };
  }
  return { type, status: 'True', reason: 'AllInstancesReady', message: 'the primary and all replicas work' };
}

/** An operation without a name is one whose object could not be made. */
function titleOf({ spec, metadata }: MPDOperation): string {
  return `${spec.type} (${metadata.name ?? 'without an operation object: its namespace is being deleted'})`;
}

function progressing(operation: MPDOperation | undefined): Claim {
  const type = 'Progressing';
  if (!operation) return { type, status: 'False', reason: 'Idle', message: 'no operation is under way' };
  const { phase, error } = operation.status ?? {};
  const name = titleOf(operation);
  if (phase === 'Interrupted') {
    const message =
      `${name} stopped${stoppedAt(operation)}: ${error?.message ?? 'no reason recorded'}. ${error?.remedy ?? ''}`.trim();
    return { type, status: 'False', reason: error?.code ?? 'Interrupted', message };
  }
  if (phase === 'Paused') {
    const message = `${name} is paused. Resume it with steering action Resume.`;
    return { type, status: 'False', reason: 'Paused', message };
  }
  if (operation.status?.undoing) {
    const message = `${name} is being undone: ${error?.message ?? 'it was cancelled'}`;
    return { type, status: 'True', reason: operation.spec.type, message };
  }
  // The step count would make every step a write of the cluster: it is in the operation.
  return { type, status: 'True', reason: operation.spec.type, message: `${name} is under way` };
}

/** The step that an interrupted operation stopped at: to run it or, where it was cancelled, to undo it. */
function stoppedAt({ status }: MPDOperation): string {
  const steps = status?.steps ?? [];
  const step = status?.undoing
    ? steps.findLast(({ state, error }) => state === 'Failed' && error?.code === status.error?.code)
    : steps.find(({ state }) => state !== 'Succeeded' && state !== 'Skipped');
  if (!step) return '';
  return status?.undoing ? ` undoing step ${step.name}` : ` at step ${step.name}`;
}
