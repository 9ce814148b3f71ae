/**
 * How the original steers: annotations of a cluster that end or resume its operation, and those that say why it stopped.
 * Pure functions of the cluster and its operations.
 *
 * Invariants (tests cite them):
 * - SA1 A steering annotation is claimed by one write, which names the operation that it is for: whatever crashes, it
 *   never steers another one.
 * - SA2 The four interrupt annotations are on a cluster exactly while its operation is interrupted and nobody has steered it.
 */
import type { MPDCluster, MPDOperation } from '@polarstack/api';
import { isOperationType } from '@polarstack/api';
import { queuedOperations } from '../plan/plan-operation.ts';
import { operationStates } from './operation-state.ts';
import { annotatedBy } from './requests.ts';

/** Annotations of a claimed steering: this prefix and its id. */
export const STEER_PREFIX = 'steer.mpd.polardb.aliyun.com/';

const keys = {
  cancelled: 'cancelled',
  recover: 'interrupt.recover',
  reason: 'interrupt.reason',
  message: 'interrupt.message',
  previous: 'interrupt.previous.status',
} as const;
const interruptKeys = [keys.recover, keys.reason, keys.message, keys.previous] as const;

/** What the operator itself writes as `interrupt.recover`: anything else is somebody's wish. */
const NOT_YET = 'F';
/** Longest message in an annotation, in characters. */
const MAX_MESSAGE = 1024;

export interface SteeringRequest {
  readonly action: 'Cancel' | 'Resume' | 'RestartFromFirst';
  /** Name of the operation. */
  readonly operation: string;
  readonly requester: string;
}

export interface SteeringAnnotation {
  readonly key: string;
  readonly value: string;
  /** What the write that claims it changes of the annotations, the claim itself apart. */
  readonly removes: Readonly<Record<string, null>>;
  /** Absent: there is nothing to steer. */
  readonly request?: SteeringRequest;
}

/** The first annotation that asks for steering. */
export function steeringAnnotation(
  cluster: MPDCluster,
  operations: readonly MPDOperation[],
): SteeringAnnotation | undefined {
  const annotations = cluster.metadata.annotations ?? {};
  const [current] = queuedOperations(operations);
  const operation = current?.metadata.name;
  if (annotations[keys.cancelled] === 'true') {
    const canCancel = operation !== undefined && current?.spec.type !== 'Delete';
    const requester = annotatedBy(cluster, keys.cancelled);
    return {
      key: keys.cancelled,
      value: 'true',
      removes: { [keys.cancelled]: null },
      ...(canCancel && { request: { action: 'Cancel', operation, requester } }),
    };
  }
  const recover = annotations[keys.recover];
  if (recover === undefined || recover === NOT_YET) return undefined;
  const present = interruptKeys.filter((key) => annotations[key] !== undefined);
  const canResume = operation !== undefined && current?.status?.phase === 'Interrupted';
  const action = current?.spec.type === 'Rebuild' && !current.status?.undoing ? 'RestartFromFirst' : 'Resume';
  return {
    key: keys.recover,
    value: recover,
    removes: Object.fromEntries(present.map((key) => [key, null])),
    ...(canResume && { request: { action, operation, requester: annotatedBy(cluster, keys.recover) } }),
  };
}

export const formatSteering = (request: SteeringRequest): string => JSON.stringify(request);

/** The oldest claimed steering: ids begin with the moment of the claim. `request` is absent where it cannot be read. */
export function claimedSteering({
  metadata,
}: MPDCluster): { readonly id: string; readonly request?: SteeringRequest } | undefined {
  const [key] = Object.keys(metadata.annotations ?? {})
    .filter((name) => name.startsWith(STEER_PREFIX))
    .sort();
  if (key === undefined) return undefined;
  const request = parse(metadata.annotations?.[key] ?? '');
  return { id: key.slice(STEER_PREFIX.length), ...(request && { request }) };
}

function parse(text: string): SteeringRequest | undefined {
  try {
    const value = JSON.parse(text) as Partial<SteeringRequest> | null;
    const { action, operation, requester = '' } = value ?? {};
    if (action !== 'Cancel' && action !== 'Resume' && action !== 'RestartFromFirst') return undefined;
    return typeof operation === 'string' ? { action, operation, requester: String(requester) } : undefined;
  } catch {
    return undefined;
  }
}

/** What is to be changed of the annotations that say why the cluster stopped; undefined where they are right (SA2). */
export function interruptAnnotations(
  cluster: MPDCluster,
  operations: readonly MPDOperation[],
): Readonly<Record<string, string | null>> | undefined {
  const annotations = cluster.metadata.annotations ?? {};
  const [current] = queuedOperations(operations);
  const { phase, error, handledSteering } = current?.status ?? {};
  const isSteered = current?.spec.steering !== undefined && current.spec.steering.requestId !== handledSteering;
  if (current && phase === 'Interrupted') {
    if (isSteered) return undefined;
    const { type } = current.spec;
    return differing(annotations, {
      [keys.recover]: NOT_YET,
      [keys.reason]: error?.code ?? '',
      [keys.message]: (error?.message ?? '').slice(0, MAX_MESSAGE),
      [keys.previous]: isOperationType(type) ? operationStates[type] : type,
    });
  }
  return differing(annotations, Object.fromEntries(interruptKeys.map((key) => [key, null])));
}

function differing(
  annotations: Readonly<Record<string, string>>,
  wanted: Readonly<Record<string, string | null>>,
): Readonly<Record<string, string | null>> | undefined {
  const changes = Object.entries(wanted).filter(([key, value]) => (annotations[key] ?? null) !== value);
  return changes.length > 0 ? Object.fromEntries(changes) : undefined;
}

/**
 * The interrupted operation that somebody's `forceRebuild` supersedes, and the rebuild that waits for it: as in the
 * original, a rebuild is begun from `Interrupt` too.
 */
export function superseded(
  operations: readonly MPDOperation[],
): { readonly operation: MPDOperation; readonly by: string } | undefined {
  const [current, ...waiting] = queuedOperations(operations);
  if (current?.status?.phase !== 'Interrupted' || current.spec.type === 'Create' || current.spec.type === 'Delete') {
    return undefined;
  }
  const rebuild = waiting.find(({ spec }) => spec.type === 'Rebuild' && spec.reason?.startsWith('annotation '));
  return rebuild && { operation: current, by: rebuild.metadata.name ?? '' };
}
