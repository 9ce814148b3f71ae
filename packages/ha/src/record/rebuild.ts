import { StackError } from '@polarstack/base';
import type { Term } from '@polarstack/contracts';
import { type HaRecord, type NewRecord, newRecord } from './record.ts';

/** What the agent of one instance remembers. */
export interface Remembered {
  readonly term?: Term;
  readonly fence?: number;
}

/**
 * A lost record, from what the agents of *all* instances remember: the primary of the highest epoch goes on, in an epoch above
 * whatever was ever sent to any of them. Throws `HaRecordMissing` where one of them was not heard, or where they do not say who
 * the primary is.
 */
export function rebuildRecord(
  { cluster, pods, now }: Omit<NewRecord, 'epoch' | 'primary'>,
  remembered: ReadonlyMap<string, Remembered>,
): HaRecord {
  const silent = Object.keys(pods).filter((id) => remembered.get(id) === undefined);
  if (silent.length > 0) throw new StackError('HaRecordMissing', `${silent.join(', ')} were not heard`);
  const terms = Object.keys(pods).flatMap((id) => {
    const { term } = remembered.get(id) ?? {};
    return term ? [{ id, term }] : [];
  });
  const highest = Math.max(0, ...terms.map(({ term }) => term.epoch));
  const [primary, second] = terms.filter(({ term }) => term.epoch === highest && term.role === 'primary');
  if (!primary || second) {
    const who = primary ? 'two instances remember' : 'no instance remembers';
    throw new StackError('HaRecordMissing', `${who} being primary in epoch ${highest}, the highest there is`);
  }
  const sent = Math.max(highest, ...Object.keys(pods).map((id) => remembered.get(id)?.fence ?? 0));
  return newRecord({ cluster, pods, now, primary: primary.id, epoch: sent + 1 });
}
