import { type MPDOperation, MPDOperations } from '@polarstack/api';
import { isStackError, StackError } from '@polarstack/base';
import { type KubeClient, parseKey } from '@polarstack/kube';
import { newRecord, type PlannedStep, type Stored, type Workflow, type WorkflowStore } from '@polarstack/workflow';
import { retryOf, toRecord, toStatus } from './operation-record.ts';

/**
 * Workflow records in the status of their `MPDOperation`: the only store. The version is the object's
 * resourceVersion, so that a write from an old state is refused by the API server.
 */
export function createOperationStore(
  client: KubeClient,
  workflowOf: (operation: MPDOperation) => {
    readonly workflow: Workflow<never>;
    readonly input: Record<string, string>;
    readonly plan?: readonly PlannedStep[];
  },
): WorkflowStore {
  const latest = new Map<string, MPDOperation>();

  const stored = (id: string, operation: MPDOperation): Stored => {
    latest.set(id, operation);
    const { workflow, input, plan } = workflowOf(operation);
    const { retry } = operation.spec;
    const record = toRecord(operation) ?? {
      ...newRecord(workflow, input, plan),
      ...(retry && { retry: retryOf(retry) }),
    };
    return { record, version: operation.metadata.resourceVersion ?? '' };
  };

  return {
    load: async (id, signal) => {
      const operation = await client.find(MPDOperations, parseKey(id), signal);
      return operation ? stored(id, operation) : undefined;
    },
    save: async (id, record, version, signal) => {
      const base = latest.get(id);
      if (!base) throw new StackError('Internal', `operation ${id} is saved before it was loaded`);
      try {
        const metadata = { ...base.metadata, resourceVersion: version };
        const status = toStatus(record, base.status);
        return stored(id, await client.replaceStatus(MPDOperations, { ...base, metadata, status }, signal));
      } catch (error) {
        if (isStackError(error, 'NotFound')) throw new StackError('WorkflowGone', `operation ${id} is gone`);
        if (isStackError(error, 'Conflict')) {
          throw new StackError('WorkflowConflict', `operation ${id} was changed meanwhile`, { cause: error });
        }
        throw error;
      }
    },
  };
}
