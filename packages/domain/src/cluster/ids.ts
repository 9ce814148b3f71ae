/**
 * Ids of clusters and instances: one counter for all of them, in ConfigMap `kube-system/polardb4mpd-controller`.
 * Source: facts of the original, §6.1 and §6.2.
 *
 * Invariant ID1: ids are taken by a write that fails where somebody was faster, so no number is ever given twice.
 * A crash between taking and recording leaves a gap, never a double.
 */
import { StackError } from '@polarstack/base';

export const ALLOCATION_CONFIG_MAP = 'polardb4mpd-controller';
export const NEXT_ID_KEY = 'NextClusterScopeCustInsId';
export const NEXT_EXTERNAL_PORT_KEY = 'Pbx.Next.External.Port';
const FIRST_ID = 1000;

export type Counters = Readonly<Record<string, string>>;

/** Takes `count` consecutive ids: the first, and the counters to store before any of them is used. */
export function takeIds(counters: Counters, count: number): { readonly first: number; readonly counters: Counters } {
  const stored = counters[NEXT_ID_KEY];
  const first = stored === undefined ? FIRST_ID : Number(stored);
  if (!Number.isSafeInteger(first) || first < 1) {
    throw new StackError('AllocationCorrupt', `${NEXT_ID_KEY} is ${JSON.stringify(stored)}, not a positive number`);
  }
  return { first, counters: { ...counters, [NEXT_ID_KEY]: String(first + count) } };
}
