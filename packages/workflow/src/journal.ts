import { type Clock, isStackError, retry, StackError } from '@polarstack/base';
import type { WorkflowRecord } from './record.ts';
import type { Stored, WorkflowStore } from './store.ts';

/** Lost races with changes beside the record before somebody is taken to be writing against us. */
const STEERING_ROUNDS = 10;

export interface JournalOptions {
  readonly id: string;
  readonly store: WorkflowStore;
  readonly stored: Stored;
  readonly writer: string;
  readonly signal: AbortSignal;
  readonly clock: Clock;
}

/** The one place that writes a run's record, and decides whose write a conflict was (W7). */
export interface Journal {
  current(): WorkflowRecord;
  write(record: WorkflowRecord): Promise<WorkflowRecord>;
}

export function createJournal({ id, store, stored, writer, signal, clock }: JournalOptions): Journal {
  let held = stored;

  const attempt = async (next: WorkflowRecord): Promise<Stored> => {
    for (let round = 1; ; round++) {
      try {
        return await store.save(id, next, held.version, signal);
      } catch (error) {
        if (!isStackError(error, 'WorkflowConflict') || round === STEERING_ROUNDS) throw error;
        const found = await store.load(id, signal);
        if (!found) throw new StackError('WorkflowGone', `run ${id} is gone`, { cause: error });
        if (found.record.revision === next.revision && found.record.writer === writer) return found;
        const { revision, writer: last } = held.record;
        if (found.record.revision !== revision || found.record.writer !== last) throw error;
        // Something beside the record changed: the same write again, on top of it.
        held = found;
      }
    }
  };

  return {
    current: () => held.record,
    write: async (record) => {
      const next = { ...record, revision: held.record.revision + 1, writer };
      held = await persistently(() => attempt(next), signal, clock);
      return held.record;
    },
  };
}

/** Reads and writes of the record wait for a store that does not answer: the effect behind them has happened. */
export async function persistently<T>(work: () => Promise<T>, signal: AbortSignal, clock: Clock): Promise<T> {
  return await retry(work, { signal, clock, baseMs: 50, maxMs: 2_000, isRetryable: (error) => !isOfStore(error) });
}

export const isOfStore = (error: unknown): boolean =>
  isStackError(error, 'WorkflowConflict') || isStackError(error, 'WorkflowGone');
