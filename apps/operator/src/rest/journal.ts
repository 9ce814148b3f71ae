/**
 * What changed lately, in order, for those who listen and for those who come back.
 *
 * Invariants (tests cite them):
 * - JR1 Whoever names the last entry that came gets every entry after it, once and in order, or is told that some are gone.
 * - JR2 It holds a bounded number of entries.
 * - JR3 An entry of another process is not known: its id names the process.
 */
import type { MPDCluster, MPDOperation } from '@polarstack/api';
import type { OperatorView } from './context.ts';

export interface Entry {
  readonly id: string;
  readonly event: 'cluster' | 'operation' | 'deleted';
  readonly namespace: string;
  /** The cluster that it is about. */
  readonly cluster: string;
  readonly object: MPDCluster | MPDOperation;
}

export interface Journal {
  /** The id that names all that is there now. */
  readonly now: () => string;
  /** Entries after the one of this id; undefined where they are not all known (any more). */
  after(id: string): readonly Entry[] | undefined;
  listen(listener: (entry: Entry) => void): () => void;
  close(): void;
}

export const JOURNAL_LENGTH = 2_000;

/** `process`: a text that no other process has. */
export function createJournal(
  { clusters, operations }: Pick<OperatorView, 'clusters' | 'operations'>,
  process: string,
  length = JOURNAL_LENGTH,
): Journal {
  const entries: Entry[] = [];
  const listeners = new Set<(entry: Entry) => void>();
  let last = 0;
  const idOf = (number: number): string => `${process}-${number}`;

  const add = (entry: Omit<Entry, 'id'>): void => {
    last += 1;
    const known = { ...entry, id: idOf(last) };
    entries.push(known);
    if (entries.length > length) entries.shift();
    for (const listener of listeners) listener(known);
  };
  const forget = [
    clusters.onChange(({ type, object }) => {
      const { namespace = 'default', name = '' } = object.metadata;
      add({ event: type === 'DELETED' ? 'deleted' : 'cluster', namespace, cluster: name, object });
    }),
    operations.onChange(({ type, object }) => {
      const { namespace = 'default' } = object.metadata;
      add({ event: type === 'DELETED' ? 'deleted' : 'operation', namespace, cluster: object.spec.cluster, object });
    }),
  ];

  return {
    now: () => idOf(last),
    after: (id) => {
      const number = /^\d{1,15}$/.exec(id.slice(process.length + 1))?.[0];
      const first = last - entries.length;
      if (!id.startsWith(`${process}-`) || number === undefined) return undefined;
      if (Number(number) < first || Number(number) > last) return undefined;
      return entries.slice(Number(number) - first);
    },
    listen: (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    close: () => {
      for (const each of forget) each();
      listeners.clear();
    },
  };
}
