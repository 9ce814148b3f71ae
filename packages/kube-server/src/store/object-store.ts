/** A stored object: plain JSON whose `metadata.resourceVersion` is the revision of its last write. */
export interface StoredObject {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: Readonly<Record<string, unknown>> & { readonly resourceVersion: string };
  readonly [field: string]: unknown;
}

/** What a transaction function decides. The store sets `metadata.resourceVersion` of whatever is put. */
export type Decision =
  | { readonly type: 'put'; readonly object: Readonly<Record<string, unknown>> }
  | {
      readonly type: 'delete' /** The last state, as watchers of the deletion see it. */;
      readonly object: Readonly<Record<string, unknown>>;
    }
  | { readonly type: 'keep' };

export type StoreEvent = {
  readonly type: 'ADDED' | 'MODIFIED' | 'DELETED';
  readonly key: string;
  readonly revision: number;
  readonly object: StoredObject;
  /** The state before, absent for ADDED: selector-filtered watches need it. */
  readonly previous?: StoredObject;
};

/**
 * A durable, versioned map from keys to objects with one monotonic revision for all of them.
 *
 * Invariants (tests cite them):
 * - S1 A transaction resolves, and its effect is visible to `get`, `list` and watchers, only after it is fsynced.
 * - S2 Transactions take effect one after the other: a function sees the effect of every one that was accepted
 *   before it, fsynced or not, so two writers never both win from the same state.
 * - S3 Revisions of effects grow by at least 1 and are never used twice, also across crashes.
 * - S4 A watcher sees every effect on its prefix after its start revision exactly once, in order.
 * - S5 After a crash the state is that of some prefix of the accepted transactions which includes every resolved one.
 */
export interface ObjectStore {
  /** The newest durable revision. */
  readonly revision: number;
  /** The oldest revision from which a watch can still start. */
  readonly oldestRevision: number;
  get(key: string): StoredObject | undefined;
  /** Objects whose key starts with `prefix`, in key order (byte order), at the current revision. */
  list(prefix: string): readonly { readonly key: string; readonly object: StoredObject }[];
  /**
   * Runs `decide` synchronously on the newest accepted state of `key`. What it throws is thrown to the caller and
   * changes nothing. Resolves with the object as stored (or the current one for `keep`, or the last for `delete`).
   */
  transact(key: string, decide: (current: StoredObject | undefined) => Decision): Promise<StoredObject | undefined>;
  /** Calls `listener` for each event on `prefix` after `fromRevision`; throws `Gone` when that is left behind. */
  subscribe(prefix: string, fromRevision: number, listener: (event: StoreEvent) => void): () => void;
  /** Flushes and releases the lock. */
  close(): Promise<void>;
}
