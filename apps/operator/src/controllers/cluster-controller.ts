/**
 * Looks after clusters: judges specs, begins the operation that a cluster needs, keeps what was made as it should be,
 * and says in the status what was seen.
 *
 * Invariants (tests cite them):
 * - CC1 A spec that cannot be carried out makes nothing: no finalizer, no operation, no object.
 * - CC2 The finalizer is on the cluster before anything is made for it, and goes last.
 * - CC3 Each look depends on what is there alone: a missed event, a restart or a second look change nothing.
 * - CC4 A cluster in which nothing changes is not written.
 * - CC5 A deletion needs no operation object: where its namespace is being deleted too, it runs without one.
 * - CC6 No deletion begins while another operation of the cluster still runs here, even if its object is gone.
 */
import {
  CLUSTER_FINALIZER,
  type MPDCluster,
  MPDClusters,
  type MPDOperation,
  type MPDOperationInput,
  MPDOperations,
} from '@polarstack/api';
import { type Clock, errorTable, isStackError, type Logger, StackError } from '@polarstack/base';
import {
  appliedSpec,
  asApplied,
  type Claim,
  type ClusterSeen,
  clusterStatus,
  conditionOf,
  isCreated,
  operationName,
  type Plan,
  planOperation,
  recordedMembership,
  serviceKinds,
  withPrimary,
} from '@polarstack/domain';
import { type Informer, objectKey, type ReconcileResult } from '@polarstack/kube';
import type { createCertificateKeeper } from '../identity/maintain-certificates.ts';
import { updateClusterStatus } from '../kube/cluster-status-writer.ts';
import { isNamespaceEnding } from '../kube/namespace-ending.ts';
import type { Content } from '../mending/content.ts';
import { mendCluster } from '../mending/mend-cluster.ts';
import { recordOf } from '../mending/mend-record.ts';
import type { Services } from '../steps/services.ts';
import type { createAcceptance, Verdict } from './acceptance.ts';
import { announce } from './announce.ts';
import type { createAutomation } from './automation.ts';
import type { OperationRunner } from './operation-runner.ts';
import type { createRequestTaker } from './requests.ts';
import type { createSteeringAnnotations } from './steering-annotations.ts';
import type { UnrecordedDeletions } from './unrecorded-deletions.ts';

export interface ClusterControllerOptions {
  readonly services: Services;
  readonly clusters: Pick<Informer<MPDCluster>, 'get'>;
  readonly operations: Pick<Informer<MPDOperation, 'cluster'>, 'byIndex'>;
  readonly runner: Pick<OperationRunner, 'abandon' | 'isRunning'>;
  readonly deletions: Pick<UnrecordedDeletions, 'advance' | 'has'>;
  readonly acceptance: ReturnType<typeof createAcceptance>;
  readonly certificates: ReturnType<typeof createCertificateKeeper>;
  readonly content: Content;
  readonly takeRequest: ReturnType<typeof createRequestTaker>;
  readonly automation: Pick<ReturnType<typeof createAutomation>, 'act'>;
  readonly steeringAnnotations: ReturnType<typeof createSteeringAnnotations>;
  readonly forget: (cluster: MPDCluster) => void;
  readonly isOurs: (cluster: MPDCluster) => boolean;
  /** How soon a cluster that is well and at rest is looked at again, in milliseconds. */
  readonly pace: () => number;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** How soon a cluster in which something is under way, or wrong, is looked at again, in milliseconds. */
const LOOK_EVERY_MS = 3_000;
/** How soon a rejected spec is judged again: what it waits for may be there now. */
const JUDGE_AGAIN_MS = 5_000;
/** Positions are written this often at most, in milliseconds of a clock that never goes back. */
const POSITIONS_EVERY_MS = 30_000;
/** How soon to look again whether a run that should end has ended. */
const RUN_ENDS_MS = 200;

/** What came of a plan: the operation that holds the cluster from then on, and when to look again at the latest. */
interface CarriedOut {
  readonly operation?: MPDOperation;
  readonly released?: true;
  readonly againMs?: number;
}

/** Answers what reconciles one cluster by its key. */
export function createClusterController(options: ClusterControllerOptions) {
  const {
    services,
    clusters,
    operations,
    runner,
    deletions,
    acceptance,
    certificates,
    content,
    takeRequest,
    automation,
  } = options;
  const { isOurs, pace, clock, logger, steeringAnnotations } = options;
  const { client, events } = services;
  const positionsWritten = new Map<string, number>();

  const operationsOf = (cluster: MPDCluster): readonly MPDOperation[] =>
    operations
      .byIndex('cluster', objectKey(cluster))
      .filter(({ metadata }) => metadata.ownerReferences?.some(({ uid }) => uid === cluster.metadata.uid));

  /** Makes the operation object; false where its namespace is being deleted, so that there can be none. */
  const begin = async (cluster: MPDCluster, operation: MPDOperationInput, signal: AbortSignal): Promise<boolean> => {
    let held = cluster;
    if (operation.spec.type === 'Create' && !cluster.metadata.finalizers?.includes(CLUSTER_FINALIZER)) {
      const finalizers = [...(cluster.metadata.finalizers ?? []), CLUSTER_FINALIZER];
      const { resourceVersion } = cluster.metadata;
      const body = { metadata: { finalizers, resourceVersion } };
      held = await client.patch(MPDClusters, keyOf(cluster), { type: 'merge', body }, signal);
    }
    try {
      await client.create(MPDOperations, operation as MPDOperation, signal);
    } catch (error) {
      if (isStackError(error, 'AlreadyExists')) return true;
      if (!isNamespaceEnding(error)) throw error;
      // Some servers say so of an operation that is there as well.
      const { namespace = 'default', name = '' } = operation.metadata;
      return (await client.find(MPDOperations, { namespace, name }, signal)) !== undefined;
    }
    const isCreate = operation.spec.type === 'Create';
    events.record(held, {
      type: 'Normal',
      reason: isCreate ? 'ClusterCreating' : 'ClusterDeleting',
      message: `Operation ${operation.metadata.name} ${isCreate ? 'makes' : 'removes'} the cluster`,
    });
    return true;
  };

  /** Whether an operation of the cluster runs in this process, although its object may be gone; a creation is ended. */
  const stillRuns = (cluster: MPDCluster): boolean => {
    const { namespace, name } = keyOf(cluster);
    const of = (type: 'Create' | 'Delete'): string =>
      `${namespace}/${operationName({ name, uid: cluster.metadata.uid ?? '' }, type)}`;
    if (runner.isRunning(of('Create'))) runner.abandon(of('Create'), clusterIsDeleted());
    return runner.isRunning(of('Create')) || runner.isRunning(of('Delete'));
  };

  const beginDeletion = async (
    cluster: MPDCluster,
    operation: MPDOperationInput,
    signal: AbortSignal,
  ): Promise<CarriedOut> => {
    if (!deletions.has(cluster)) {
      if (stillRuns(cluster)) return { operation: operation as MPDOperation, againMs: RUN_ENDS_MS };
      if (await begin(cluster, operation, signal)) return { operation: operation as MPDOperation };
      events.record(cluster, {
        type: 'Normal',
        reason: 'ClusterDeleting',
        message: 'The cluster is removed with its namespace, without an operation',
      });
    }
    const { done, failure, againMs } = deletions.advance(cluster);
    if (done) {
      await release(cluster, signal);
      return { released: true };
    }
    // For the status only: it has no name because there is no such object.
    const { name: _, ...metadata } = operation.metadata;
    const status = failure ? ({ phase: 'Interrupted', error: failure } as const) : undefined;
    const shown = { ...operation, metadata, ...(status && { status }) } as MPDOperation;
    return { operation: shown, ...(againMs !== undefined && { againMs }) };
  };

  const release = async (cluster: MPDCluster, signal: AbortSignal): Promise<void> => {
    const finalizers = (cluster.metadata.finalizers ?? []).filter((name) => name !== CLUSTER_FINALIZER);
    const { resourceVersion } = cluster.metadata;
    const body = { metadata: { finalizers: finalizers.length > 0 ? finalizers : null, resourceVersion } };
    try {
      await client.patch(MPDClusters, keyOf(cluster), { type: 'merge', body }, signal);
    } catch (error) {
      if (!isStackError(error, 'NotFound')) throw error;
    }
    options.forget(cluster);
  };

  const carryOut = async (cluster: MPDCluster, plan: Plan, signal: AbortSignal): Promise<CarriedOut> => {
    switch (plan.type) {
      case 'none':
      case 'refuse-deletion':
        return plan.current ? { operation: plan.current } : {};
      case 'begin':
        if (plan.operation.spec.type === 'Delete') return await beginDeletion(cluster, plan.operation, signal);
        // In a namespace that is being deleted nothing is made: the cluster is about to be deleted as well.
        return (await begin(cluster, plan.operation, signal)) ? { operation: plan.operation as MPDOperation } : {};
      case 'cancel':
        runner.abandon(objectKey(plan.operation), clusterIsDeleted());
        return { operation: plan.operation };
      case 'release':
        await release(cluster, signal);
        return { released: true };
    }
  };

  const write = async (
    cluster: MPDCluster,
    seen: ClusterSeen,
    operation: MPDOperation | undefined,
    claims: readonly Claim[],
    signal: AbortSignal,
    primary?: string,
  ): Promise<MPDCluster> => {
    const uid = cluster.metadata.uid ?? '';
    const last = positionsWritten.get(uid);
    const positionsDue = last === undefined || clock.monotonic() - last >= POSITIONS_EVERY_MS;
    // A create whose last step has marked the cluster as made is over but for its own record.
    const current = operation?.spec.type === 'Create' && isCreated(cluster) ? undefined : operation;
    const now = clock.now().toISOString();
    const accepted = claims.some(({ type, status }) => type === 'Accepted' && status === 'True');
    // A cluster made before specs were recorded: the first one that was accepted since is what it is compared with.
    const remembering = (held: MPDCluster): MPDCluster =>
      accepted && isCreated(held) && !held.status?.appliedSpec
        ? { ...held, status: { ...held.status, appliedSpec: appliedSpec(cluster) } }
        : held;
    const written = await updateClusterStatus(
      client,
      cluster,
      (held) =>
        clusterStatus({
          // The record as it is by now: a switch may have ended since this look began.
          cluster: withPrimary(remembering(held), primary && (recordOf(cluster, services).record?.primary ?? primary)),
          seen,
          positionsDue,
          now,
          claims,
          ...(current && { operation: current }),
        }),
      signal,
    );
    if (written === cluster) return cluster;
    if (positionsDue) positionsWritten.set(uid, clock.monotonic());
    announce(events, cluster, written);
    return written;
  };

  /** Whoever replaced the object took the finalizer from it, and with it the orderly deletion. */
  const keepFinalizer = async (cluster: MPDCluster, signal: AbortSignal): Promise<MPDCluster> => {
    const { deletionTimestamp, finalizers = [], resourceVersion } = cluster.metadata;
    if (deletionTimestamp !== undefined || finalizers.includes(CLUSTER_FINALIZER)) return cluster;
    if (!recordedMembership(cluster)) return cluster;
    const body = { metadata: { finalizers: [...finalizers, CLUSTER_FINALIZER], resourceVersion } };
    const held = await client.patch(MPDClusters, keyOf(cluster), { type: 'merge', body }, signal);
    const message = `Finalizer ${CLUSTER_FINALIZER} had been taken away: it is there again`;
    events.record(held, { type: 'Warning', reason: 'FinalizerRestored', message });
    return held;
  };

  const look = async (found: MPDCluster, verdict: Verdict, signal: AbortSignal): Promise<ReconcileResult> => {
    const cluster = await keepFinalizer(found, signal);
    // The write brings the cluster here again.
    if (await steeringAnnotations(cluster, operationsOf(cluster), signal)) return { requeueAfterMs: LOOK_EVERY_MS };
    const plan = planOperation({ cluster, accepted: verdict.accepted, operations: operationsOf(cluster) });
    const { operation, released, againMs } = await carryOut(cluster, plan, signal);
    if (released) return {};
    const claims = [verdict.claim, deletionClaim(plan)];
    const deleting = operation?.spec.type === 'Delete';
    if (!isCreated(cluster) || deleting) {
      await write(cluster, nothingSeen(cluster), operation, claims, signal);
      if (againMs !== undefined) return { requeueAfterMs: againMs };
      return verdict.accepted ? {} : { requeueAfterMs: JUDGE_AGAIN_MS };
    }
    if (!cluster.metadata.deletionTimestamp) {
      // The write brings the cluster here again.
      if (await takeRequest(cluster, verdict.accepted, operationsOf(cluster), signal))
        return { requeueAfterMs: LOOK_EVERY_MS };
    }
    // What is mended is made as the cluster was, whatever its spec asks for meanwhile.
    const { record } = recordOf(cluster, services);
    const primary = record?.primary;
    const applied = asApplied(withPrimary(cluster, primary));
    const observed = await services.observe(applied, signal);
    if (!cluster.metadata.deletionTimestamp) {
      // What it asks for is judged by the spec as it stands.
      await automation.act(withPrimary(cluster, primary), observed, record, operationsOf(cluster), signal);
    }
    const options = { services, content, certificates, logger };
    const seen = await mendCluster(applied, observed, options, signal);
    const written = await write(cluster, seen, operation, claims, signal, primary);
    return { requeueAfterMs: isAtRest(written, seen) ? pace() : LOOK_EVERY_MS };
  };

  return async (key: string, signal: AbortSignal): Promise<ReconcileResult> => {
    const cluster = clusters.get(key);
    if (!cluster || !isOurs(cluster)) return {};
    const going = cluster.metadata.deletionTimestamp !== undefined;
    // Rejected and deleted: nothing was made, the API server removes it by itself.
    if (going && !cluster.metadata.finalizers?.includes(CLUSTER_FINALIZER)) return {};
    return await look(cluster, await acceptance.judge(cluster, signal), signal);
  };
}

const keyOf = ({ metadata }: MPDCluster) => ({ namespace: metadata.namespace ?? 'default', name: metadata.name ?? '' });

const clusterIsDeleted = (): StackError => new StackError('Cancelled', 'the cluster is being deleted');

/** Nothing is under way and nothing is wrong; what changes then is told by the objects of the cluster. */
function isAtRest({ status }: MPDCluster, { instances, faults = [] }: ClusterSeen): boolean {
  const is = (type: Parameters<typeof conditionOf>[1], wanted: 'True' | 'False'): boolean =>
    conditionOf(status?.conditions, type)?.status === wanted;
  const answered = [...instances.values()].every(({ unanswered }) => unanswered === 0);
  return is('Ready', 'True') && is('Degraded', 'False') && is('Accepted', 'True') && answered && faults.length === 0;
}

function deletionClaim(plan: Plan): Claim {
  const type = 'DeletionRefused';
  if (plan.type !== 'refuse-deletion') return { type, status: 'False', reason: 'None', message: 'nothing is refused' };
  const { summary, remedy } = errorTable.DeletionProtected;
  return { type, status: 'True', reason: 'DeletionProtected', message: `${summary} ${remedy}` };
}

/** While a cluster is being made or removed its agents are the operation's business. */
function nothingSeen(cluster: MPDCluster): ClusterSeen {
  const known = cluster.status?.endpoints;
  const [rw, ro, r] = serviceKinds.map((kind) => ({
    port: known?.[kind]?.port ?? 0,
    service: known?.[kind]?.service ?? '',
    ...(known?.[kind]?.host && { host: known[kind].host }),
    ready: 0,
  }));
  if (!rw || !ro || !r) throw new StackError('Internal', 'there are three services');
  return { instances: new Map(), endpoints: { rw, ro, r } };
}
