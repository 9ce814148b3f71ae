import type { Entry } from './view.ts';

/** Where a store's accepted transactions become durable. One call at a time. */
export interface CommitLog {
  /**
   * Resolves when the records are durable. Rejects when they are not, and then none of them ever counts: the log is as
   * it was before, and the next append may succeed again.
   * @param first the revision of the first record; the others follow without a gap
   */
  append(records: readonly Buffer[], first: number): Promise<void>;
  /** Called after an append became visible, with the state to write down when it is time to shorten the log. */
  checkpoint(revision: number, entries: () => readonly Entry[]): Promise<void>;
  close(): Promise<void>;
}

/** Keeps nothing: for tests that need a store and no disk. */
export const volatileLog: CommitLog = {
  append: async () => {},
  checkpoint: async () => {},
  close: async () => {},
};
