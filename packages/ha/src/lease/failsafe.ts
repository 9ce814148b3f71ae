/**
 * Whose promises keep a grant while no owner of the cluster answers.
 *
 * Invariant F1: as long as every member of a *blocking set* refuses a higher epoch, nobody can be elected without proof of the
 * primary's death: in sync because no published configuration can be covered, in async because nobody electable is left.
 */
import type { SyncConfiguration } from '../sync/configuration.ts';

export type Electorate =
  | {
      readonly mode: 'async';
      /**
       * Every member that the record may list as electable, as this primary was told. The owner elects only whom the primary has
       * confirmed, and takes a member out of the record before the primary forgets it: so this is never too few.
       */
      readonly electable: readonly string[];
    }
  | { readonly mode: 'sync'; readonly configurations: readonly SyncConfiguration[] };

/** Whether those who promised are a blocking set for the primary `self`. */
export function blocks(self: string, promised: ReadonlySet<string>, electorate: Electorate): boolean {
  switch (electorate.mode) {
    case 'async':
      return electorate.electable.every((id) => id === self || promised.has(id));
    case 'sync':
      // One is enough: an election must cover all that are published.
      return electorate.configurations.some(
        ({ primary, k, members }) => primary === self && k > 0 && members.filter((id) => promised.has(id)).length >= k,
      );
  }
}
