import type { MPDCluster, MPDOperation } from '@polarstack/api';
import { isFinal } from './plan-operation.ts';

/** How long operations that have ended are kept. */
export interface Retention {
  /** How many of each cluster, the latest. */
  readonly count: number;
  /** How long after their end, in milliseconds. */
  readonly ageMs: number;
}

export const defaultRetention: Retention = { count: 50, ageMs: 30 * 86_400_000 };

/** Timers have 31 bits. */
const MAX_WAIT_MS = 86_400_000;

/**
 * Operations of the cluster that have ended and are kept no longer, and in how many milliseconds which one is next.
 * Never one that is not final (an interrupted one is not), nor one whose being there keeps what it did from being begun
 * again: creations and deletions, and what the present generation of the spec asked for.
 */
export function prunable(
  cluster: MPDCluster,
  operations: readonly MPDOperation[],
  { count, ageMs }: Retention,
  now: Date,
): {
  readonly due: readonly MPDOperation[];
  readonly next?: { readonly operation: MPDOperation; readonly ms: number };
} {
  const present = `-g${cluster.metadata.generation ?? 0}`;
  const ended = operations
    .filter((operation) => isFinal(operation) && operation.metadata.deletionTimestamp === undefined)
    .filter(
      ({ spec, metadata }) => spec.type !== 'Create' && spec.type !== 'Delete' && !metadata.name?.endsWith(present),
    )
    .map((operation) => ({ operation, endedMs: endOf(operation) }))
    .sort((a, b) => b.endedMs - a.endedMs);
  const isDue = ({ endedMs }: { readonly endedMs: number }, index: number): boolean =>
    index >= count || now.getTime() - endedMs >= ageMs;
  const due = ended.filter(isDue).map(({ operation }) => operation);
  const oldest = ended.filter((entry, index) => !isDue(entry, index)).at(-1);
  if (!oldest) return { due };
  const ms = Math.min(Math.max(oldest.endedMs + ageMs - now.getTime(), 1_000), MAX_WAIT_MS);
  return { due, next: { operation: oldest.operation, ms } };
}

function endOf({ status, metadata }: MPDOperation): number {
  const text = status?.finishedAt ?? metadata.creationTimestamp ?? '';
  const ms = Date.parse(text);
  return Number.isNaN(ms) ? 0 : ms;
}
