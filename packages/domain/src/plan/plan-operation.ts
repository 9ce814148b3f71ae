/**
 * Which operation a cluster needs next: a pure function of the cluster and its operations.
 *
 * Invariants (tests cite them):
 * - PL1 At most one changing operation of a cluster is unfinished and not about to be cancelled.
 * - PL2 Nothing is made for a cluster that was not accepted.
 * - PL3 A deletion cancels what is under way, and is never begun on a protected cluster.
 * - PL4 The finalizer goes last: only after a delete operation has succeeded.
 */
import {
  CLUSTER_FINALIZER,
  GROUP,
  type MPDCluster,
  type MPDOperation,
  type MPDOperationInput,
  type OperationType,
  VERSION,
} from '@polarstack/api';
import { ownedBy } from '../objects/metadata.ts';
import { isCreated } from '../status/cluster-status.ts';
import { operationName } from './operation-names.ts';

export type Plan =
  | { readonly type: 'none'; readonly current?: MPDOperation }
  /** Make this operation; the finalizer must be on the cluster before. */
  | { readonly type: 'begin'; readonly operation: MPDOperationInput }
  /** Stop this operation: the cluster is to be deleted. */
  | { readonly type: 'cancel'; readonly operation: MPDOperation }
  /** The cluster is protected: it lives on as if nobody had deleted it. */
  | { readonly type: 'refuse-deletion'; readonly current?: MPDOperation }
  | { readonly type: 'release' };

export const isFinal = ({ status }: Pick<MPDOperation, 'status'>): boolean =>
  status?.phase === 'Succeeded' || status?.phase === 'Failed' || status?.phase === 'Cancelled';

/** Operations of a cluster that are not final, of those that change anything, in the order in which they are carried out. */
export function queuedOperations(operations: readonly MPDOperation[]): readonly MPDOperation[] {
  const age = ({ metadata }: MPDOperation): string => `${metadata.creationTimestamp ?? '~'}/${metadata.name ?? ''}`;
  return operations
    .filter((operation) => !isFinal(operation) && !operation.spec.planOnly)
    .sort((a, b) => (age(a) < age(b) ? -1 : 1));
}

/** The operation that holds the cluster: the oldest that is not final, of those that change anything. */
export const currentOperation = (operations: readonly MPDOperation[]): MPDOperation | undefined =>
  queuedOperations(operations)[0];

export function planOperation(input: {
  readonly cluster: MPDCluster;
  /** Whether the present spec can be carried out. */
  readonly accepted: boolean;
  /** Those of this very cluster. */
  readonly operations: readonly MPDOperation[];
}): Plan {
  const { cluster, accepted, operations } = input;
  const current = currentOperation(operations);
  const none = { type: 'none', ...(current && { current }) } as const;
  const begunDeletion = operations.some(({ spec }) => spec.type === 'Delete');
  const isProtected = cluster.spec.deletionProtection && !begunDeletion;
  if (cluster.metadata.deletionTimestamp && !isProtected) return planDeletion(cluster, operations, none);
  const plan = planLife(cluster, accepted, operations, none);
  if (!cluster.metadata.deletionTimestamp || plan.type !== 'none') return plan;
  return { ...plan, type: 'refuse-deletion' };
}

function planLife(
  cluster: MPDCluster,
  accepted: boolean,
  operations: readonly MPDOperation[],
  none: Extract<Plan, { type: 'none' }>,
): Plan {
  if (none.current || isCreated(cluster) || !accepted) return none;
  // A create that a person cancelled is not begun again behind their back.
  const ended = operations.some((operation) => operation.spec.type === 'Create' && isFinal(operation));
  return ended ? none : { type: 'begin', operation: newOperation(cluster, 'Create', ['the cluster is new']) };
}

function planDeletion(cluster: MPDCluster, operations: readonly MPDOperation[], none: Plan): Plan {
  if (!cluster.metadata.finalizers?.includes(CLUSTER_FINALIZER)) return none;
  const deletions = operations.filter(({ spec }) => spec.type === 'Delete');
  if (deletions.some(({ status }) => status?.phase === 'Succeeded')) return { type: 'release' };
  const other = operations.find((operation) => operation.spec.type !== 'Delete' && !isFinal(operation));
  if (other) return { type: 'cancel', operation: other };
  if (deletions.length > 0) return none;
  return { type: 'begin', operation: newOperation(cluster, 'Delete', ['the cluster was deleted']) };
}

interface Request {
  readonly name?: string;
  readonly parameters?: Readonly<Record<string, unknown>>;
  readonly requester?: string;
}

/** An operation of a cluster as it is made; without a name the one of creations and deletions. */
export function newOperation(
  cluster: MPDCluster,
  type: OperationType,
  reasons: readonly string[],
  { name: own, parameters, requester = 'operator' }: Request = {},
): MPDOperationInput {
  const { name = '', namespace = 'default', uid = '' } = cluster.metadata;
  return {
    apiVersion: `${GROUP}/${VERSION}`,
    kind: 'MPDOperation',
    metadata: ownedBy({ name, namespace, uid }, own ?? operationName({ name, uid }, type)),
    spec: { cluster: name, type, requester, reason: reasons.join('; '), ...(parameters && { parameters }) },
  };
}
