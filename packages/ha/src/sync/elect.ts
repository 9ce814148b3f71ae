/**
 * Who takes over in sync, and the configuration of the new epoch.
 *
 * Invariants (tests cite them):
 * - V1 Nobody is elected before the answers cover every published configuration (F5).
 * - V2 The one elected has the highest (epoch of the last WAL, flushed position) of all that answered, and is not below the floor:
 *      the floor is where the last one elected began, and whoever is below it lacks what that one had.
 * - V3 The configuration of the new epoch replaces those before, and the floor with it, in the write that elects (S4). Where the old
 *      primary goes on in place its engine still acknowledges by its old ones: they stay beside the new until it is confirmed.
 * - V4 k is never lowered by an election: who lacks members waits with its commits.
 */
import type { Reason } from '../lease/reason.ts';
import { comparePositions, covers, type Position, type SealAnswer, type SyncConfiguration } from './configuration.ts';

/** The part of the HA record that sync mode rests on. */
export interface SyncRecord {
  readonly systemId: string;
  /** One, or two while a change is under way; after an election in place up to one more. */
  readonly configurations: readonly SyncConfiguration[];
  /** Where the primary of the present epoch began. */
  readonly floor: Position;
}

export interface SyncElectionInput {
  readonly sync: SyncRecord;
  /** The new epoch. */
  readonly epoch: number;
  readonly answers: readonly SealAnswer[];
  /** Every member that may become primary, the preferred ones first (priority, zone). */
  readonly electable: readonly string[];
  /** Every instance that could stream, for topping up. */
  readonly instances: readonly string[];
  /** The primary so far, where its engine lives and could go on in the new epoch. */
  readonly inPlace?: string;
}

export type SyncElection =
  | { readonly winner: string; readonly sync: SyncRecord; readonly reasons: readonly Reason[] }
  | { readonly winner: undefined; readonly reasons: readonly Reason[] };

export function electSync({ sync, epoch, answers, electable, instances, inPlace }: SyncElectionInput): SyncElection {
  const same = answers.filter(({ systemId }) => systemId === sync.systemId);
  const reasons: Reason[] = [];
  for (const one of sync.configurations) {
    const holds = covers(same, one, inPlace);
    const names = `${one.k} of ${one.members.join(', ')}`;
    reasons.push({
      guard: 'V1-covered',
      holds,
      text: holds
        ? `the answers cover configuration ${one.version} (${names})`
        : `configuration ${one.version} (${names}) is not covered by ${same.map(({ instanceId }) => instanceId).join(', ') || 'anybody'}`,
    });
  }
  if (reasons.some(({ holds }) => !holds)) return { winner: undefined, reasons };
  const best = same.reduce<SealAnswer | undefined>(
    (a, b) => (a && comparePositions(a.last, b.last) >= 0 ? a : b),
    undefined,
  );
  const winner =
    best &&
    electable.find((id) => same.some((one) => one.instanceId === id && comparePositions(one.last, best.last) === 0));
  if (!best || winner === undefined) {
    const text = best ? `${best.instanceId} has most and may not become primary` : 'nobody answered';
    return { winner: undefined, reasons: [...reasons, { guard: 'V2-most', holds: false, text }] };
  }
  if (comparePositions(best.last, sync.floor) < 0) {
    const text = `${winner} is at ${show(best.last)}, below the floor ${show(sync.floor)}: it lacks what was there before`;
    return { winner: undefined, reasons: [...reasons, { guard: 'V2-floor', holds: false, text }] };
  }
  reasons.push({ guard: 'V2-most', holds: true, text: `${winner} has most of all that answered: ${show(best.last)}` });
  const responders = same.map(({ instanceId }) => instanceId).filter((id) => id !== winner);
  const k = Math.max(0, ...sync.configurations.map((one) => one.k));
  const spare = instances.filter((id) => id !== winner && !responders.includes(id));
  const members = [...responders, ...spare.slice(0, Math.max(0, k - responders.length))];
  const version = Math.max(0, ...sync.configurations.map((one) => one.version)) + 1;
  const kept = winner === inPlace ? sync.configurations.filter(({ primary }) => primary === winner) : [];
  const configurations = [...kept, { version, epoch, primary: winner, k, members }];
  return { winner, sync: { ...sync, configurations, floor: best.last }, reasons };
}

const show = ({ epoch, lsn }: Position): string =>
  `${epoch}:${(lsn >> 32n).toString(16).toUpperCase()}/${(lsn & 0xffff_ffffn).toString(16).toUpperCase()}`;
