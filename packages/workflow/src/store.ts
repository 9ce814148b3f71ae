import { StackError } from '@polarstack/base';
import type { WorkflowRecord } from './record.ts';

export interface Stored {
  readonly record: WorkflowRecord;
  /** Opaque; changes with every write to where the record lies. */
  readonly version: string;
}

/** Where runs are kept. Writes are durable when they resolve. */
export interface WorkflowStore {
  /** Undefined where there is no such run (any more). */
  load(id: string, signal: AbortSignal): Promise<Stored | undefined>;
  /** Fails with `WorkflowConflict` unless the stored version is `version`, with `WorkflowGone` where the run is gone. */
  save(id: string, record: WorkflowRecord, version: string, signal: AbortSignal): Promise<Stored>;
}

/** A store in memory: for tests, and for runs that nothing needs to resume after a crash. */
export function createMemoryStore(): WorkflowStore & { put(id: string, record: WorkflowRecord): void } {
  const runs = new Map<string, Stored>();
  return {
    put: (id, record) => {
      runs.set(id, { record, version: String(Number(runs.get(id)?.version ?? 0) + 1) });
    },
    load: async (id) => runs.get(id),
    save: async (id, record, version) => {
      const current = runs.get(id);
      if (!current) throw new StackError('WorkflowGone', `no run ${id}`);
      if (current.version !== version) throw new StackError('WorkflowConflict', `run ${id} was written by another`);
      const stored = { record, version: String(Number(version) + 1) };
      runs.set(id, stored);
      return stored;
    },
  };
}
