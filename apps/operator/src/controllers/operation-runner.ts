/**
 * Runs the workflows of operations in this process.
 *
 * Invariants (tests cite them):
 * - R1 An operation runs at most once at a time here; another process is kept out by the record's versions.
 * - R2 When the signal aborts every run ends, and `idle` resolves after the last; each stays resumable.
 * - R3 What goes wrong with one run touches no other.
 * - R4 A wish (cancel, abandon, pause) is in memory only: whoever has it asks again until the record shows it.
 */
import { randomUUID } from 'node:crypto';
import type { MPDOperation } from '@polarstack/api';
import { type Clock, type Logger, StackError, toStackError } from '@polarstack/base';
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
  /** Asks an operation to end, undoing what it did: one that runs stops, one that does not is ended when it is started. */
  cancel(key: string, reason: StackError): void;
  /** Asks an operation to end as it is: nothing is undone any more. */
  abandon(key: string, reason: StackError): void;
  /** Asks an operation to stop before its next attempt. */
  pause(key: string): void;
  /** Why the operation is to be ended, so that starting it makes sense even where it waits for a person. */
  endReason(key: string): StackError | undefined;
  isPausing(key: string): boolean;
  /** Whether a step of it ignored that it was told to stop: what it started may still be working in this process. */
  isStuck(key: string): boolean;
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

type Wish = 'cancel' | 'abandon' | 'pause';
type Wishes = Partial<Record<Wish, StackError>>;

interface Run {
  readonly done: Promise<void>;
  readonly wishes: Readonly<Record<Wish, AbortController>>;
}

export function createOperationRunner(options: OperationRunnerOptions): OperationRunner {
  const { services, logger, signal, clock, onEnd } = options;
  const runs = new Map<string, Run>();
  const wished = new Map<string, Wishes>();
  const stuck = new Set<string>();

  const settle = (key: string, outcome: Outcome): number | undefined => {
    switch (outcome.type) {
      case 'finished':
      case 'gone':
        wished.delete(key);
        stuck.delete(key);
        return undefined;
      case 'paused':
      case 'interrupted': {
        const isStuck = outcome.record.reason?.code === 'StepStuck' && outcome.type === 'interrupted';
        if (isStuck) stuck.add(key);
        const { cancel, pause: _, ...held } = wished.get(key) ?? {};
        // It is cancelled already, or cannot be as long as it is stuck.
        const done = outcome.record.undoing || isStuck;
        wished.set(key, { ...held, ...(cancel && !done && { cancel }) });
        return undefined;
      }
      case 'waiting':
        return outcome.untilMs;
      case 'lost':
        logger.warn({ operation: key }, 'another process works on the operation');
        return AGAIN_MS;
    }
  };

  const run = async (key: string, { cancel, abandon, pause }: Run['wishes']): Promise<void> => {
    let again: number | undefined;
    try {
      const outcome = await runWorkflow({
        workflows,
        id: key,
        store: createOperationStore(services.client, workflowOf),
        services,
        logger,
        signal,
        cancel: cancel.signal,
        abandon: abandon.signal,
        pause: pause.signal,
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

  const wish = (key: string, what: Wish, reason: StackError): void => {
    const held = wished.get(key) ?? {};
    if (held[what]) return;
    wished.set(key, { ...held, [what]: reason });
    const running = runs.get(key);
    if (running) running.wishes[what].abort(reason);
    else onEnd(key);
  };

  return {
    start: (operation) => {
      const key = objectKey(operation);
      if (signal.aborted || runs.has(key)) return;
      const [cancel, abandon, pause] = [new AbortController(), new AbortController(), new AbortController()];
      const wishes = { cancel, abandon, pause };
      for (const what of ['cancel', 'abandon', 'pause'] as const) {
        const reason = wished.get(key)?.[what];
        if (reason) wishes[what].abort(reason);
      }
      runs.set(key, { done: run(key, wishes), wishes });
    },
    cancel: (key, reason) => wish(key, 'cancel', reason),
    abandon: (key, reason) => wish(key, 'abandon', reason),
    pause: (key) => wish(key, 'pause', new StackError('Cancelled', 'a pause was asked for')),
    endReason: (key) => wished.get(key)?.abandon ?? wished.get(key)?.cancel,
    isPausing: (key) => wished.get(key)?.pause !== undefined,
    isStuck: (key) => stuck.has(key),
    isRunning: (key) => runs.has(key),
    idle: async () => {
      await Promise.allSettled([...runs.values()].map(({ done }) => done));
    },
  };
}
