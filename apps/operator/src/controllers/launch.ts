/**
 * What comes before the first step of an operation: its plan, an approval, a moment to wait for, its turn.
 *
 * Invariants (tests cite them):
 * - LA1 Nothing of the cluster is changed before the plan is in the status and it is the operation's turn.
 * - LA2 The plan that is carried out was made at the moment when the operation began, not when it was asked for.
 * - LA3 An operation that waits says for what, and is written only when that changes.
 * - LA4 What is refused for a reason that goes by itself waits a bounded time for that, from the first look at its turn.
 */
import { isDeepStrictEqual } from 'node:util';
import { type MPDCluster, type MPDOperation, type MPDOperationStatus, MPDOperations } from '@polarstack/api';
import type { Clock } from '@polarstack/base';
import { isCreated, ownedBy, type Planned, queuedOperations, type Refusal } from '@polarstack/domain';
import type { KubeClient, ReconcileResult } from '@polarstack/kube';
import { begun, planNow, planShown } from '../operations/prepare.ts';
import type { Services } from '../steps/services.ts';
import { refuse, withCondition } from './steering.ts';

export interface LaunchOptions {
  readonly client: KubeClient;
  readonly services: Services;
  readonly clock: Clock;
  /** Operations of the same cluster. */
  readonly siblings: (operation: MPDOperation) => readonly MPDOperation[];
}

/** Whether the run of an operation is recorded. */
export const hasBegun = ({ status }: MPDOperation): boolean => status?.workflow !== undefined;

const isOfCluster = ({ spec }: MPDOperation): boolean => spec.type === 'Create' || spec.type === 'Delete';

/** `begin`: nothing keeps the operation from its first step. Anything else: it was written, or waits. */
export function createLauncher({ client, services, clock, siblings }: LaunchOptions) {
  const write = async (operation: MPDOperation, status: MPDOperationStatus, signal: AbortSignal): Promise<void> => {
    if (isDeepStrictEqual(operation.status, status)) return;
    await client.replaceStatus(MPDOperations, { ...operation, status }, signal);
  };

  const waits = async (
    operation: MPDOperation,
    message: string,
    signal: AbortSignal,
    planned?: Planned,
    before: MPDOperation = operation,
  ): Promise<ReconcileResult> => {
    const shown = planned?.type === 'plan' ? planShown(planned.plan) : {};
    const said =
      planned?.type === 'refused' ? `${message}; as things are it is refused: ${planned.refusal.message}` : message;
    await write(before, { ...operation.status, ...shown, phase: 'Pending', message: said }, signal);
    return {};
  };

  const ends = async (
    operation: MPDOperation,
    planned: Exclude<Planned, { type: 'refused' }>,
    signal: AbortSignal,
  ): Promise<ReconcileResult> => {
    const finishedAt = clock.now().toISOString();
    const [message, shown] =
      planned.type === 'plan' ? ['planned; nothing was changed', planShown(planned.plan)] : [planned.message, {}];
    await write(operation, { ...operation.status, ...shown, phase: 'Succeeded', message, finishedAt }, signal);
    return {};
  };

  const refuses = async (operation: MPDOperation, refusal: Refusal, signal: AbortSignal): Promise<ReconcileResult> => {
    await refuse(client, operation, refusal.code, refusal, clock.now().toISOString(), signal);
    return {};
  };

  /** One that a user made belongs to its cluster, and goes with it. */
  const adopt = async (operation: MPDOperation, cluster: MPDCluster, signal: AbortSignal): Promise<ReconcileResult> => {
    const { namespace = 'default', name = '', resourceVersion, ownerReferences = [] } = operation.metadata;
    const { ownerReferences: ours = [] } = ownedBy(keyOf(cluster), name);
    const body = { metadata: { ownerReferences: [...ownerReferences, ...ours], resourceVersion } };
    await client.patch(MPDOperations, { namespace, name }, { type: 'merge', body }, signal);
    return {};
  };

  /** What the operation waits for before its turn comes: the first thing of them. */
  const hindrance = (operation: MPDOperation): { readonly message: string; readonly forMs?: number } | undefined => {
    const { approval, startAt } = operation.spec;
    if (approval?.required && !approval.approved) return { message: 'waits for approval' };
    const forMs = startAt === undefined ? 0 : Date.parse(startAt) - clock.now().getTime();
    if (forMs > 0) return { message: `waits until ${startAt}`, forMs: Math.min(forMs, MAX_WAIT_MS) };
    return undefined;
  };

  return async (
    operation: MPDOperation,
    cluster: MPDCluster,
    signal: AbortSignal,
  ): Promise<ReconcileResult | 'begin'> => {
    if (isOfCluster(operation)) return 'begin';
    if (!isOwned(operation, cluster)) return await adopt(operation, cluster, signal);
    const plan = async (): Promise<Planned> => await planNow(operation, cluster, services, signal);
    if (operation.spec.planOnly) {
      const planned = await plan();
      return planned.type === 'refused'
        ? await refuses(operation, planned.refusal, signal)
        : await ends(operation, planned, signal);
    }
    const waitsFor = hindrance(operation);
    if (waitsFor) {
      // Whoever approves wants to see what; it is made anew when the operation begins.
      await waits(operation, waitsFor.message, signal, operation.status?.plan ? undefined : await plan());
      return waitsFor.forMs === undefined ? {} : { requeueAfterMs: waitsFor.forMs };
    }
    const queue = queuedOperations(siblings(operation));
    const place = queue.findIndex(({ metadata }) => metadata.name === operation.metadata.name);
    const [turn] = queue;
    if (turn && place > 0) {
      const { phase } = turn.status ?? {};
      const stopped =
        phase === 'Paused' ? ', which is paused' : phase === 'Interrupted' ? ', which needs a person' : '';
      const message = `waits for ${turn.spec.type} (${turn.metadata.name})${stopped}; ${place} of ${queue.length - 1} in the queue`;
      return await waits(operation, message, signal);
    }
    if (!isCreated(cluster)) return await waits(operation, 'waits until the cluster has been created', signal);
    const planned = await plan();
    if (planned.type === 'refused') {
      const until = planned.passing ? patienceEnds(operation, clock.now(), services.patience.fitMs) : undefined;
      return until === undefined
        ? await refuses(operation, planned.refusal, signal)
        : await staysUnfit(operation, planned.refusal, until, signal);
    }
    if (planned.type === 'nothing') return await ends(operation, planned, signal);
    await write(operation, begun(fitNow(operation), cluster, planned.plan), signal);
    return {};
  };

  /** What is in its way goes by itself, or it is refused: the condition tells both, and since when. */
  async function staysUnfit(
    operation: MPDOperation,
    { code, message }: Refusal,
    until: string,
    signal: AbortSignal,
  ): Promise<ReconcileResult> {
    const claim = { type: 'Fit', status: 'False', reason: code, message } as const;
    const conditions = withCondition(operation.status?.conditions, claim, clock.now().toISOString());
    const said = `waits, at most until ${until}, because ${message}`;
    await waits({ ...operation, status: { ...operation.status, conditions } }, said, signal, undefined, operation);
    return { requeueAfterMs: UNFIT_LOOK_MS };
  }

  function fitNow(operation: MPDOperation): MPDOperation {
    if (!unfitSince(operation)) return operation;
    const claim = { type: 'Fit', status: 'True', reason: 'Possible', message: 'it can be carried out' } as const;
    const conditions = withCondition(operation.status?.conditions, claim, clock.now().toISOString());
    return { ...operation, status: { ...operation.status, conditions } };
  }
}

/** How often an operation that waits for what goes by itself looks again, in milliseconds. */
const UNFIT_LOOK_MS = 500;

const unfitSince = ({ status }: MPDOperation): string | undefined =>
  status?.conditions?.find((one) => one.type === 'Fit' && one.status === 'False')?.lastTransitionTime ?? undefined;

/** The moment, of those to come, at which an unfit operation is refused; undefined: now. */
function patienceEnds(operation: MPDOperation, now: Date, patienceMs: number): string | undefined {
  const end = Date.parse(unfitSince(operation) ?? now.toISOString()) + patienceMs;
  return end > now.getTime() ? new Date(end).toISOString() : undefined;
}

const isOwned = ({ metadata }: MPDOperation, cluster: MPDCluster): boolean =>
  metadata.ownerReferences?.some(({ uid }) => uid === cluster.metadata.uid) ?? false;

const keyOf = ({ metadata: { name = '', namespace = 'default', uid = '' } }: MPDCluster) => ({ name, namespace, uid });

/** Timers have 31 bits. */
const MAX_WAIT_MS = 86_400_000;
