/**
 * Runs the workflows of operations in this process.
 *
 * Invariants (tests cite them):
 * - R1 An operation runs at most once at a time here; another process is kept out by the record's versions.
 * - R2 When the signal aborts every run ends, and `idle` resolves after the last; each stays resumable.
 * - R3 What goes wrong with one run touches no other.
 */
import { randomUUID } from 'node:crypto';
import type { MPDOperation } from '@polarstack/api';
import { type Clock, type Logger, type StackError, toStackError } from '@polarstack/base';
import { objectKey } from '@polarstack/kube';
import { type Outcome, runWorkflow, type Workflow, type WorkflowEvent } from '@polarstack/workflow';
import { createOperationStore } from '../kube/operation-store.ts';
import { operationWorkflow } from '../operations/operation-workflow.ts';
import { createWorkflow } from '../steps/create-workflow.ts';
import { deleteWorkflow } from '../steps/delete-workflow.ts';
import type { Services } from '../steps/services.ts';

export interface OperationRunnerOptions {
  readonly services: Services;
  readonly logger: Logger;
  readonly signal: AbortSignal;
  readonly clock: Clock;
  /** Told when a run ended, or should be looked at again after `againMs`. */
  readonly onEnd: (key: string, againMs?: number) => void;
  readonly observe?: (event: WorkflowEvent) => void;
}

export interface OperationRunner {
  /** Starts the operation where it does not run yet. */
  start(operation: MPDOperation): void;
  /** Asks an operation to end: one that runs stops, one that does not is ended when it is started. */
  cancel(key: string, reason: StackError): void;
  /** Whether the operation is to be ended, so that starting it makes sense even where it waits for a person. */
  isCancelled(key: string): boolean;
  isRunning(key: string): boolean;
  idle(): Promise<void>;
}

const workflows: ReadonlyMap<string, Workflow<Services>> = new Map(
  [createWorkflow, deleteWorkflow, operationWorkflow].map((workflow) => [workflow.name, workflow]),
);

/** The workflow that an operation without a recorded run gets, and what it works on; a planned one has its run from its plan. */
export function workflowOf({ spec, metadata }: MPDOperation) {
  const uid = metadata.ownerReferences?.find(({ kind }) => kind === 'MPDCluster')?.uid ?? '';
  const input = { namespace: metadata.namespace ?? 'default', cluster: spec.cluster, uid };
  switch (spec.type) {
    case 'Create':
      return { workflow: createWorkflow, input };
    case 'Delete':
      return { workflow: deleteWorkflow, input };
    default:
      return { workflow: operationWorkflow, input, plan: [] };
  }
}

/** Pause before a run that failed outside its steps is tried again. */
const AGAIN_MS = 1_000;

export function createOperationRunner(options: OperationRunnerOptions): OperationRunner {
  const { services, logger, signal, clock, onEnd } = options;
  const runs = new Map<string, { readonly done: Promise<void>; readonly cancel: AbortController }>();
  const cancelled = new Map<string, StackError>();

  const settle = (key: string, outcome: Outcome): number | undefined => {
    switch (outcome.type) {
      case 'finished':
      case 'gone':
        cancelled.delete(key);
        return undefined;
      case 'interrupted':
      case 'paused':
        return undefined;
      case 'waiting':
        return outcome.untilMs;
      case 'lost':
        logger.warn({ operation: key }, 'another process works on the operation');
        return AGAIN_MS;
    }
  };

  const run = async (key: string, cancel: AbortSignal): Promise<void> => {
    let again: number | undefined;
    try {
      const outcome = await runWorkflow({
        workflows,
        id: key,
        store: createOperationStore(services.client, workflowOf),
        services,
        logger,
        signal,
        cancel,
        clock,
        writer: randomUUID(),
        ...(options.observe && { observe: options.observe }),
      });
      again = settle(key, outcome);
    } catch (error) {
      if (signal.aborted) return;
      logger.error({ err: toStackError(error), operation: key }, 'an operation could not be run');
      again = AGAIN_MS;
    } finally {
      runs.delete(key);
    }
    onEnd(key, again);
  };

  return {
    start: (operation) => {
      const key = objectKey(operation);
      if (signal.aborted || runs.has(key)) return;
      const cancel = new AbortController();
      const reason = cancelled.get(key);
      if (reason) cancel.abort(reason);
      runs.set(key, { done: run(key, cancel.signal), cancel });
    },
    cancel: (key, reason) => {
      if (cancelled.has(key)) return;
      cancelled.set(key, reason);
      const running = runs.get(key);
      if (running) running.cancel.abort(reason);
      else onEnd(key);
    },
    isCancelled: (key) => cancelled.has(key),
    isRunning: (key) => runs.has(key),
    idle: async () => {
      await Promise.allSettled([...runs.values()].map(({ done }) => done));
    },
  };
}
