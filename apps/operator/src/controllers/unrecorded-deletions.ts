/**
 * Deletes clusters whose namespace is being deleted: no `MPDOperation` can be made there, so the same workflow runs
 * with its record in memory.
 *
 * Invariants (tests cite them):
 * - UD1 One deletion of a cluster runs at a time here.
 * - UD2 An operator that dies has lost the record: the next one begins with the first step, and each compares before
 *   it acts.
 * - UD3 There is nobody to steer it: what stopped begins again by itself, after a pause.
 * - UD4 When the signal aborts every deletion ends, and `idle` resolves after the last.
 */
import { randomUUID } from 'node:crypto';
import type { MPDCluster } from '@polarstack/api';
import { type Clock, type Logger, StackError, toStackError } from '@polarstack/base';
import { objectKey } from '@polarstack/kube';
import { createMemoryStore, type Failure, newRecord, runWorkflow, type WorkflowEvent } from '@polarstack/workflow';
import { clusterKey } from '../kube/cluster-status-writer.ts';
import { deleteWorkflow } from '../steps/delete-workflow.ts';
import type { Services } from '../steps/services.ts';

export interface UnrecordedDeletionsOptions {
  readonly services: Services;
  readonly logger: Logger;
  readonly signal: AbortSignal;
  readonly clock: Clock;
  /** Told when a deletion of this cluster ended, well or not. */
  readonly onEnd: (clusterKey: string) => void;
  readonly observe?: (event: WorkflowEvent) => void;
}

/** How far a deletion is. `failure`: why it stopped last; it begins again by itself. */
export interface DeletionProgress {
  readonly done: boolean;
  readonly failure?: Failure;
  /** When to ask again at the latest, in milliseconds. */
  readonly againMs?: number;
}

export interface UnrecordedDeletions {
  /** Begins the deletion where it does not run and is not done; answers how far it is. */
  advance(cluster: MPDCluster): DeletionProgress;
  has(cluster: MPDCluster): boolean;
  /** The cluster is gone. */
  forget(uid: string): void;
  idle(): Promise<void>;
}

/** Pause before a deletion that stopped begins again, in milliseconds. */
const AGAIN_MS = 10_000;

interface Deletion {
  done: boolean;
  failure?: Failure;
  /** Set while it runs. */
  running?: Promise<void>;
  /** When the last run ended, by a clock that never goes back. */
  endedAt: number;
}

const workflows = new Map([[deleteWorkflow.name, deleteWorkflow]]);

export function createUnrecordedDeletions(options: UnrecordedDeletionsOptions): UnrecordedDeletions {
  const { services, logger, signal, clock, onEnd } = options;
  const deletions = new Map<string, Deletion>();

  const attempt = async (cluster: MPDCluster): Promise<Failure | undefined> => {
    const { namespace, name, uid } = clusterKey(cluster);
    const id = `${namespace}/${name}`;
    const store = createMemoryStore();
    store.put(id, newRecord(deleteWorkflow, { namespace, cluster: name, uid }));
    const outcome = await runWorkflow({
      workflows,
      id,
      store,
      services,
      logger,
      signal,
      clock,
      writer: randomUUID(),
      ...(options.observe && { observe: options.observe }),
    });
    switch (outcome.type) {
      case 'finished':
        return undefined;
      case 'interrupted':
      case 'waiting':
      case 'paused':
        return outcome.record.reason ?? failureOf(new StackError('Internal', 'the deletion stopped without a reason'));
      case 'lost':
      case 'gone':
        return failureOf(new StackError('Internal', `the record in memory is ${outcome.type}`));
    }
  };

  const run = async (cluster: MPDCluster, deletion: Deletion): Promise<void> => {
    const key = objectKey(cluster);
    // Starts after `advance` has stored the promise.
    await Promise.resolve();
    try {
      const failure = await attempt(cluster);
      if (failure) deletion.failure = failure;
      else deletion.done = true;
      logger.info({ cluster: key, failure }, failure ? 'a deletion stopped' : 'a deletion is done');
    } catch (error) {
      if (signal.aborted) return;
      deletion.failure = failureOf(toStackError(error));
      logger.error({ err: toStackError(error), cluster: key }, 'a deletion could not be run');
    } finally {
      delete deletion.running;
      deletion.endedAt = clock.monotonic();
    }
    onEnd(key);
  };

  return {
    advance: (cluster) => {
      const { uid } = clusterKey(cluster);
      const deletion: Deletion = deletions.get(uid) ?? { done: false, endedAt: Number.NEGATIVE_INFINITY };
      deletions.set(uid, deletion);
      const pause = deletion.failure ? deletion.endedAt + AGAIN_MS - clock.monotonic() : 0;
      if (!deletion.done && !deletion.running && pause <= 0 && !signal.aborted) {
        logger.info({ cluster: objectKey(cluster) }, 'its namespace is being deleted: a deletion without an operation');
        deletion.running = run(cluster, deletion);
      }
      return {
        done: deletion.done,
        ...(deletion.failure && !deletion.done && { failure: deletion.failure }),
        ...(!deletion.done && !deletion.running && { againMs: Math.max(pause, 1) }),
      };
    },
    has: (cluster) => deletions.has(clusterKey(cluster).uid),
    forget: (uid) => {
      deletions.delete(uid);
    },
    idle: async () => {
      await Promise.allSettled([...deletions.values()].flatMap(({ running }) => running ?? []));
    },
  };
}

const failureOf = ({ code, message, remedy }: StackError): Failure => ({ code, message, remedy });
