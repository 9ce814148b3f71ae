import { defineWorkflow } from '@polarstack/workflow';
import { finalBackup } from './delete-backup.ts';
import { deleteObjects, deletePods } from './delete-objects.ts';
import type { Services } from './services.ts';
import { stopEngines } from './stop-engines.ts';

/** Leaves nothing of a cluster, however far its creation got. Its ports are free when its object is gone. */
export const deleteWorkflow = defineWorkflow<Services>({
  name: 'delete/1',
  steps: [finalBackup, stopEngines, deletePods, deleteObjects],
});
