/**
 * Who must have a commit before it is acknowledged, as it was published in the HA record; and which answers of members prove
 * that nothing more can be acknowledged, and that everything acknowledged is among what they have.
 *
 * Invariants (tests cite them):
 * - Y1 Answers that cover a configuration, by the first rule, have a member in common with every k of its members. Whoever answered
 *      was sealed before: so no commit begun later gets k confirmations (F5), and the answers hold every commit that got them (I3).
 * - Y2 By the second rule the primary itself answered, stopped: it has all that it acknowledged, unless a member is ahead of it in
 *      its own epoch, which only a disk that lost something can bring about.
 * - Y3 With k = 0 the primary alone acknowledges: members never cover that.
 */

/** Positions are ordered by epoch first: two lines that did not see each other may share a timeline number. */
export interface Position {
  /** Of the last WAL record. */
  readonly epoch: number;
  /** Flushed, in bytes. */
  readonly lsn: bigint;
}

export interface SyncConfiguration {
  /** Grows with each change; an agent refuses to apply an older one. */
  readonly version: number;
  readonly epoch: number;
  readonly primary: string;
  /** How many of the members must have flushed a commit. */
  readonly k: number;
  /** Instance ids; they stream directly from the primary. Never the primary itself. */
  readonly members: readonly string[];
}

/** What a member said once it was sealed: its walreceiver is gone, and its term is the new epoch. */
export interface SealAnswer {
  readonly instanceId: string;
  readonly systemId: string;
  readonly last: Position;
  /** Of a primary: its engine is dead and stays so below the new epoch. A primary that runs answers nothing. */
  readonly stopped?: boolean;
}

export const comparePositions = (a: Position, b: Position): number =>
  a.epoch !== b.epoch ? a.epoch - b.epoch : a.lsn < b.lsn ? -1 : a.lsn > b.lsn ? 1 : 0;

/** `inPlace`: the one that is about to be elected though it was the primary, and whose engine goes on. */
export function covers(
  answers: readonly SealAnswer[],
  { epoch, primary, k, members }: SyncConfiguration,
  inPlace?: string,
) {
  const there = new Set(answers.map(({ instanceId }) => instanceId));
  if (members.filter((id) => !there.has(id)).length < k) return true;
  const old = answers.find(({ instanceId }) => instanceId === primary);
  if (!old || !(old.stopped || inPlace === primary)) return false;
  return !answers.some(({ last }) => last.epoch === epoch && comparePositions(last, old.last) > 0);
}

/** Whether a member may be wiped, rewound or restored: not while a published configuration may rest on what it acknowledged. */
export function mayLoseWal(
  instanceId: string,
  /** Of its last WAL. */
  epoch: number,
  published: readonly SyncConfiguration[],
): boolean {
  return !published.some((one) => one.members.includes(instanceId) && epoch >= one.epoch);
}
