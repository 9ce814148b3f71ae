/**
 * A change of the synchronous configuration, one step at a time: publish {old, new} -> apply -> confirm -> publish {new}.
 *
 * Invariants (tests cite them):
 * - I7 What is effective in the engine is always one of the published configurations: the new one is published before it is applied,
 *      the old one goes only when the new one is proven effective.
 * - J1 Nothing is published while a switch stands: its election covers what was published when the answers were asked for.
 * - J2 Proven means: a new connection shows the new one, and a canary written *after that*, and seen waiting, is held by k of its
 *      members and by every connected member of either: what the old one acknowledged is then with the new one's members.
 * - J3 `required` never lowers k by itself; `preferred` does so by this same way only.
 */
import { comparePositions, type Position, type SyncConfiguration } from './configuration.ts';
import type { SyncRecord } from './elect.ts';

export type ChangeStep =
  | { readonly kind: 'idle' }
  | { readonly kind: 'publish'; readonly sync: SyncRecord }
  | { readonly kind: 'apply'; readonly configuration: SyncConfiguration }
  /** Write a canary and find out whether {@link proven}. */
  | { readonly kind: 'confirm'; readonly configuration: SyncConfiguration };

/** What the primary's agent says of the configuration in its engine. */
export interface Effective {
  /** Seen by a new connection. */
  readonly version: number;
  /** A version for which {@link proven} held. */
  readonly provenVersion: number;
}

export interface Wanted {
  readonly k: number;
  readonly members: readonly string[];
}

const newest = ({ configurations }: SyncRecord): SyncConfiguration | undefined =>
  configurations.reduce<SyncConfiguration | undefined>((a, b) => (a && a.version > b.version ? a : b), undefined);

const sameSet = (a: readonly string[], b: readonly string[]): boolean =>
  a.length === b.length && a.every((id) => b.includes(id));

/** The next step towards `wanted`. What was begun is ended first, also where something else is wanted by now. */
export function changeStep(
  sync: SyncRecord,
  wanted: Wanted,
  effective: Effective,
  { epoch, primary, switching }: { readonly epoch: number; readonly primary: string; readonly switching: boolean },
): ChangeStep {
  const last = newest(sync);
  if (!last || last.epoch !== epoch || last.primary !== primary || switching) return { kind: 'idle' };
  if (effective.version < last.version) return { kind: 'apply', configuration: last };
  if (sync.configurations.length > 1) {
    if (effective.provenVersion < last.version) return { kind: 'confirm', configuration: last };
    return { kind: 'publish', sync: { ...sync, configurations: [last] } };
  }
  if (last.k === wanted.k && sameSet(last.members, wanted.members)) return { kind: 'idle' };
  const members = wanted.members.filter((id) => id !== primary);
  const next: SyncConfiguration = { version: last.version + 1, epoch, primary, k: wanted.k, members };
  return { kind: 'publish', sync: { ...sync, configurations: [last, next] } };
}

/** J2. `held`: how far each member has confirmed; `connected`: who streams now. */
export function proven(
  canary: Position,
  next: SyncConfiguration,
  published: readonly SyncConfiguration[],
  held: ReadonlyMap<string, Position>,
  connected: ReadonlySet<string>,
): boolean {
  const has = (id: string): boolean => {
    const at = held.get(id);
    return at !== undefined && comparePositions(at, canary) >= 0;
  };
  if (next.members.filter(has).length < next.k) return false;
  const either = new Set([...published, next].flatMap(({ members }) => members));
  return [...either].every((id) => !connected.has(id) || has(id));
}

export type DurabilityMode = 'required' | 'preferred';

/**
 * What is wanted for the members that there are. Who is gone for long leaves the set, so that an election need not hear of it, but
 * never so that fewer than k are left; a `preferred` cluster goes on with k = 0 rather than wait.
 */
export function wantedFor(
  current: SyncConfiguration,
  minSync: number,
  mode: DurabilityMode,
  { streaming, gone }: { readonly streaming: ReadonlySet<string>; readonly gone: ReadonlySet<string> },
): Wanted {
  const staying = current.members.filter((id) => !gone.has(id));
  const arriving = [...streaming].filter((id) => id !== current.primary && !staying.includes(id)).sort();
  const members = [...staying, ...arriving];
  if (mode === 'preferred' && members.length < minSync) return { k: members.length, members };
  const missing = current.members.filter((id) => !members.includes(id));
  return { k: minSync, members: [...members, ...missing.slice(0, Math.max(0, minSync - members.length))] };
}
